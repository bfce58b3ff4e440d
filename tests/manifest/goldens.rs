//! Runs the golden folders.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use tidegate::manifest::{self, Edit, ImageField, Manifest};
use tidegate::model::{Digest, Tag};

/// The files beside the cases.
const SOURCES: [&str; 3] = ["goldens.rs", "laws.rs", "properties.rs"];
const FILES: [&str; 4] = ["edits.yaml", "expected.txt", "expected.yaml", "input.yaml"];
const MIN_CASES: usize = 40;

/// One entry of `edits.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EditEntry {
    /// The field's key path.
    field: String,
    /// The index among fields with the same path.
    #[serde(default)]
    number: usize,
    tag: String,
    digest: Option<String>,
}

#[test]
fn every_case_reads_and_edits_as_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manifest");
    let mut wrong = Vec::new();
    let mut cases = 0;
    for name in sorted_names(&root) {
        if SOURCES.contains(&name.as_str()) {
            continue;
        }
        cases += 1;
        let case = root.join(&name);
        for file in sorted_names(&case) {
            assert!(FILES.contains(&file.as_str()), "{name}: unexpected file {file}");
        }
        wrong.extend(check(&case).into_iter().map(|what| format!("== {name}: {what}")));
    }
    assert!(cases >= MIN_CASES, "only {cases} cases were found in {}", root.display());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn sorted_names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The differences between a case and its expected files.
fn check(case: &Path) -> Vec<String> {
    let input = fs::read(case.join("input.yaml")).unwrap();
    let (report, text) = run(case, &input);
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(case.join("expected.txt"), &report).unwrap();
        let target = case.join("expected.yaml");
        match &text {
            Some(text) => fs::write(target, text).unwrap(),
            None if target.exists() => fs::remove_file(target).unwrap(),
            None => {}
        }
    }
    let expected_report = fs::read_to_string(case.join("expected.txt")).unwrap();
    let expected_text = fs::read(case.join("expected.yaml")).ok();
    let mut wrong = Vec::new();
    if report != expected_report {
        wrong.push(format!("read\n{report}instead of\n{expected_report}"));
    }
    if text != expected_text {
        let show = |text: Option<Vec<u8>>| {
            text.map_or("no text".to_owned(), |text| text.escape_ascii().to_string().replace("\\n", "\n"))
        };
        wrong.push(format!("wrote\n{}\ninstead of\n{}", show(text), show(expected_text)));
    }
    wrong
}

fn run(case: &Path, input: &[u8]) -> (String, Option<Vec<u8>>) {
    let manifest = match manifest::read(input) {
        Ok(manifest) => manifest,
        Err(error) => {
            return (format!("unreadable input.yaml:{}: {}\n", error.position, error.reason), None);
        }
    };
    let mut report = describe(&manifest);
    let entries: Option<Vec<EditEntry>> =
        fs::read(case.join("edits.yaml")).ok().map(|text| serde_yaml::from_slice(&text).unwrap());
    let edits: Vec<_> = match &entries {
        Some(entries) => entries.iter().map(|entry| chosen(&manifest, entry)).collect(),
        None => manifest.fields.iter().map(|field| (field, tag("v2.0.0"), digest(field))).collect(),
    };
    let edits: Vec<_> =
        edits.iter().map(|(field, tag, digest)| Edit { field, tag, digest: digest.as_ref() }).collect();
    match manifest::edit(input, &edits) {
        Ok(text) => (report, Some(text)),
        Err(error) => {
            let place = error.position().map_or(String::new(), |position| format!(":{position}"));
            writeln!(report, "edit refused input.yaml{place}: {error}").unwrap();
            if let Some(cause) = std::error::Error::source(&error) {
                writeln!(report, "  {cause}").unwrap();
            }
            (report, None)
        }
    }
}

fn chosen<'m>(manifest: &'m Manifest, entry: &EditEntry) -> (&'m ImageField, Tag, Option<Digest>) {
    let mut named = manifest.fields.iter().filter(|field| field.key_path == entry.field);
    let field = named.nth(entry.number).unwrap_or_else(|| panic!("no field {}", entry.field));
    (field, tag(&entry.tag), entry.digest.as_ref().map(|digest| digest.parse().unwrap()))
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

fn digest(field: &ImageField) -> Option<Digest> {
    field.digest.as_ref().map(|_| format!("sha256:{}", "2".repeat(64)).parse().unwrap())
}

fn describe(manifest: &Manifest) -> String {
    let mut report = String::new();
    for field in &manifest.fields {
        let image = field.image.as_ref().map_or("unnamed".to_owned(), ToString::to_string);
        let ImageField { service, tag, position, key_path, .. } = field;
        write!(report, "field input.yaml:{position}: {service} {key_path} {image} {tag}").unwrap();
        if let Some(digest) = &field.digest {
            write!(report, " {}", digest.short()).unwrap();
        }
        if let Some(policy) = &field.marker {
            write!(report, " by {policy}").unwrap();
        }
        report.push('\n');
    }
    for refusal in &manifest.refusals {
        writeln!(report, "refused input.yaml:{refusal}").unwrap();
        writeln!(report, "  {}", refusal.reason.hint()).unwrap();
    }
    for position in &manifest.stray_setters {
        writeln!(report, "setter comment on no value input.yaml:{position}").unwrap();
    }
    for release in &manifest.releases {
        let name = release.service.as_ref().map_or("unnamed".to_owned(), ToString::to_string);
        if release.is_suspended {
            writeln!(report, "suspended input.yaml:{}: {name}", release.position).unwrap();
        }
        for (path, image) in &release.untagged_images {
            writeln!(report, "untagged input.yaml:{}: {name} {path} {image}", release.position).unwrap();
        }
    }
    for kustomization in &manifest.flux_kustomizations {
        writeln!(report, "{kustomization:?}").unwrap();
    }
    for policy in &manifest.image_policies {
        writeln!(report, "{policy:?}").unwrap();
    }
    for repository in &manifest.image_repositories {
        writeln!(report, "{repository:?}").unwrap();
    }
    for automation in &manifest.automations {
        writeln!(report, "{automation:?}").unwrap();
    }
    report
}
