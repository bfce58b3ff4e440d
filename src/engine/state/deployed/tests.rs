//! The deployed state of one commit: which fields become targets, under which rules, and which are reported instead.

use rstest::rstest;

use super::*;
use crate::engine::fake::{Branch, FLUX, Settings, digest, release};
use crate::model::{Id, TargetId};

const FOLDERS: [&str; 2] = ["np", "np2"];

pub(super) fn deployed(settings: &Settings, files: &[(&str, String)]) -> DeployedState {
    let branch = Branch::default();
    let files: Vec<_> = files.iter().map(|(file, text)| (*file, Some(text.clone()))).collect();
    branch.commit("Ana", "begin", "2026-03-02T09:00:00Z".parse().unwrap(), &files);
    let repository_policy = settings.repository_policy();
    let snapshot = Snapshot::take(&branch, branch.head(), None, &Vec::new().into()).unwrap();
    DeployedState::of(&snapshot, &Resolver::of(&snapshot, &repository_policy), &repository_policy)
}

pub(super) fn one_environment() -> Settings {
    Settings { environments: vec![("non-prod", FOLDERS.to_vec(), None)], ..Settings::default() }
}

/// `app=v1.0.0+v1.0.1 *`: the image, what runs, the range.
fn summary(deployed: &DeployedState) -> String {
    let line = |target: &Target| {
        let tags: Vec<&str> = target.running.iter().map(|one| one.tag.as_str()).collect();
        let image = target.image().repository().trim_start_matches("vtr/");
        format!("{image}={} {}", tags.join("+"), target.rules.versions)
    };
    deployed.targets.iter().map(line).collect::<Vec<_>>().join("; ")
}

pub(super) fn errors(deployed: &DeployedState) -> String {
    let errors = deployed.problems.iter().filter(|problem| problem.is_error);
    errors.map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn policy(name: &str, range: &str) -> String {
    format!(
        "---\n{FLUX}\nkind: ImagePolicy\nmetadata: {{name: {name}, namespace: flux}}\n\
         spec: {{imageRepositoryRef: {{name: app}}, policy: {{semver: {{range: '{range}'}}}}}}\n"
    )
}

fn repository(image: &str) -> String {
    format!(
        "---\n{FLUX}\nkind: ImageRepository\nmetadata: {{name: app, namespace: flux}}\n\
         spec: {{image: ghcr.io/vtr/{image}}}\n"
    )
}

fn marked(tag: &str, policy: &str) -> String {
    release("app", &format!("{tag} # {{\"$imagepolicy\": \"flux:{policy}:tag\"}}"))
}

#[rstest]
#[case::one("v1.0.0", "v1.0.0", "app=v1.0.0 >=1.0.0")]
#[case::two_versions("v1.0.1", "v1.0.0", "app=v1.0.0+v1.0.1 >=1.0.0")]
#[case::two_spellings_are_not_one("1.0.0", "v1.0.0", "app=1.0.0+v1.0.0 >=1.0.0")]
fn the_running_version_is_the_one_that_every_folder_has(
    #[case] one: &str,
    #[case] other: &str,
    #[case] expected: &str,
) {
    let deployed = deployed(
        &one_environment(),
        &[("np/app.yaml", release("app", one)), ("np2/app.yaml", release("app", other))],
    );
    assert_eq!((summary(&deployed).as_str(), errors(&deployed).as_str()), (expected, ""));
}

#[rstest]
#[case::no_version(
    "main-7",
    "np2/app.yaml:8:12: common/app in non-prod: runs `main-7`, which is not a semantic version"
)]
#[case::latest("latest", "`latest`")]
fn a_tag_that_is_no_version_is_reported(#[case] tag: &str, #[case] expected: &str) {
    let deployed = deployed(&one_environment(), &[("np2/app.yaml", release("app", tag))]);
    assert_eq!(summary(&deployed), "");
    assert!(errors(&deployed).contains(expected), "{}", errors(&deployed));
}

