//! The `groups` section.

use std::collections::HashMap;

use crate::config::location::Location;
use crate::config::problem::Findings;
use crate::config::raw;
use crate::config::settings::Group;
use crate::model::{Printable, ServiceName, ServicePattern};

pub(super) fn groups(raw: &[raw::Group], findings: &mut Findings) -> Vec<Group> {
    let mut names: HashMap<&str, Location> = HashMap::new();
    let mut members: HashMap<ServiceName, Location> = HashMap::new();
    let mut groups = Vec::with_capacity(raw.len());
    for group in raw {
        let name = &group.name;
        if let Some(first) = names.insert(&name.value, name.at) {
            let shown = Printable::bounded(&name.value, 63);
            let message = format!("two groups are named `{shown}`; the other is in line {}", first.line);
            findings.error(name.at, message, "give each group a name of its own");
        }
        let is_good = (1..=60).contains(&name.value.trim().len()) && !name.value.contains(char::is_control);
        if !is_good {
            let hint = "write 1 to 60 bytes on one line, such as `checkout`";
            findings.error(name.at, "this is not a name for a group", hint);
        }
        let services = services(group, &mut members, findings);
        groups.push(Group { name: name.value.trim().to_owned(), services });
    }
    groups
}

fn services(
    group: &raw::Group,
    members: &mut HashMap<ServiceName, Location>,
    findings: &mut Findings,
) -> Vec<ServicePattern> {
    if group.services.value.is_empty() {
        let hint = "write for example `services: [common/cart, common/payments]`";
        findings.error(group.services.at.start(), "the group has no service", hint);
    }
    let mut patterns = Vec::with_capacity(group.services.value.len());
    for text in &group.services.value {
        let parsed = text.value.parse::<ServicePattern>().map_err(|error| {
            let shown = Printable::bounded(&text.value, 80);
            (format!("`{shown}` names no services"), error.to_string())
        });
        let Some(pattern) = findings.take(text.at, parsed) else { continue };
        if let Some(first) = pattern.exact().and_then(|exact| members.insert(exact.clone(), text.at)) {
            let message = format!("`{pattern}` is named before, in line {}", first.line);
            findings.error(text.at, message, "a service ships in one set; name it once");
        }
        patterns.push(pattern);
    }
    patterns
}
