//! Files that are taken, what is doubtful in them, and what they come to.

use std::path::Path;
use std::time::Duration;

use tidegate::config::{
    Batch, ChannelTarget, Config, ConfigError, Credentials, Loaded, SecretSource, Setting,
};
use tidegate::model::{Class, EnvironmentName, EventKind, Fault, ServiceName};

use super::{HomeOnly, cases, compare_or_write, read};

const FOLDER: &str = "tests/config/good";

const HOUR: Duration = Duration::from_hours(1);

fn parse(text: &str) -> Loaded {
    Config::parse(text, "tidegate.yaml", &HomeOnly).unwrap_or_else(|error| panic!("{}", error.render()))
}

fn service(name: &str) -> ServiceName {
    name.parse().unwrap()
}

fn environment(name: &str) -> EnvironmentName {
    name.parse().unwrap()
}

#[test]
fn valid_files_load_and_doubtful_ones_warn() {
    let cases = cases(FOLDER);
    assert!(cases.len() >= 10, "{} cases", cases.len());
    for case in cases {
        let text = read(&format!("{FOLDER}/{case}.yaml"));
        let loaded = Config::parse(&text, &format!("{case}.yaml"), &HomeOnly)
            .unwrap_or_else(|error| panic!("{}", error.render()));
        assert_eq!(case.starts_with("warn-"), loaded.warnings.is_some(), "{}", loaded.render_warnings());
        compare_or_write(&format!("{FOLDER}/{case}.txt"), &loaded.render_warnings());
    }
}

#[test]
fn the_example_is_a_working_start() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/tidegate.yaml");
    let loaded = Config::load(&path).unwrap();
    assert_eq!(loaded.render_warnings(), "");
    let config = loaded.config;
    assert_eq!(config.schedule.value.to_string(), "* * * * *");
    assert_eq!(config.timezone, chrono_tz::America::Santiago);
    assert_eq!(config.git.remote.to_string(), "ssh://git@github.com/vtr/gitops.git");
    assert_eq!(config.git.batch, Batch::Service);
    assert_eq!(config.store.database, Path::new("/var/lib/tidegate/tidegate.db"));
    assert_eq!(config.store.retention, Duration::from_hours(365 * 24));
    assert_eq!(config.clock_tolerance, Duration::from_mins(10));
    let hosts: Vec<&str> = config.registries.iter().map(|registry| registry.host.as_str()).collect();
    assert_eq!(hosts, ["ghcr.io", "127.0.0.1:5000", "docker.io"]);
    assert_eq!(
        config.registries[0].credentials,
        Some(Credentials::Basic { username: "bot".into(), password: SecretSource::Env("GHCR_TOKEN".into()) })
    );
    assert_eq!(
        config.registries[2].endpoint.as_ref().unwrap().to_string(),
        "https://harbor.vtr.cl/dockerhub"
    );
    let prod = config.environment(&environment("prod")).unwrap();
    assert_eq!((prod.after.clone(), prod.soak), (Some(environment("non-prod")), Duration::from_hours(24)));
    assert_eq!(prod.windows[0].to_string(), "Mon, Tue, Wed, Thu 09:00-17:00");
    assert!(config.freezes[0].covers(&environment("prod")));
    assert!(!config.freezes[0].covers(&environment("non-prod")));
}

#[test]
fn each_setting_comes_from_the_first_override_that_matches_and_sets_it() {
    let config = parse(&read("config/tidegate.yaml")).config;
    let prod = config.environment(&environment("prod")).unwrap();
    let non_prod = config.environment(&environment("non-prod")).unwrap();
    let graphql = service("common/graphql-server");
    let written = |setting: Setting<&tidegate::config::VersionRange>| match setting {
        Setting::Override(range) => format!("override {}", range.value),
        Setting::Default(range) => format!("default {}", range.value),
    };
    assert_eq!(written(config.service(&graphql).versions()), "override ~1.0");
    assert_eq!(config.soak(&graphql, prod), Duration::from_hours(4));
    assert_eq!(config.soak(&graphql, non_prod), Duration::ZERO);
    let mobile = config.service(&service("mobile-backend/api")).tag_pattern().map(Setting::value);
    let tag = "v1.2.3-mobile".parse().unwrap();
    assert_eq!(mobile.unwrap().value.version_text(&tag).unwrap(), "v1.2.3");
    let other = service("common/other");
    assert_eq!(written(config.service(&other).versions()), "default >=1.0.0");
    assert_eq!(config.service(&other).tag_pattern(), None);
    assert_eq!(config.soak(&other, prod), Duration::from_hours(24));
    assert!(!config.service(&other).is_ignored());
    assert!(config.service(&service("flux-system/anything")).is_ignored());
}

#[test]
fn images_are_managed_by_glob() {
    let text = "git: {url: /g}\nenvironments: [{name: prod, paths: [prod]}]\nservices:\n  defaults: {images: \
                [ghcr.io/vtr/*]}\n  overrides:\n    - {match: common/*, images: [\"ghcr.io/**\", docker.io/library/nginx]}\n";
    let config = parse(text).config;
    for (name, image, managed) in [
        ("mobile/app", "ghcr.io/vtr/app", true),
        ("mobile/app", "ghcr.io/vtr/deep/app", false),
        ("mobile/app", "nginx", false),
        ("common/app", "ghcr.io/vtr/deep/app", true),
        ("common/app", "nginx", true),
        ("common/app", "quay.io/vtr/app", false),
    ] {
        let settings = config.service(&service(name));
        assert_eq!(settings.manages(&image.parse().unwrap()), managed, "{name} {image}");
    }
}

