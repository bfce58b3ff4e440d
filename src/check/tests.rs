//! Each rule on a repository that breaks it and one that keeps it.

use super::*;
use crate::model::{Content, RepoPath};

/// The files of a text in which a line `-- PATH --` begins each.
fn read(text: &str, settings: &CheckSettings) -> Vec<CheckedFile> {
    let files = text.split("-- ").skip(1);
    files
        .map(|file| {
            let (path, text) = file.split_once(" --\n").unwrap();
            let path: RepoPath = path.parse().unwrap();
            CheckedFile::read(&path, Content::Bytes(text.as_bytes()), settings)
        })
        .collect()
}

fn environment(name: &str, path: &str, after: Option<&str>) -> CheckedEnvironment {
    CheckedEnvironment {
        name: name.parse().unwrap(),
        paths: vec![path.parse().unwrap()],
        after: after.map(|after| after.parse().unwrap()),
    }
}

fn report(text: &str) -> CheckReport {
    let settings = CheckSettings::default();
    let environments = [environment("dev", "dev", None), environment("prod", "prod", Some("dev"))];
    check(read(text, &settings), &environments, &settings)
}

/// The findings of one rule, as `file:line:column message`.
fn findings(text: &str, rule: Rule) -> Vec<String> {
    let found = report(text).findings.into_iter().filter(|finding| finding.rule == rule);
    found.map(|finding| format!("{}:{} {}", finding.file, finding.position, finding.message)).collect()
}

fn release(name: &str, values: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: {name}, namespace: shop}}\n\
         spec:\n  chart: {{spec: {{chart: app, sourceRef: {{kind: HelmRepository, name: charts}}}}}}\n  values:\n{values}"
    )
}

const IMAGE: &str = "    image: {repository: ghcr.io/vtr/web, tag: v1.0.0}\n";
const SMALL: &str =
    "    resources: {requests: {cpu: 100m, memory: 256Mi}, limits: {cpu: 500m, memory: 512Mi}}\n";

#[test]
fn the_standard_release_of_the_team_has_no_finding() {
    let text = format!(
        "-- dev/web.yaml --\n{release}    service: {{port: 3000}}\n\
         \x20   livenessProbe: {{httpGet: {{path: /health, port: 3000}}}}\n\
         \x20   readinessProbe: {{httpGet: {{path: /ready, port: 3000}}}}\n\
         \x20   env: {{NODE_ENV: production, DATABASE_URL: \"${{DATABASE_URL}}\"}}\n",
        release = release("web", &format!("{IMAGE}{SMALL}")).replace(
            "namespace: shop",
            "namespace: shop, labels: {app: web, environment: production, managed-by: flux}"
        ),
    );
    let report = report(&text);
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
}

#[test]
fn tags_that_move_or_name_no_version_are_found() {
    let of = |tag: &str| {
        release("web", &format!("    image: {{repository: ghcr.io/vtr/web, tag: {tag}}}\n{SMALL}"))
    };
    for (tag, rule, message) in [
        ("latest", Rule::FloatingTag, "dev/a.yaml:7:47 the tag `latest` of ghcr.io/vtr/web names no version"),
        ("main", Rule::FloatingTag, "dev/a.yaml:7:47 the tag `main` of ghcr.io/vtr/web names no version"),
        (
            "9f2c1ab",
            Rule::TagNotAVersion,
            "dev/a.yaml:7:47 the tag `9f2c1ab` of ghcr.io/vtr/web is no version",
        ),
    ] {
        assert_eq!(findings(&format!("-- dev/a.yaml --\n{}", of(tag)), rule), [message]);
    }
    let pod = "-- dev/a.yaml --\napiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: b}\n\
        spec:\n  containers:\n  - {name: a, image: nginx}\n  - {name: b, image: 'nginx@sha256:aa'}\n  - {name: c, image: 'reg:5000/a:1.2.3'}\n";
    assert_eq!(findings(pod, Rule::FloatingTag), ["dev/a.yaml:6:22 nginx has no tag, so it runs `latest`"]);
    assert!(findings(pod, Rule::TagNotAVersion).is_empty());
}

