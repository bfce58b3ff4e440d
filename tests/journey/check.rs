//! `check` by the real binary: what a person, a pipeline and a code scanner see, and what `--fix` writes.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::git;

const OLD: &str = "apiVersion: helm.toolkit.fluxcd.io/v2beta2  # kept\nkind: HelmRelease\n\
    metadata:\n  name: web\n  namespace: shop\nspec:\n  chart: {spec: {chart: app}}\n  values:\n    \
    image: {repository: ghcr.io/vtr/web, tag: latest}\n    env: {DB_PASSWORD: hunter2hunter2}\n";

struct Checkout(tempfile::TempDir);

impl Checkout {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let checkout = Self(folder);
        checkout.write("clusters/prod/shop/web.yaml", OLD);
        checkout.write("clusters/prod/flux-system/gotk-components.yaml", "# Flux Version: v2.6.0\n");
        git::git(checkout.path(), &["init", "-q", "-b", "main"]);
        checkout.commit("all");
        checkout
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn commit(&self, subject: &str) {
        git::git(self.path(), &["add", "."]);
        git::git(self.path(), &["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", subject]);
    }

    fn check(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let ran = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .arg("check")
            .arg(self.path())
            .args(arguments)
            .current_dir("/")
            .env_remove("TIDEGATE_CONFIG")
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (ran.status.code(), text(&ran.stdout), text(&ran.stderr))
    }
}

#[test]
fn findings_are_printed_with_their_place_and_never_with_the_secret() {
    let checkout = Checkout::new();
    let (code, out, err) = checkout.check(&[]);
    assert_eq!(code, Some(1), "{out}{err}");
    for line in [
        "error floating-tag: ",
        "  clusters/prod/shop/web.yaml:9:47: the tag `latest` of ghcr.io/vtr/web names no version\n",
        "  clusters/prod/shop/web.yaml:10:24: spec.values.env.DB_PASSWORD looks like a credential in plain text\n",
        "1 finding can be corrected with --fix\n",
        "(-v shows the notes)",
        "no configuration: missing-before and environments-differ were not checked",
    ] {
        assert!(out.contains(line), "{line}: {out}");
    }
    for format in
        [&["-o", "json"][..], &["-o", "yaml"], &["--format", "sarif"], &["--format", "github"], &["-v"]]
    {
        let (_, out, err) = checkout.check(format);
        assert!(!format!("{out}{err}").contains("hunter2"), "{format:?}");
    }
}

#[test]
fn programs_read_json_sarif_and_annotations() {
    let checkout = Checkout::new();
    let json: Value = serde_json::from_str(&checkout.check(&["-o", "json"]).1).unwrap();
    assert_eq!(
        (&json["kind"], &json["errors"], &json["fluxVersion"]),
        (&"Check".into(), &2.into(), &"2.6".into())
    );
    let first = &json["findings"][0];
    assert_eq!((&first["rule"], &first["fixable"]), (&"deprecated-api".into(), &true.into()), "{json}");
    let sarif: Value = serde_json::from_str(&checkout.check(&["--format", "sarif"]).1).unwrap();
    let run = &sarif["runs"][0];
    for result in run["results"].as_array().unwrap() {
        let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], result["ruleId"]);
        assert!(["note", "warning", "error"].contains(&result["level"].as_str().unwrap()));
    }
    let place = &run["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "clusters/prod/shop/web.yaml");
    let annotations = checkout.check(&["--format", "github"]).1;
    assert!(
        annotations.contains(
            "::error file=clusters/prod/shop/web.yaml,line=9,col=47,title=floating-tag::the tag `latest`"
        ),
        "{annotations}"
    );
}

#[test]
fn a_pull_request_sees_what_it_changed_and_left_behind() {
    let checkout = Checkout::new();
    git::git(checkout.path(), &["checkout", "-qb", "change"]);
    checkout.write("clusters/prod/api/kustomization.yaml", "namespace: api\nresources:\n- api.yaml\n");
    checkout.write("clusters/prod/api/api.yaml", &OLD.replace("name: web", "name: api"));
    let (_, out, _) = checkout.check(&["--since", "main", "--format", "github"]);
    assert!(out.contains("api/api.yaml") && !out.contains("shop/web.yaml"), "{out}");
    checkout.commit("api");
    git::git(checkout.path(), &["branch", "-f", "main"]);
    fs::remove_file(checkout.path().join("clusters/prod/api/api.yaml")).unwrap();
    let (code, out, _) = checkout.check(&["--since", "main", "--format", "github"]);
    assert_eq!(code, Some(1));
    assert!(
        out.contains("kustomization.yaml,line=3,col=1,title=broken-entry::`api.yaml` does not exist"),
        "{out}"
    );
    let (code, _, err) = checkout.check(&["--since", "nowhere"]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("with `nowhere`") && err.contains("hint"), "{err}");
}

#[test]
fn a_correction_changes_the_version_and_no_other_byte() {
    let checkout = Checkout::new();
    let (code, out, _) = checkout.check(&["--fix"]);
    assert_eq!(code, Some(1), "the rest needs a person");
    assert!(out.contains("corrected clusters/prod/shop/web.yaml: 1 finding\n"), "{out}");
    let text = fs::read_to_string(checkout.path().join("clusters/prod/shop/web.yaml")).unwrap();
    assert_eq!(text, OLD.replace("v2beta2", "v2"));
    let (_, again, _) = checkout.check(&["--fix"]);
    assert!(!again.contains("corrected"), "{again}");
}

#[test]
fn the_configuration_of_the_repository_sets_rules_and_environments() {
    let checkout = Checkout::new();
    checkout.write(
        "clusters/dev/shop/web.yaml",
        &OLD.replace("latest", "v1.0.0").replace("vtr/web", "vtr/other"),
    );
    let configuration = "git: {url: /srv/gitops.git, branch: main, author: {name: t, email: t@example.com}}\n\
        environments:\n- {name: dev, paths: [clusters/dev]}\n- {name: prod, paths: [clusters/prod], after: dev}\n\
        check: {rules: {floating-tag: off, plain-secret: warning}}\nstore: {url: 'sqlite:///tmp/none.db'}\n";
    checkout.write("tidegate.yaml", configuration);
    let (code, out, err) = checkout.check(&[]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("shop/web has the image `vtr/web` in prod and `vtr/other` in dev"), "{out}");
    assert!(!out.contains("floating-tag") && out.contains("warning plain-secret"), "{out}");
    assert_eq!(checkout.check(&["--strict"]).0, Some(1));
    checkout.write("tidegate.yaml", &configuration.replace("floating-tag", "floating-tags"));
    let (code, _, err) = checkout.check(&[]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("did you mean `floating-tag`?"), "{err}");
}