#[test]
fn environments_come_after_the_ones_before_them() {
    let text = "git: {url: /g}\nenvironments:\n  - {name: prod-us, paths: [us], after: staging}\n  - {name: prod-eu, \
                paths: [eu], after: staging}\n  - {name: staging, paths: [staging], after: dev}\n  - {name: dev, paths: \
                [dev]}\n  - {name: lab, paths: [lab]}\n";
    let config = parse(text).config;
    let names: Vec<&str> =
        config.environments().iter().map(|environment| environment.name.as_str()).collect();
    assert_eq!(names, ["dev", "lab", "staging", "prod-us", "prod-eu"]);
    assert!(config.environment(&environment("prod")).is_none());
}

#[test]
fn a_channel_says_little_and_means_the_usual() {
    let config = parse(&read("tests/config/good/notifications.yaml")).config;
    let channel = |name: &str| config.channels.iter().find(|channel| channel.name == name).unwrap();
    let releases = channel("releases");
    assert_eq!(releases.events, [EventKind::Promoted, EventKind::RolledBack].into());
    assert_eq!((releases.blocked_after, releases.give_up_after), (48 * HOUR, 24 * HOUR));
    let report = releases.report.as_ref().unwrap();
    assert_eq!((report.schedule.value.to_string().as_str(), report.since), ("0 9 * * mon", 7 * 24 * HOUR));
    // Without a list, GitHub gets what it can show, and every other channel everything.
    assert_eq!(channel("hub").events, [EventKind::Promoted, EventKind::RolledBack].into());
    assert_eq!(channel("tool").events, EventKind::CHOICES.into());
    assert_eq!((channel("tool").blocked_after, channel("tool").give_up_after), (72 * HOUR, HOUR));
    // At nine and at six in Santiago, which is three hours behind.
    let from = "2026-11-30T00:00:00Z".parse().unwrap();
    for (name, at) in [("teams", "2026-11-30T12:00:00Z"), ("chat", "2026-11-30T21:00:00Z")] {
        let digest = channel(name).digest.as_ref().unwrap();
        assert_eq!(digest.value.next_after(from), Some(at.parse().unwrap()), "{name}");
    }
    let ports = ["mail", "local-mail"].map(|name| match &channel(name).target {
        ChannelTarget::Email(email) => email.port,
        other => panic!("{other:?}"),
    });
    assert_eq!(ports, [587, 25]);
}

#[test]
fn a_byte_order_mark_and_carriage_returns_change_nothing() {
    let plain = read("config/tidegate.yaml");
    let windows = format!("\u{feff}{}", plain.replace('\n', "\r\n"));
    assert_eq!(format!("{:?}", parse(&windows).config), format!("{:?}", parse(&plain).config));
}

#[test]
fn unreadable_files_are_errors_with_a_separate_cause() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tidegate.yaml");
    let fault = Fault::from(Config::load(&path).unwrap_err());
    assert_eq!(fault.class(), Class::Usage);
    assert_eq!(fault.to_string(), format!("cannot read the configuration {}", path.display()));
    assert!(std::error::Error::source(&fault).is_some() && fault.hint().is_some());
    std::fs::write(&path, b"git: \xff").unwrap();
    let error = Config::load(&path).unwrap_err();
    assert!(matches!(error, ConfigError::NotUtf8 { offset_bytes: 5, .. }), "{error}");
    std::fs::write(&path, "#".repeat(1024 * 1024 + 1)).unwrap();
    let error = Config::load(&path).unwrap_err();
    assert!(matches!(error, ConfigError::TooLarge { .. }), "{error}");
}

/// Lists of ten, each of the one before, so that the last one holds 10⁹ texts.
fn laughs() -> String {
    let lists = (1..9).map(|level| {
        let below = vec![format!("*b{}", level - 1); 10].join(", ");
        format!("  - &b{level} [{below}]")
    });
    let first = "git: {url: /g}\nregistries:\n  - &b0 [x, x, x, x, x, x, x, x, x, x]".to_owned();
    std::iter::once(first).chain(lists).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_file_that_grows_when_read_is_refused() {
    let deep = format!("git: {}{}\n", "[".repeat(10_000), "]".repeat(10_000));
    for text in [laughs(), deep] {
        assert!(matches!(Config::parse(&text, "bomb.yaml", &HomeOnly), Err(ConfigError::Invalid(_))));
    }
}

#[test]
fn many_services_and_overrides_are_resolved() {
    let overrides: Vec<String> = (0..500)
        .map(|at| "    - {match: team-AT/*, versions: ~AT.0}".replace("AT", &at.to_string()))
        .collect();
    let text = format!(
        "git: {{url: /g}}\nenvironments: [{{name: prod, paths: [prod]}}]\nservices:\n  overrides:\n{}\n",
        overrides.join("\n")
    );
    let config = parse(&text).config;
    for at in 0..10_000 {
        let team = at % 600;
        let settings = config.service(&service(&format!("team-{team}/service-{at}")));
        let expected = if team < 500 { format!("~{team}.0") } else { "*".to_owned() };
        assert_eq!(settings.versions().value().value.to_string(), expected);
    }
}