#[test]
fn requests_and_limits_are_required_and_compared_with_the_sizes() {
    let with =
        |resources: &str| format!("-- dev/a.yaml --\n{}", release("web", &format!("{IMAGE}{resources}")));
    assert_eq!(
        findings(&with(""), Rule::Resources),
        ["dev/a.yaml:7:47 ghcr.io/vtr/web sets no requests or limits"]
    );
    assert_eq!(
        findings(&with("    resources: {requests: {cpu: 100m}, limits: {memory: 1Gi}}\n"), Rule::Resources),
        ["dev/a.yaml:8:16 ghcr.io/vtr/web does not set limits.cpu, requests.memory"]
    );
    assert!(findings(&with(SMALL), Rule::ResourceSize).is_empty());
    let same = "    resources: {requests: {cpu: 0.25, memory: 0.5Gi}, limits: {cpu: 1, memory: 1Gi}}\n";
    assert!(findings(&with(same), Rule::ResourceSize).is_empty(), "a size in another spelling");
    let odd = SMALL.replace("500m", "300m");
    assert_eq!(
        findings(&with(&odd), Rule::ResourceSize),
        [
            "dev/a.yaml:8:16 ghcr.io/vtr/web has the size CPU 100m to 300m, memory 256Mi to 512Mi, which is no standard size"
        ]
    );
}

#[test]
fn credentials_in_plain_text_are_found_and_never_quoted() {
    let text = "-- dev/a.yaml --\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: web-config, namespace: shop}\n\
        data:\n  DATABASE_URL: postgres://user:hunter2@db/shop\n  LOG_LEVEL: info\n---\n\
        apiVersion: v1\nkind: Secret\nmetadata: {name: web-secret, namespace: shop}\ndata: {A: aHVudGVyMg==}\n---\n\
        apiVersion: v1\nkind: Secret\nmetadata: {name: sealed, namespace: shop}\nstringData: {A: \"ENC[AES256_GCM,data:x]\"}\nsops: {mac: x}\n---\n\
        apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n\
        spec: {template: {spec: {containers: [{name: a, image: 'a/b:1.0.0', env: [{name: DB_PASSWORD, value: hunter2hunter2}, {name: X, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]}}}\n";
    let found = findings(text, Rule::PlainSecret);
    assert_eq!(
        found,
        [
            "dev/a.yaml:5:17 data.DATABASE_URL looks like a URL with a password in plain text",
            "dev/a.yaml:11:7 Secret shop/web-secret holds a value in plain text, which base64 does not hide",
            "dev/a.yaml:22:102 env[0].value (DB_PASSWORD) looks like a credential in plain text",
        ]
    );
    assert!(!format!("{:?}", report(text)).contains("hunter2"));
}

#[test]
fn probes_must_ask_a_port_and_a_path_that_are_there() {
    let text = format!(
        "-- dev/a.yaml --\n{}",
        release(
            "web",
            &format!(
                "{IMAGE}{SMALL}    service: {{port: 3000}}\n    livenessProbe: {{httpGet: {{path: health, port: 8080}}}}\n"
            )
        )
    );
    assert_eq!(
        findings(&text, Rule::ProbeTarget),
        [
            "dev/a.yaml:10:37 the path `health` of livenessProbe does not begin with `/`",
            "dev/a.yaml:10:51 livenessProbe asks port 8080, but the service listens on 3000",
        ]
    );
    assert_eq!(
        findings(&text, Rule::MissingProbe),
        ["dev/a.yaml:7:5 HelmRelease shop/web has a port and no readinessProbe"]
    );
    let another = text.replace("{port: 3000}", "{port: 80, targetPort: 8080}");
    assert_eq!(findings(&another, Rule::ProbeTarget).len(), 1, "the service maps ports");
}

#[test]
fn names_follow_the_service() {
    let text = format!(
        "-- dev/shop/web.yaml --\n{}-- dev/shop/web-settings.yaml --\napiVersion: v1\nkind: ConfigMap\n\
         metadata: {{name: web-settings, namespace: shop}}\n---\napiVersion: v1\nkind: ConfigMap\n\
         metadata: {{name: web-config, namespace: shop}}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: Shop_1}}\n",
        release("web", &format!("{IMAGE}{SMALL}"))
    );
    assert_eq!(
        findings(&text, Rule::Name),
        [
            "dev/shop/web-settings.yaml:3:18 the ConfigMap `web-settings` of web does not end in `-config`",
            "dev/shop/web-settings.yaml:11:18 the name `Shop_1` of this Namespace is not in kebab case",
        ]
    );
}

