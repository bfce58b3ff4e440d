//! Groups commits into notes: which are listed, in what words, under which release and heading.

use std::collections::HashMap;

use super::cancel::{Cancelled, Range};
use super::clean;
use super::dependency;
use super::inline::Inline;
use super::lineage::{Lineage, Positions, releases_of};
use super::message::{Merge, Message, Title};
use super::notes::{Contributor, Counts, Entry, Group, Heading, Notes, Release, Update, merge_update};
use super::remark::Remark;
use super::rules::Rules;
use super::section::Section;
use super::web::Web;
use crate::model::{CommitId, Person, SourceCommit as Commit};

/// Maximum number of contributors named.
const MAX_PEOPLE: usize = 100;

/// Input of [`Notes::gather`].
#[derive(Clone, Debug)]
pub struct NotesInput<'a> {
    /// Service and versions.
    pub heading: Heading,
    /// The commits between the two versions, newest first, each before its parents.
    pub commits: &'a [Commit],
    /// If the histories diverged, the commits that only the running version has.
    pub lost: &'a [Commit],
    /// The release tags of the source repository. Those outside the range are ignored.
    pub releases: &'a [(CommitId, String)],
    /// Builds links to the source repository.
    pub web: Option<&'a Web>,
    /// Remarks so far.
    pub remarks: Vec<Remark>,
}

impl Notes {
    /// Groups commits into notes.
    pub fn gather(input: NotesInput<'_>, rules: &Rules) -> Self {
        let inline = Inline { web: input.web, rules };
        let selected = SelectedCommits::find(input.commits, input.lost);
        let selected_lost = SelectedCommits::find(input.lost, input.commits);
        let mut people = People::default();
        // A downgrade removes commits, which were released with the version that runs.
        let goes_back = input.remarks.contains(&Remark::Downgrade);
        let head = if goes_back { &input.heading.from } else { &input.heading.to };
        let releases = Grouping { selected: &selected, inline, head }.releases(input.releases, &mut people);
        let lost = Grouping { selected: &selected_lost, inline, head: &input.heading.from }
            .releases(&[], &mut People::default())
            .into_iter()
            .next()
            .filter(|release| !release.is_empty());
        let relevant = input.commits.iter().filter(|commit| commit.is_relevant && commit.parents.len() < 2);
        let counts = Counts {
            commits: relevant.count(),
            reverted: selected.cancelled.reverts,
            copies: selected.cancelled.copies,
        };
        let mut remarks = input.remarks;
        if counts.commits == 0 && !input.commits.is_empty() {
            remarks.push(Remark::NothingInPaths { elsewhere: input.commits.len() });
        }
        Self { heading: input.heading, remarks, releases, lost, people: people.sorted(&inline), counts }
    }
}

/// A range with its dropped commits marked.
struct SelectedCommits<'a> {
    commits: &'a [Commit],
    messages: Vec<Message<'a>>,
    positions: Positions,
    lineage: Lineage,
    cancelled: Cancelled,
}

impl<'a> SelectedCommits<'a> {
    fn find(commits: &'a [Commit], other_side: &[Commit]) -> Self {
        let messages: Vec<Message<'a>> = commits.iter().map(Message::read).collect();
        let positions = Positions::of_range(commits);
        let lineage = Lineage::trace(commits, &messages, &positions);
        let range = Range { commits, messages: &messages, positions: &positions, lineage: &lineage };
        let cancelled = Cancelled::find(&range, other_side);
        Self { commits, messages, positions, lineage, cancelled }
    }

    /// Whether the commit at this position is listed as a change of the service.
    fn is_listed(&self, position: usize) -> bool {
        !self.cancelled.is_dropped[position]
            && self.commits[position].is_relevant
            && self.messages[position].merge.is_none()
    }
}

/// Groups the commits of a range by release.
struct Grouping<'a> {
    selected: &'a SelectedCommits<'a>,
    inline: Inline<'a>,
    /// The name for commits newer than every release tag.
    head: &'a str,
}

/// A change to be listed: a commit's or a pull request's title.
struct Change<'a> {
    position: usize,
    title: Title<'a>,
    pull_request: Option<u64>,
    breaking: Vec<&'a str>,
}