#[test]
fn an_ignored_service_is_neither_moved_nor_reported() {
    let deployed = deployed(&one_environment(), &[("np/ignored.yaml", release("ignored", "latest"))]);
    assert_eq!(
        (summary(&deployed), errors(&deployed)),
        (String::new(), "no YAML file under `np2`, a path of environment non-prod".into())
    );
}

#[test]
fn several_images_of_a_service_are_several_targets() {
    let sidecar = "    sidecar: {image: 'ghcr.io/vtr/proxy:v2.0.0'}\n";
    let deployed = deployed(&one_environment(), &[("np/app.yaml", release("app", "v1.0.0") + sidecar)]);
    assert_eq!(summary(&deployed), "app=v1.0.0 >=1.0.0; proxy=v2.0.0 >=1.0.0");
}

#[rstest]
#[case::by_its_image(vec![release("app", "v1.0.0"), policy("app", "~1.0") + &repository("app")], "app=v1.0.0 ~1.0")]
#[case::of_another_image(vec![release("app", "v1.0.0"), policy("app", "~1.0") + &repository("web")], "app=v1.0.0 >=1.0.0")]
#[case::by_its_marker(
    vec![marked("v1.0.0", "b"), policy("a", "~1.0") + &policy("b", "~1.1") + &repository("app")],
    "app=v1.0.0 ~1.1"
)]
#[case::two_without_a_marker(vec![release("app", "v1.0.0"), policy("a", "~1.0") + &policy("b", "~1.1") + &repository("app")], "")]
#[case::a_marker_that_leads_nowhere(vec![marked("v1.0.0", "gone"), policy("a", "~1.0") + &repository("app")], "")]
#[case::a_range_that_cannot_be_read(vec![release("app", "v1.0.0"), policy("a", "soon") + &repository("app")], "")]
#[case::copies(
    vec![release("app", "v1.0.0"), policy("a", "~1.0") + &repository("app"), policy("a", "~1.0") + &repository("app")],
    "app=v1.0.0 ~1.0"
)]
#[case::copies_that_differ(
    vec![release("app", "v1.0.0"), policy("a", "~1.0") + &repository("app"), policy("a", "~1.1") + &repository("app")],
    ""
)]
#[case::one_field_unclear(
    vec![release("app", "v1.0.0"), marked("v1.0.1", "gone")],
    ""
)]
#[case::fields_that_follow_different_policies(
    vec![marked("v1.0.0", "a"), marked("v1.0.0", "b"), policy("a", "~1.0") + &policy("b", "~1.1") + &repository("app")],
    ""
)]
#[case::fields_that_follow_policies_that_say_the_same(
    vec![marked("v1.0.0", "a"), marked("v1.0.0", "b"), policy("a", "~1.0") + &policy("b", "~1.0") + &repository("app")],
    "app=v1.0.0 ~1.0"
)]
fn flux_policies_are_followed_or_reported(#[case] texts: Vec<String>, #[case] expected: &str) {
    let names = ["np/a.yaml", "np2/b.yaml", "np/c.yaml"];
    let files: Vec<_> = names.into_iter().zip(texts).collect();
    let deployed = deployed(&one_environment(), &files);
    assert_eq!(summary(&deployed), expected, "{}", errors(&deployed));
    assert_eq!(errors(&deployed).is_empty(), !expected.is_empty(), "{}", errors(&deployed));
}

