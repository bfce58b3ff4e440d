//! Notes as JSON: the documented contract (`docs/json.md`), which templates see too.

use serde_json::{Value, json};

use super::day;
use crate::changelog::inline::{Issue, Span, plain};
use crate::changelog::notes::{Contributor, Entry, Group, Notes, Release, Update};

pub(super) fn value(notes: &Notes) -> Value {
    let heading = &notes.heading;
    json!({
        "service": heading.service,
        "from": heading.from,
        "to": heading.to,
        "isDowngrade": heading.is_downgrade,
        "source": heading.source,
        "compareUrl": heading.compare,
        "summary": notes.summary(),
        "counts": {
            "commits": notes.counts.commits,
            "breaking": notes.breaking_count(),
            "reverted": notes.counts.reverted,
            "copies": notes.counts.copies,
        },
        "remarks": notes.remarks.iter().map(|remark| json!({
            "code": remark.code(),
            "text": remark.to_string(),
        })).collect::<Vec<_>>(),
        "releases": notes.releases.iter().map(release).collect::<Vec<_>>(),
        "lost": notes.lost.as_ref().map(release),
        "people": notes.people.iter().map(person).collect::<Vec<_>>(),
    })
}

fn release(release: &Release) -> Value {
    json!({
        "name": release.name,
        "day": day(release).map(|day| day.to_string()),
        "groups": release.groups.iter().map(group).collect::<Vec<_>>(),
        "updates": release.updates.iter().map(update).collect::<Vec<_>>(),
        "bots": release.bots,
    })
}

fn group(group: &Group) -> Value {
    json!({
        "section": group.section,
        "title": group.section.title(),
        "entries": group.entries.iter().map(entry).collect::<Vec<_>>(),
    })
}

fn entry(entry: &Entry) -> Value {
    json!({
        "scope": entry.scope,
        "text": entry.plain_text(),
        "breaking": entry.breaking.iter().map(|note| plain(note)).collect::<Vec<_>>(),
        "request": entry.pull_request.as_ref().map(issue),
        "references": entry.text.iter().filter_map(reference).collect::<Vec<_>>(),
        "commit": entry.commit.to_string(),
        "url": entry.url,
        "author": entry.author,
    })
}

fn reference(span: &Span) -> Option<Value> {
    match span {
        Span::Issue(one) => Some(issue(one)),
        Span::Ticket { key, url } => Some(json!({"label": key, "url": url})),
        Span::Text(_) | Span::Code(_) => None,
    }
}

fn issue(issue: &Issue) -> Value {
    json!({"label": issue.label(), "url": issue.url})
}

fn update(update: &Update) -> Value {
    json!({
        "name": update.name,
        "from": update.from,
        "to": update.to,
        "request": update.pull_request.as_ref().map(issue),
    })
}

fn person(person: &Contributor) -> Value {
    json!({"name": person.name, "url": person.url, "commits": person.commits})
}