impl<'a> Grouping<'a> {
    fn releases(&self, named: &[(CommitId, String)], people: &mut People) -> Vec<Release> {
        let selected = self.selected;
        if selected.commits.is_empty() {
            return Vec::new();
        }
        let mut heads: Vec<(usize, &str)> = named
            .iter()
            .filter_map(|(id, name)| Some((selected.positions.of(*id)?, name.as_str())))
            .collect();
        heads.sort_by_key(|(position, _)| *position);
        heads.dedup_by_key(|(position, _)| *position);
        // The newest commit is the image's own; use its tag, whatever the source repository calls it.
        heads.retain(|(position, _)| *position > 0);
        heads.insert(0, (0, self.head));
        let positions: Vec<usize> = heads.iter().map(|(position, _)| *position).collect();
        let release_of = releases_of(selected.commits, &positions, &selected.positions);
        let mut drafts: Vec<Draft> = heads.iter().map(|_| Draft::default()).collect();
        for (release, unit) in self.units(&release_of) {
            self.add_unit(&unit, &mut drafts[release], people);
        }
        let drafts = drafts.into_iter().zip(&heads);
        drafts
            .map(|(draft, (position, name))| draft.finish(clean::name(name), &selected.commits[*position]))
            .collect()
    }

    /// The units with their releases, newest first.
    fn units(&self, release_of: &[Option<usize>]) -> Vec<(usize, Unit)> {
        let selected = self.selected;
        let mut by_pull_request: HashMap<usize, Vec<usize>> = HashMap::new();
        for position in (0..selected.commits.len()).filter(|position| selected.is_listed(*position)) {
            if let Some(pull_request) = selected.lineage.pull_request_of[position] {
                by_pull_request.entry(pull_request).or_default().push(position);
            }
        }
        let mut units = Vec::new();
        for (position, release) in release_of.iter().enumerate() {
            let release = release.unwrap_or(0);
            if let Some(commits) = by_pull_request.remove(&position) {
                units.push((release, Unit { pull_request: Some(position), commits }));
            } else if selected.is_listed(position) && selected.lineage.pull_request_of[position].is_none() {
                units.push((release, Unit { pull_request: None, commits: vec![position] }));
            }
        }
        units
    }

    fn add_unit(&self, unit: &Unit, draft: &mut Draft, people: &mut People) {
        let selected = self.selected;
        for position in &unit.commits {
            people.add(&selected.commits[*position].author, self.inline.rules);
            for person in selected.messages[*position].co_authors() {
                people.add(&person, self.inline.rules);
            }
        }
        let changes = self.changes(unit);
        let pull_request = changes.first().and_then(|change| change.pull_request);
        let mut updates = Vec::new();
        for position in &unit.commits {
            let message = &selected.messages[*position];
            updates.extend(dependency::read(message, &message.title));
        }
        if !updates.is_empty() {
            for update in updates {
                let pull_request = pull_request.map(|number| self.inline.pull_request(number));
                let update = Update { name: update.name, from: update.from, to: update.to, pull_request };
                merge_update(&mut draft.updates, update);
            }
            return;
        }
        let is_bot = |position: &usize| self.inline.rules.is_bot(&selected.commits[*position].author.name);
        if unit.commits.iter().all(is_bot) {
            draft.bots += unit.commits.len();
            return;
        }
        for change in changes {
            let section = section_of(&change);
            draft.entries.push((section, self.entry(&change)));
        }
    }