/// `np` and `np2` are of non-prod, `prod` is of prod, `shared` of neither.
#[rstest]
#[case::shared_by_its_image(vec![("shared/f.yaml", policy("a", "~1.0") + &repository("app"))], release("app", "v1.0.0"), "~1.0")]
#[case::shared_by_its_marker(
    vec![("shared/f.yaml", policy("a", "~1.0") + &policy("b", "~1.1") + &repository("app"))],
    marked("v1.0.0", "b"),
    "~1.1"
)]
#[case::its_own_before_a_shared_one(
    vec![("np2/f.yaml", policy("a", "~1.0") + &repository("app")), ("shared/f.yaml", policy("b", "~1.1") + &repository("app"))],
    release("app", "v1.0.0"),
    "~1.0"
)]
#[case::its_own_of_a_shared_repository(
    vec![("np2/f.yaml", policy("a", "~1.0")), ("shared/f.yaml", repository("app"))],
    release("app", "v1.0.0"),
    "~1.0"
)]
#[case::two_shared(
    vec![("shared/f.yaml", policy("a", "~1.0") + &policy("b", "~1.1") + &repository("app"))],
    release("app", "v1.0.0"),
    "several ImagePolicies select ghcr.io/vtr/app: flux/a, flux/b"
)]
#[case::of_another_environment_by_its_marker(
    vec![("prod/f.yaml", policy("a", "~1.0") + &repository("app"))],
    marked("v1.0.0", "a"),
    "~1.0"
)]
#[case::of_another_environment_by_its_image(
    vec![("prod/f.yaml", policy("a", "~1.0") + &repository("app"))],
    release("app", "v1.0.0"),
    ">=1.0.0"
)]
fn policies_are_followed_wherever_they_are(
    #[case] mut files: Vec<(&str, String)>,
    #[case] app: String,
    #[case] expected: &str,
) {
    files.push(("np/app.yaml", app));
    let environments = vec![("non-prod", FOLDERS.to_vec(), None), ("prod", vec!["prod"], Some(0))];
    let deployed = deployed(&Settings { environments, ..Settings::default() }, &files);
    let non_prod = summary(&deployed).split("; ").next().unwrap_or_default().to_owned();
    if non_prod.is_empty() {
        assert!(errors(&deployed).contains(expected), "{}", errors(&deployed));
    } else {
        assert_eq!(non_prod, format!("app=v1.0.0 {expected}"));
    }
}

#[test]
fn rules_that_the_configuration_names_stand_before_flux() {
    let mut settings = one_environment();
    settings.rules.are_explicit = true;
    let files =
        [("np/a.yaml", marked("v1.0.0", "gone")), ("np2/b.yaml", policy("a", "~1.0") + &repository("app"))];
    assert_eq!(summary(&deployed(&settings, &files)), "app=v1.0.0 >=1.0.0");
}

#[test]
fn a_lone_tag_is_of_the_image_that_all_folders_agree_on() {
    let lone = marked("v1.0.0", "a").replace("      repository: ghcr.io/vtr/app\n", "");
    let flux = policy("a", "~1.0") + &repository("app");
    let agreed =
        [("np/a.yaml", lone.clone()), ("np/f.yaml", flux.clone()), ("np2/f.yaml", repository("app"))];
    assert_eq!(summary(&deployed(&one_environment(), &agreed)), "app=v1.0.0 ~1.0");
    let torn = [("np/a.yaml", lone), ("np/f.yaml", flux), ("np2/f.yaml", repository("web"))];
    let torn = deployed(&one_environment(), &torn);
    assert_eq!(summary(&torn), "");
    assert!(errors(&torn).contains("names no known image"), "{}", errors(&torn));
}

#[test]
fn a_filter_without_extract_reads_the_whole_tag() {
    let filtered = policy("a", "~1.0").replace("policy: {", "filterTags: {pattern: '^v1'}, policy: {");
    let files = [("np/a.yaml", release("app", "v1.0.0")), ("np2/f.yaml", filtered + &repository("app"))];
    let deployed = deployed(&one_environment(), &files);
    assert_eq!(summary(&deployed), "app=v1.0.0 ~1.0", "{}", errors(&deployed));
}

#[test]
fn pins_that_differ_are_apart() {
    let pinned = |letter| release("app", &format!("v1.0.0@{}", digest(letter)));
    for (other, expected) in [(pinned('a'), false), (release("app", "v1.0.0"), false), (pinned('b'), true)] {
        let deployed = deployed(&one_environment(), &[("np/a.yaml", pinned('a')), ("np2/b.yaml", other)]);
        assert_eq!(deployed.targets[TargetId::at(0)].is_pinned_apart(), expected);
    }
}

