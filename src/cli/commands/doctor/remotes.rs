//! Whether Git, forges, registries and the receivers of messages answer, and what they allow.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use tokio::time::timeout;

use crate::cli::wiring::{Session, sender, tokens};
use crate::config::{Config, Environment};
use crate::forge::GitHub;
use crate::git::PushAccess;
use crate::model::{Fault, ImageName, Timestamp};
use crate::notify::{Accepted, Undelivered};
use crate::port::{Forge as _, Registry as _};
use crate::registry::Client;

use super::finding::{Finding, counted};

/// The most time for one check of a remote; checks of several run side by side. A registry client gives up with a reason
/// after three tries, 11 s.
const TIME_LIMIT: Duration = Duration::from_secs(15);

/// Doctor warns of a token that expires within this time.
const EXPIRY_WARNING: TimeDelta = TimeDelta::days(14);

/// The Git remote, and what the forge allows.
pub(super) async fn forges(session: &Session) -> Vec<Finding> {
    let releases = async {
        let releases = session.releases.as_ref()?;
        let what = format!("releases of {}", releases.repository);
        let check = async {
            match releases.check().await {
                Ok(()) => Finding::good(&what, "the token may create them"),
                Err(fault) => Finding::of(&what, &fault),
            }
        };
        Some(within_limit(&what, TIME_LIMIT, check).await)
    };
    let requests = async {
        let forge = session.forge.as_ref()?;
        let what = format!("pull requests of {}", forge.repository());
        Some(within_limit(&what, TIME_LIMIT, pull_requests(&what, &session.config, forge)).await)
    };
    let (repository, tokens, releases, requests) =
        tokio::join!(repository(session), token_expiries(&session.config), releases, requests);
    std::iter::once(repository).chain(tokens).chain(releases).chain(requests).collect()
}

/// Whether each registry answers and lists the tags of one of its images.
pub(super) async fn registries(client: &Arc<Client>, images: &BTreeSet<ImageName>) -> Vec<Finding> {
    let mut by_host: BTreeMap<&str, Vec<&ImageName>> = BTreeMap::new();
    for image in images {
        by_host.entry(image.host()).or_default().push(image);
    }
    let checks = by_host.into_iter().map(|(host, images)| {
        let (what, host, client) = (format!("registry {host}"), host.to_owned(), Arc::clone(client));
        let (first, count) = (images[0].clone(), images.len());
        (what.clone(), async move { registry(what, &client, &host, &first, count).await })
    });
    side_by_side(checks.collect(), TIME_LIMIT).await
}

/// Whether the channels of notifications and the Flux Receivers answer. Sends no message.
pub(super) async fn receivers(session: &Session) -> Vec<Finding> {
    let mut checks = Vec::new();
    let mut findings = Vec::new();
    for channel in &session.config.channels {
        let what = format!("notifications {} ({})", channel.name, channel.target.as_str());
        match sender(&session.config, channel) {
            Ok(sender) => checks.push((what.clone(), async move {
                reached(what, sender.check().await, "messages wait in the outbox until it answers")
            })),
            Err(fault) => findings.push(Finding::of(what, &fault)),
        }
    }
    findings.extend(side_by_side(checks, TIME_LIMIT).await);
    let flux = Arc::clone(&session.flux);
    let checks = session.flux.names().enumerate().map(|(index, name)| {
        let (what, flux) = (format!("Flux Receiver {name}"), Arc::clone(&flux));
        (what.clone(), async move {
            reached(what, flux.check(index).await, "Flux reconciles at its own interval while the call fails")
        })
    });
    findings.extend(side_by_side(checks.collect(), TIME_LIMIT).await);
    findings
}

