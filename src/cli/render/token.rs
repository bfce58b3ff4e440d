//! Tokens and the audit log as tables.

use std::fmt::Write as _;

use chrono_tz::Tz;

use crate::cli::output::{BOLD, CYAN, DIM, RED};
use crate::model::{AccessToken, AuditEntry, EnvironmentName, Printable, ShownToken, Timestamp};
use crate::view::time;

use super::table::{self, Cell};

/// What a token allows, and where.
fn allowed(token: &AccessToken) -> String {
    let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.as_word()).collect();
    let environments: Vec<&str> = token.environments.iter().map(EnvironmentName::as_str).collect();
    match environments.as_slice() {
        [] => scopes.join(", "),
        some => format!("{} in {}", scopes.join(", "), some.join(", ")),
    }
}

/// The new token, which nothing shows again.
pub(crate) fn created(token: &AccessToken, shown: &ShownToken, zone: Tz) -> String {
    format!(
        "{BOLD}{}{BOLD:#}\n\nKeep it: it is not shown again. It is for {}, allows {}, and ends {}.\n",
        shown.expose(),
        token.name,
        allowed(token),
        time::local(token.expires_at, zone)
    )
}

pub(crate) fn list(tokens: &[AccessToken], zone: Tz, now: Timestamp) -> String {
    if tokens.is_empty() {
        return "There is no token. `tidegate token create` makes one.\n".to_owned();
    }
    let heading = ["ID", "NAME", "ALLOWS", "ENDS", "MADE"];
    let mut rows = vec![heading.iter().map(|name| Cell::styled(*name, DIM)).collect::<Vec<_>>()];
    rows.extend(tokens.iter().map(|token| {
        let end = match token.revoked_at {
            Some(at) => Cell::styled(format!("revoked {}", time::local(at, zone)), RED),
            None if !token.is_valid(now) => {
                Cell::styled(format!("ended {}", time::local(token.expires_at, zone)), RED)
            }
            None => Cell::plain(time::local(token.expires_at, zone)),
        };
        vec![
            Cell::styled(token.id.as_str(), CYAN),
            Cell::plain(token.name.as_str()),
            Cell::plain(allowed(token)),
            end,
            Cell::styled(
                format!(
                    "{} by {}",
                    time::local(token.created_at, zone),
                    Printable::bounded(&token.created_by, 40)
                ),
                DIM,
            ),
        ]
    }));
    table::render(&rows)
}

pub(crate) fn revoked(tokens: &[AccessToken]) -> String {
    let mut text = String::new();
    for token in tokens {
        // Writing to a string does not fail.
        let _ = writeln!(text, "Revoked {} of {}.", token.id, token.name);
    }
    text
}

pub(crate) fn audit(entries: &[AuditEntry], zone: Tz) -> String {
    if entries.is_empty() {
        return "Nobody made or used a token.\n".to_owned();
    }
    let heading = ["TIME", "WHO", "WHAT", "ABOUT"];
    let mut rows = vec![heading.iter().map(|name| Cell::styled(*name, DIM)).collect::<Vec<_>>()];
    rows.extend(entries.iter().map(|entry| {
        let bounded = |text: &str, most| Printable::bounded(text, most).to_string();
        vec![
            Cell::styled(time::local(entry.at, zone), DIM),
            Cell::plain(bounded(&entry.actor, 40)),
            Cell::plain(bounded(&entry.action, 30)),
            Cell::plain(bounded(&entry.subject, 80)),
        ]
    }));
    table::render(&rows)
}
