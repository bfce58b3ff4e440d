//! Runs the golden folders.

use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use tidegate::config::{Config, EnvLookup};
use tidegate::init::{Draft, InitError, Origin, Policies, ScannedFile, draft};
use tidegate::model::{Content, Elapsed, Fault, RepoPath};

const MIN_CASES: usize = 24;

#[test]
fn every_layout_becomes_the_expected_configuration() {
    let root = root();
    let mut wrong = String::new();
    let cases = cases(&root);
    for case in &cases {
        let made = draft_of(&root.join(case));
        if has_policies(&root.join(case)) {
            let carried = made_of(files(&root.join(case)), Policies::CarriedOver);
            let text = carried.map(|draft| overrides_of(&draft) + &render_draft(&draft)).unwrap();
            wrong.push_str(&difference(&root.join(case).join("expected-from-flux.txt"), Some(&text)));
        }
        wrong.push_str(&difference(&root.join(case).join("expected.txt"), Some(&render(&made))));
        let configuration = made.as_ref().ok().map(|draft| draft.configuration.as_str());
        wrong.push_str(&difference(&root.join(case).join("expected.yaml"), configuration));
    }
    assert!(cases.len() >= MIN_CASES, "only {} cases were found in {}", cases.len(), root.display());
    assert!(
        wrong.is_empty(),
        "if this is meant, run `UPDATE_GENERATED=1 cargo test --test rooms init::` and commit\n{wrong}"
    );
}

#[test]
fn the_order_in_which_files_are_read_does_not_matter() {
    let root = root();
    for case in cases(&root) {
        let files = files(&root.join(&case));
        let mut reversed = files.clone();
        reversed.reverse();
        assert_eq!(
            render(&made_of(files, Policies::Followed)),
            render(&made_of(reversed, Policies::Followed)),
            "{case}"
        );
    }
}

fn has_policies(case: &Path) -> bool {
    fs::read_to_string(case.join("repository.txt")).unwrap().contains("kind: ImagePolicy")
}

/// The section `services` of a configuration.
fn overrides_of(draft: &Draft) -> String {
    let at = draft.configuration.find("services:\n").unwrap();
    draft.configuration[at..].to_owned()
}

struct NoVariables;

impl EnvLookup for NoVariables {
    fn value_of(&self, _: &str) -> Option<OsString> {
        None
    }
}

/// People remove the `#` of the proposals; what is left must load.
#[test]
fn the_proposed_fields_load() {
    let draft = draft_of(&root().join("versions-elsewhere")).unwrap();
    let (before, proposals) = draft.configuration.split_once("# fields:\n").unwrap();
    let proposals = proposals.replace("OWNER/IMAGE", "acme/app").replace("#   - ", "  - ");
    let text =
        format!("{before}fields:\n{proposals}store: {{url: 'sqlite:///var/lib/tidegate/tidegate.db'}}\n");
    let config = Config::parse(&text, "tidegate.yaml", &NoVariables).unwrap().config;
    assert_eq!(config.fields.len(), proposals.lines().count(), "{text}");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/init")
}

fn cases(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(root).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
    let folders = entries.map(Result::unwrap).filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn draft_of(case: &Path) -> Result<Draft, InitError> {
    made_of(files(case), Policies::Followed)
}

fn made_of(files: Vec<(RepoPath, String)>, policies: Policies) -> Result<Draft, InitError> {
    let origin = Origin {
        scanned: "./gitops".to_owned(),
        url: "/srv/git/gitops.git".to_owned(),
        ca_file: None,
        url_notes: Vec::new(),
        auth: None,
        owner: None,
        branch: "main".parse().unwrap(),
    };
    let count = files.len();
    let read = |(path, text): (RepoPath, String)| {
        let file = ScannedFile::scan(&path, Content::Bytes(text.as_bytes()))?;
        Some((path, file))
    };
    draft(files.into_iter().filter_map(read).collect(), count, &origin, policies)
}

/// The files of a case.
fn files(case: &Path) -> Vec<(RepoPath, String)> {
    let text = fs::read_to_string(case.join("repository.txt")).unwrap();
    let mut files: Vec<(RepoPath, String)> = Vec::new();
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("-- ").and_then(|rest| rest.strip_suffix(" --")) {
            files.push((path.parse().unwrap_or_else(|error| panic!("{path:?}: {error}")), String::new()));
            continue;
        }
        let (_, file) = files.last_mut().expect("a line `-- PATH --` before the first file's text");
        match line.strip_prefix("HelmRelease ") {
            Some(short) => file.push_str(&release(short)),
            None => file.extend([line, "\n"]),
        }
    }
    files
}

fn release(short: &str) -> String {
    let mut words = short.splitn(3, ' ');
    let mut next = || words.next().unwrap_or_else(|| panic!("HelmRelease NAMESPACE/NAME IMAGE TAG: {short}"));
    let ((namespace, name), image, tag) = (next().split_once('/').unwrap(), next(), next());
    format!(
        "---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n\
         metadata:\n  name: {name}\n  namespace: {namespace}\n\
         spec:\n  values:\n    image:\n      repository: {image}\n      tag: {tag}\n"
    )
}

/// A draft with its findings, or the error.
fn render(made: &Result<Draft, InitError>) -> String {
    match made {
        Ok(draft) => render_draft(draft),
        Err(error) => format!("error: {error}\nhint: {}\n", error.hint()),
    }
}

fn render_draft(draft: &Draft) -> String {
    let mut text = String::new();
    for environment in &draft.environments {
        let after = environment.after.map_or("-", |after| draft.environments[after].name.as_str());
        let paths: Vec<String> = environment.paths.iter().map(ToString::to_string).collect();
        let soak = Elapsed(environment.soak);
        writeln!(text, "{} after {after}, {soak}: {}", environment.name, paths.join(" ")).unwrap();
    }
    let Draft { services, images, services_in_every, services_in_some, services_in_none, .. } = draft;
    writeln!(text, "{services} services, {images} images; in all {services_in_every}, in some {services_in_some}, in none {services_in_none}").unwrap();
    for finding in &draft.findings {
        write!(text, "{} {}: ", finding.kind.severity().as_str(), finding.kind.as_str()).unwrap();
        if let Some(file) = &finding.file {
            write!(text, "{}", file.path).unwrap();
            if let Some((line, column)) = file.position {
                write!(text, ":{line}:{column}").unwrap();
            }
            text.push_str(": ");
        }
        if let Some(service) = &finding.service {
            write!(text, "{service}: ").unwrap();
        }
        writeln!(text, "{}", finding.message).unwrap();
        if let Some(hint) = &finding.hint {
            writeln!(text, "    {hint}").unwrap();
        }
    }
    text
}

/// How a golden file differs from what was made; nothing when it does not. Written anew when `UPDATE_GENERATED=1`.
fn difference(path: &Path, made: Option<&str>) -> String {
    if std::env::var_os("UPDATE_GENERATED").is_some_and(|value| value == "1") {
        if let Some(made) = made {
            fs::write(path, made).unwrap();
        }
        return String::new();
    }
    let kept = fs::read_to_string(path).ok();
    if kept.as_deref() == made {
        return String::new();
    }
    let (kept, made) = (kept.unwrap_or_default(), made.unwrap_or_default());
    format!("== {}\n{}\n", path.display(), similar::TextDiff::from_lines(kept.as_str(), made).unified_diff())
}

#[test]
fn an_error_becomes_a_fault_with_its_hint() {
    let fault = Fault::from(made_of(Vec::new(), Policies::Followed).unwrap_err());
    assert_eq!(fault.class().exit_code(), 1);
    assert!(fault.hint().is_some());
}