/// Runs checks at the same time, each within the limit, and returns their findings in order.
async fn side_by_side<F>(checks: Vec<(String, F)>, limit: Duration) -> Vec<Finding>
where
    F: Future<Output = Finding> + Send + 'static,
{
    let run =
        |(what, check): (String, F)| tokio::spawn(async move { within_limit(&what, limit, check).await });
    let tasks: Vec<_> = checks.into_iter().map(run).collect();
    let mut findings = Vec::new();
    for task in tasks {
        match task.await {
            Ok(finding) => findings.push(finding),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    findings
}

async fn within_limit(what: &str, limit: Duration, check: impl Future<Output = Finding>) -> Finding {
    timeout(limit, check).await.unwrap_or_else(|_| silent(what, limit))
}

fn silent(what: &str, limit: Duration) -> Finding {
    Finding::bad(what, format!("no answer within {} s", limit.as_secs()))
        .with_hint("check the network, the proxy and the state of the service")
}

async fn repository(session: &Session) -> Finding {
    let what = format!("repository {}", session.config.git.remote);
    let mirror = Arc::clone(&session.mirror);
    let access = match tokio::task::spawn_blocking(move || mirror.check()).await {
        Ok(Ok(access)) => access,
        Ok(Err(error)) => return Finding::of(what, &Fault::from(error)),
        Err(error) => return Finding::bad(what, error.to_string()),
    };
    let mut detail = format!("branch {} at {}", session.config.git.branch, access.head.short());
    if let Some(ends) = access.login_ends {
        let ends = ends.format("%F %T UTC");
        let _ = write!(detail, ", with a token that is renewed before it expires at {ends}");
    }
    match access.push {
        PushAccess::Likely => Finding::good(
            what,
            format!("{detail}; a dry-run push succeeds (hooks and branch rules are not tested)"),
        ),
        PushAccess::Denied { reason, hint } => {
            Finding::bad(what, format!("{detail}; cannot push: {reason}")).with_hint(hint)
        }
    }
}

/// When personal tokens expire, if GitHub says so.
async fn token_expiries(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for token in tokens(config) {
        let check = async {
            match token.ends().await {
                Ok(None) => None,
                Ok(Some(ends)) => Some(token_expiry(token.key, ends, Utc::now())),
                Err(fault) => Some(Finding::of(token.key, &fault)),
            }
        };
        let found = timeout(TIME_LIMIT, check).await;
        findings.extend(found.unwrap_or_else(|_| Some(silent(token.key, TIME_LIMIT))));
    }
    findings
}

fn token_expiry(key: &str, ends: Timestamp, now: Timestamp) -> Finding {
    let at = ends.format("%F %T UTC");
    if ends <= now {
        let hint = "replace it: nothing can be pushed or proposed with an expired token";
        return Finding::bad(key, format!("expired at {at}")).with_hint(hint);
    }
    let detail = format!("expires at {at}");
    if ends - now > EXPIRY_WARNING {
        return Finding::good(key, detail);
    }
    let hint = "replace it in time: nothing can be pushed or proposed with an expired token";
    Finding::doubtful(key, detail).with_hint(hint)
}

fn reached(what: String, checked: Result<Accepted, Undelivered>, hint: &str) -> Finding {
    match checked {
        Ok(accepted) => Finding::good(what, accepted.answer),
        Err(error) => Finding::bad(what, error.reason()).with_hint(hint),
    }
}

/// Whether pull requests can be opened, as far as GitHub reports that.
async fn pull_requests(what: &str, config: &Config, forge: &GitHub) -> Finding {
    let rights = match forge.rights().await {
        Ok(rights) => rights,
        Err(fault) => return Finding::of(what, &fault),
    };
    let open = match forge.open_requests().await {
        Ok(open) => open.len(),
        Err(fault) => return Finding::of(what, &fault),
    };
    if rights.is_archived {
        return Finding::bad(what, "the repository is archived")
            .with_hint("unarchive it, or configure another");
    }
    if !rights.may_push {
        return Finding::bad(what, "the token may not push branches")
            .with_hint("give the token `contents: write` and `pull requests: write`");
    }
    let wants_auto_merge = |environment: &Environment| {
        environment.pull_requests.as_ref().is_some_and(|asked| asked.auto_merge.is_some())
    };
    if rights.allows_auto_merge == Some(false) && config.environments().iter().any(wants_auto_merge) {
        return Finding::doubtful(what, "`autoMerge` is configured, but the repository does not allow it")
            .with_hint("allow auto-merge in the repository's settings, or remove `autoMerge`");
    }
    Finding::good(what, format!("the token may open them; {open} of Tidegate's are open"))
}

async fn registry(what: String, client: &Client, host: &str, first: &ImageName, images: usize) -> Finding {
    // A host of Helm repositories alone has no registry API.
    if first.helm_chart().is_none()
        && let Err(error) = client.check(host).await
    {
        return Finding::of(what, &Fault::from(error));
    }
    match client.tags(first).await {
        Ok(tags) => {
            let (tags, images) = (counted(tags.tags.len(), "tag"), counted(images, "image"));
            Finding::good(what, format!("{first} has {tags}; {images} in use"))
        }
        Err(error) => Finding::of(what, &Fault::from(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::*;

    #[test]
    fn a_token_that_expires_soon_is_a_warning_and_an_expired_one_an_error() {
        let now: Timestamp = "2026-11-26T12:00:00Z".parse().unwrap();
        for (ends, state) in [
            ("2026-12-24T12:00:00Z", State::Good),
            ("2026-12-10T12:00:00Z", State::Doubtful),
            ("2026-11-26T11:00:00Z", State::Bad),
        ] {
            assert_eq!(token_expiry("git.auth.token", ends.parse().unwrap(), now).state, state, "{ends}");
        }
    }

    #[tokio::test]
    async fn a_silent_remote_ends_with_its_limit_and_no_other_check_with_it() {
        let check = |what: &'static str, answers: bool| {
            (what.to_owned(), async move {
                if !answers {
                    std::future::pending::<()>().await;
                }
                Finding::good(what, "answers")
            })
        };
        let checks = vec![check("one", true), check("silent", false), check("other", true)];
        let findings = side_by_side(checks, Duration::from_millis(5)).await;
        let states: Vec<State> = findings.iter().map(|finding| finding.state).collect();
        assert_eq!(states, [State::Good, State::Bad, State::Good]);
    }
}
