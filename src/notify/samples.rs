//! One event of each kind, to try a channel with and to show what its messages look like.

use chrono::TimeDelta;

use crate::model::{EventKind, Timestamp};

use super::event::{Event, Phase};

/// One event of each kind, with the end of one that lasts.
pub fn samples(now: Timestamp) -> Vec<Event> {
    let event = |kind, phase| Event {
        environment: Some("prod".to_owned()),
        service: Some("common/graphql-server".to_owned()),
        image: Some("ghcr.io/vtr/graphql-server".to_owned()),
        from: Some("v1.0.176".to_owned()),
        to: Some("v1.0.180".to_owned()),
        ..Event::new(kind, phase, now)
    };
    let general = |kind, phase| Event::new(kind, phase, now);
    let commit = "9f2c1ab4d41e77c0b3a85d6e2f1907c4a6e8d5b2".to_owned();
    let text = |text: &str| Some(text.to_owned());
    vec![
        Event {
            by: text("schedule"),
            url: Some(format!("https://github.com/vtr/gitops/commit/{commit}")),
            commit: Some(commit.clone()),
            notes: text(
                "prod: v1.0.176 -> v1.0.180 (3 releases), soaked 26h12m in non-prod\n\nFeatures\n\
                 - cache persisted queries (#412)\nFixes\n- close idle subscriptions (#418)",
            ),
            ..event(EventKind::Promoted, Phase::Happened)
        },
        Event {
            from: text("v1.0.180"),
            to: text("v1.0.176"),
            by: text("María <maria@vtr.cl>"),
            reason: text("orders are lost"),
            commit: Some(commit),
            ..event(EventKind::RolledBack, Phase::Happened)
        },
        Event {
            reason: text("digest: v1.0.180 was sha256:7a1f09bc when it soaked and is now sha256:e0c4d2b1"),
            hint: text("tidegate explain common/graphql-server shows what opens the gate"),
            ..event(EventKind::Refused, Phase::Began)
        },
        Event {
            since: Some(now - TimeDelta::hours(49)),
            until: Some(now + TimeDelta::hours(3)),
            reason: text("window: opens on Monday at 09:00"),
            ..event(EventKind::Blocked, Phase::Began)
        },
        Event {
            url: text("https://github.com/vtr/gitops/pull/731"),
            reason: text("approval: v1.0.180 needs approval"),
            hint: text("review the pull request"),
            ..event(EventKind::ApprovalWanted, Phase::Began)
        },
        Event {
            from: None,
            since: Some(now - TimeDelta::minutes(2)),
            reason: text(
                "v1.0.180 did not become healthy within 15m: HelmRelease common/graphql-server is not ready (UpgradeFailed): \
                 \"context deadline exceeded\" in cluster aws-digital-eks-prod",
            ),
            hint: text("the rollback to the last version that ran well follows"),
            ..event(EventKind::Unhealthy, Phase::Began)
        },
        Event {
            from: None,
            to: None,
            image: None,
            reason: text("clusters/prod/common/graphql-server.yaml:12:9: the tag is a template"),
            hint: text("write a plain tag"),
            ..event(EventKind::Problem, Phase::Began)
        },
        Event {
            subject: text("services.overrides[].match comon/*"),
            reason: text(
                "no service matches `comon/*` (services.overrides[].match, line 41 of the configuration)",
            ),
            hint: text("did you mean `common/*`?"),
            ..general(EventKind::NamesUnmatched, Phase::Began)
        },
        Event {
            subject: text("ghcr.io"),
            reason: text("ghcr.io: connection refused (3 tries, 11 s)"),
            ..general(EventKind::RegistrySilent, Phase::Began)
        },
        Event {
            subject: text("ghcr.io"),
            since: Some(now - TimeDelta::minutes(17)),
            ..general(EventKind::RegistrySilent, Phase::Ended)
        },
        Event {
            reason: text("cannot fetch ssh://git@github.com/vtr/gitops.git: permission denied (publickey)"),
            hint: text("check the key in git.auth"),
            since: Some(now - TimeDelta::minutes(3)),
            ..general(EventKind::PassesFailing, Phase::Began)
        },
        Event {
            subject: text("git.auth.token"),
            until: Some(now + TimeDelta::days(9)),
            hint: text("create a new token and put it where the configuration reads this one"),
            ..general(EventKind::CredentialEnds, Phase::Began)
        },
        Event {
            since: Some(now - TimeDelta::days(7)),
            notes: text(
                "common/graphql-server v1.0.170 → v1.0.180 in prod\nmobile/api v2.3.0 → v2.4.1 in prod",
            ),
            ..general(EventKind::Report, Phase::Happened)
        },
    ]
}