    /// The changes to list for a unit: the title of its pull request if that is conventional; else those of its commits
    /// that are; else the title nevertheless.
    fn changes(&self, unit: &Unit) -> Vec<Change<'a>> {
        let selected = self.selected;
        let Some(merge) = unit.pull_request else { return self.changes_of_commit(unit.commits[0]) };
        let Some(Merge::PullRequest { number, title }) = selected.messages[merge].merge else {
            return Vec::new();
        };
        let by_commit = |position: &usize| Change {
            position: *position,
            title: selected.messages[*position].title,
            pull_request: number,
            breaking: selected.messages[*position].breaking.clone(),
        };
        let own = Title::read(title);
        let is_conventional = |position: &&usize| selected.messages[**position].title.is_conventional();
        if selected.lineage.has_pull_requests[merge] {
            return unit.commits.iter().map(by_commit).collect();
        }
        if !own.is_conventional() && unit.commits.iter().any(|position| is_conventional(&position)) {
            return unit.commits.iter().filter(is_conventional).map(by_commit).collect();
        }
        let mut breaking: Vec<&str> = selected.messages[merge].breaking.clone();
        for position in &unit.commits {
            let message = &selected.messages[*position];
            breaking.extend(&message.breaking);
            if message.title.is_breaking && message.breaking.is_empty() {
                breaking.push(message.title.text);
            }
        }
        breaking.dedup();
        vec![Change { position: merge, title: own, pull_request: number.or(own.pull_request), breaking }]
    }

    /// The commit itself, or the titles listed in the body of a squash whose own title is not conventional.
    fn changes_of_commit(&self, position: usize) -> Vec<Change<'a>> {
        let message = &self.selected.messages[position];
        let title = match message.merge_title() {
            Some(title) => title,
            None => message.title,
        };
        let pull_request = title.pull_request.or(message.title.pull_request);
        let squashed: Vec<Title<'a>> =
            if pull_request.is_some() { message.squashed().collect() } else { Vec::new() };
        if !title.is_conventional() && !squashed.is_empty() {
            let change = |title: Title<'a>| Change { position, title, pull_request, breaking: Vec::new() };
            let mut changes: Vec<Change<'a>> = squashed.into_iter().map(change).collect();
            changes[0].breaking.clone_from(&message.breaking);
            return changes;
        }
        let mut breaking = message.breaking.clone();
        breaking.extend(squashed.iter().filter(|title| title.is_breaking).map(|title| title.text));
        breaking.dedup();
        vec![Change { position, title, pull_request, breaking }]
    }

    fn entry(&self, change: &Change<'_>) -> Entry {
        let commit = &self.selected.commits[change.position];
        let line = |text: &str| self.inline.spans(&clean::line(text));
        let reverted =
            self.selected.messages[change.position].reverts.as_ref().and_then(|reverts| reverts.title);
        let title = reverted.map_or(change.title, Title::read);
        let scope = title.scope.map(clean::name).filter(|scope| !scope.is_empty());
        let text = clean::line(title.text);
        let text = if text.is_empty() { "(no message)".to_owned() } else { text };
        let notes = change.breaking.iter().map(|note| clean::line(note)).filter(|note| *note != text);
        Entry {
            scope,
            breaking: notes.map(|note| self.inline.spans(&note)).collect(),
            pull_request: change.pull_request.map(|number| self.inline.pull_request(number)),
            commit: commit.id,
            url: self.inline.web.map(|web| web.commit(commit.id)),
            author: clean::name(&commit.author.name),
            text: line(&text),
        }
    }
}

fn section_of(change: &Change<'_>) -> Section {
    if change.title.is_breaking || !change.breaking.is_empty() {
        return Section::Breaking;
    }
    if change.title.text.starts_with("Revert \"") {
        return Section::Reverts;
    }
    change.title.section.unwrap_or_else(|| Section::of_words(change.title.text))
}

/// A pull request with its commits, or a single commit.
struct Unit {
    /// Position of the merge of the pull request.
    pull_request: Option<usize>,
    /// Positions of its listed commits; at least one.
    commits: Vec<usize>,
}

#[derive(Default)]
struct Draft {
    entries: Vec<(Section, Entry)>,
    updates: Vec<Update>,
    bots: usize,
}

impl Draft {
    fn finish(self, name: String, head: &Commit) -> Release {
        let mut groups: Vec<Group> = Vec::new();
        for (section, entry) in self.entries {
            match groups.iter_mut().find(|group| group.section == section) {
                Some(group) => group.entries.push(entry),
                None => groups.push(Group { section, entries: vec![entry] }),
            }
        }
        groups.sort_by_key(|group| group.section);
        Release { name, at: Some(head.committed_at), groups, updates: self.updates, bots: self.bots }
    }
}

/// Authors with their number of commits, by email address.
#[derive(Default)]
struct People(HashMap<String, (Person, usize)>);

impl People {
    fn add(&mut self, person: &Person, rules: &Rules) {
        if person.name.is_empty() || rules.is_bot(&person.name) {
            return;
        }
        let key = person.email.to_ascii_lowercase();
        self.0.entry(key).or_insert_with(|| (person.clone(), 0)).1 += 1;
    }

    fn sorted(self, inline: &Inline<'_>) -> Vec<Contributor> {
        let contributor = |(person, commits): (Person, usize)| Contributor {
            name: clean::name(&person.name),
            url: inline.web.and_then(|web| web.person(&person.email)),
            commits,
        };
        let mut people: Vec<Contributor> = Vec::new();
        for person in self.0.into_values().map(contributor) {
            // A person with two addresses is listed once.
            match people.iter_mut().find(|known| known.name == person.name) {
                Some(known) => {
                    known.commits += person.commits;
                    known.url = known.url.take().or(person.url);
                }
                None => people.push(person),
            }
        }
        people.sort_by(|one, other| other.commits.cmp(&one.commits).then_with(|| one.name.cmp(&other.name)));
        people.truncate(MAX_PEOPLE);
        people
    }
}

#[cfg(test)]
mod tests;