#[test]
fn kustomize_names_namespaces_and_other_tools_fill_in_secrets() {
    let text = format!(
        "-- dev/shop/kustomization.yaml --\nnamespace: shop\nresources: [namespace.yaml, a.yaml]\n\
         -- dev/shop/namespace.yaml --\napiVersion: v1\nkind: Namespace\nmetadata: {{name: _}}\n\
         -- dev/shop/a.yaml --\n{}---\napiVersion: v1\nkind: Secret\nmetadata: {{name: web-secret}}\nstringData: {{A: \"op://vault/item/field\"}}\n",
        release("web", &format!("{IMAGE}{SMALL}"))
    );
    for rule in [Rule::NamespaceObject, Rule::Name, Rule::PlainSecret] {
        assert_eq!(findings(&text, rule), [""; 0], "{rule}");
    }
}

#[test]
fn namespaces_and_sources_must_exist() {
    let text = format!(
        "-- dev/a.yaml --\n{}-- dev/charts.yaml --\napiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\n\
         metadata: {{name: charts, namespace: flux-system}}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: other}}\n---\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: lost}}\n",
        release("web", &format!("{IMAGE}{SMALL}"))
    );
    assert_eq!(
        findings(&text, Rule::NamespaceObject),
        ["dev/a.yaml:3:18 no Namespace object creates the namespace shop"]
    );
    assert_eq!(
        findings(&text, Rule::MissingSource),
        ["dev/a.yaml:5:41 the HelmRepository charts is in the namespace flux-system, not in shop"]
    );
    assert_eq!(
        findings(&text, Rule::MissingNamespace),
        ["dev/charts.yaml:11:18 ConfigMap lost has no namespace"]
    );
    let elsewhere = text.replace(
        "metadata: {name: charts, namespace: flux-system}",
        "metadata: {name: other, namespace: shop}",
    );
    assert_eq!(
        findings(&elsewhere, Rule::MissingSource),
        ["dev/a.yaml:5:41 no file defines the HelmRepository charts that the chart comes from"]
    );
}

#[test]
fn kustomizations_must_list_what_is_there_and_all_of_it() {
    let text = format!(
        "-- dev/kustomization.yaml --\nnamespace: shop\nresources:\n  - a.yaml\n  - gone.yaml # moved\n  - ../../out.yaml\n\
         -- dev/a.yaml --\n{}-- dev/b.yaml --\n{}",
        release("web", &format!("{IMAGE}{SMALL}")),
        release("api", &format!("{IMAGE}{SMALL}")),
    );
    assert_eq!(
        findings(&text, Rule::BrokenEntry),
        [
            "dev/kustomization.yaml:4:1 `gone.yaml` does not exist",
            "dev/kustomization.yaml:5:1 `../../out.yaml` is outside of the repository",
        ]
    );
    assert_eq!(
        findings(&text, Rule::NotIncluded),
        ["dev/b.yaml:3:18 no kustomization.yaml includes this file, so Flux does not apply it"]
    );
}

const OLD: &str = "# kept\napiVersion: \"helm.toolkit.fluxcd.io/v2beta1\"   # old\nkind: HelmRelease\n\
    metadata: {name: web, namespace: shop}\nspec: {chart: {spec: {chart: app}}}\n";

fn gotk(version: &str) -> String {
    format!(
        "-- dev/flux-system/gotk-components.yaml --\n# Flux Version: {version}\napiVersion: v1\nkind: List\n"
    )
}