/// A field that is refused in one folder, and a good one of the same service in another.
#[rstest]
#[case::of_the_image(release("app", "latest"), "")]
#[case::of_the_image_as_a_number(release("app", "1.10"), "")]
#[case::of_the_image_in_a_template(release("app", "'{{ tag }}'"), "")]
#[case::of_the_image_as_a_reference(
    release("app", "v1.0.0").replace("    image:\n      repository: ghcr.io/vtr/app\n      tag: v1.0.0", "    image: ghcr.io/vtr/app:latest"),
    ""
)]
#[case::of_another_image(
    release("app", "v1.0.0") + "    sidecar: {image: 'ghcr.io/vtr/proxy:latest'}\n",
    "app=v1.0.0+v1.0.1 >=1.0.0"
)]
#[case::of_an_image_that_is_not_known(
    release("app", "v1.0.0") + "    sidecar: {image: 'ghcr.io/vtr/{{ proxy }}:v1.0.0'}\n",
    ""
)]
#[case::with_a_key_twice(release("app", "v1.0.0") + "    sidecar: {image: 'ghcr.io/vtr/proxy:v1.0.0', image: x}\n", "")]
#[case::of_an_unknown_version_of_the_api(
    release("app", "v1.0.0").replace("helm.toolkit.fluxcd.io/v2", "helm.toolkit.fluxcd.io/v9"),
    ""
)]
fn a_refused_field_holds_back_what_may_be_of_its_image(#[case] refused: String, #[case] expected: &str) {
    let deployed =
        deployed(&one_environment(), &[("np/app.yaml", refused), ("np2/app.yaml", release("app", "v1.0.1"))]);
    assert_eq!(summary(&deployed), expected, "{}", errors(&deployed));
    assert!(!errors(&deployed).is_empty());
}

#[test]
fn a_lone_tag_of_no_image_holds_back_its_service() {
    let lone = marked("v1.0.0", "gone").replace("      repository: ghcr.io/vtr/app\n", "");
    let files = [("np/app.yaml", lone), ("np2/app.yaml", release("app", "v1.0.1"))];
    assert_eq!(summary(&deployed(&one_environment(), &files)), "");
}

#[test]
fn a_refused_field_holds_back_no_other_service_and_no_other_environment() {
    let settings = Settings {
        environments: vec![("non-prod", vec!["np"], None), ("prod", vec!["np2"], Some(0))],
        ..Settings::default()
    };
    let files = [
        ("np/app.yaml", release("app", "latest")),
        ("np/web.yaml", release("web", "v1.0.0")),
        ("np2/app.yaml", release("app", "v1.0.1")),
    ];
    assert_eq!(summary(&deployed(&settings, &files)), "web=v1.0.0 >=1.0.0; app=v1.0.1 >=1.0.0");
}

#[test]
fn a_path_without_files_is_an_error_with_the_nearest_folder() {
    let settings =
        Settings { environments: vec![("prod", vec!["clusters/prod-eks"], None)], ..Settings::default() };
    let state = deployed(&settings, &[("clusters/prod-ek/app.yaml", release("app", "v1.0.0"))]);
    let hint = state.problems.iter().find_map(|problem| problem.hint.as_deref());
    assert_eq!(hint, Some("did you mean `clusters/prod-ek`?"), "{}", errors(&state));
}

#[rstest]
#[case::four_parts("1.2.3.4", "`tagPattern`")]
#[case::a_date("v2026-11", "`order: numeric`")]
#[case::no_number("main-7", "by hand")]
fn a_tag_that_is_no_version_comes_with_the_way_out(#[case] tag: &str, #[case] expected: &str) {
    let state =
        deployed(&one_environment(), &[("np/app.yaml", release("app", tag)), ("np2/x.yaml", String::new())]);
    let hint =
        state.problems.iter().find(|problem| problem.is_error).and_then(|problem| problem.hint.clone());
    assert!(hint.as_ref().is_some_and(|hint| hint.contains(expected)), "{hint:?}");
}