#[test]
fn a_replaced_api_version_is_corrected_only_where_flux_serves_the_new_one() {
    for (flux, corrected) in [(Some("v2.6.0"), true), (Some("v2.2.3"), false), (None, false)] {
        let text = format!("-- dev/a.yaml --\n{OLD}{}", flux.map(gotk).unwrap_or_default());
        let report = report(&text);
        let found: Vec<&Finding> =
            report.findings.iter().filter(|finding| finding.rule == Rule::DeprecatedApi).collect();
        assert_eq!(found.len(), 1, "{flux:?}");
        assert_eq!(found[0].fix.is_some(), corrected, "{flux:?}: {}", found[0].hint);
        if corrected {
            let expected = OLD.replace("v2beta1", "v2");
            assert_eq!(super::corrected(OLD, &found).unwrap(), expected, "every other byte stays");
        }
    }
    let moved = OLD.replace(
        "spec: {chart: {spec: {chart: app}}}",
        "spec: {chart: {spec: {chart: app, valuesFile: a.yaml}}}",
    );
    let text = format!("-- dev/a.yaml --\n{moved}{}", gotk("v2.6.0"));
    assert!(report(&text).findings.iter().all(|finding| finding.fix.is_none()), "a field that v2 lacks");
}

#[test]
fn services_are_compared_with_the_environment_before() {
    let prod = release("web", &format!("{IMAGE}{SMALL}    service: {{port: 80}}\n"));
    let dev = prod.replace("vtr/web", "vtr/web-dev").replace("port: 80", "port: 3000");
    let text = format!(
        "-- dev/web.yaml --\n{dev}-- prod/web.yaml --\n{prod}-- prod/api.yaml --\n{}",
        prod.replace("name: web", "name: api")
    );
    assert_eq!(
        findings(&text, Rule::EnvironmentsDiffer),
        [
            "prod/web.yaml:3:18 shop/web has the image `vtr/web` in prod and `vtr/web-dev` in dev",
            "prod/web.yaml:3:18 shop/web has the port `80` in prod and `3000` in dev",
        ]
    );
    assert_eq!(
        findings(&text, Rule::MissingBefore),
        ["prod/api.yaml:3:18 shop/api is in prod and not in dev"]
    );
    let based = format!("{text}-- base/api.yaml --\n{}", prod.replace("name: web", "name: api"));
    assert!(findings(&based, Rule::MissingBefore).is_empty(), "a base that any environment may include");
}

#[test]
fn a_comment_with_a_reason_accepts_a_finding_and_settings_turn_rules_off() {
    let text = format!("-- dev/a.yaml --\n{}", release("web", IMAGE));
    let accepted = text.replace("tag: v1.0.0}", "tag: v1.0.0} # tidegate:ignore resources: a job");
    assert_eq!(findings(&accepted, Rule::Resources).len(), 0);
    assert_eq!(report(&accepted).ignored, 1);
    let mut settings = CheckSettings::default();
    settings.severities.insert(Rule::Resources, None);
    settings.severities.insert(Rule::Labels, Some(RuleSeverity::Error));
    let report = check(read(&text, &settings), &[], &settings);
    let rules: Vec<(Rule, RuleSeverity)> =
        report.findings.iter().map(|finding| (finding.rule, finding.severity)).collect();
    assert_eq!(rules, [(Rule::Labels, RuleSeverity::Error)]);
}

#[test]
fn what_is_no_kubernetes_object_or_is_filled_in_by_helm_is_not_checked() {
    for text in [
        "-- .github/workflows/ci.yaml --\non: push\njobs: {a: {env: {API_KEY: 9f2c1ab0d41e77c0aa31}}}\n",
        "-- values.yaml --\nimage: {repository: a/b, tag: latest}\n",
        "-- c/Chart.yaml --\napiVersion: v2\nname: c\n-- c/templates/a.yaml --\napiVersion: v1\nkind: Pod\nspec: {{ .Values.spec }}\n",
        "-- dev/empty.yaml --\n\n",
    ] {
        let report = report(text);
        assert!(report.findings.is_empty(), "{text}: {:?}", report.findings);
    }
    assert_eq!(
        findings("-- dev/a.yaml --\napiVersion: v1\nkind: Pod\nspec: [\n", Rule::InvalidYaml).len(),
        1
    );
}

#[test]
fn the_documentation_lists_every_rule_with_its_severity() {
    let text = include_str!("../../docs/check.md");
    for rule in Rule::ALL {
        let row = format!("| `{rule}` | {} |", rule.default_severity().as_str());
        assert!(text.contains(&row), "{row}");
    }
}
