//! Promotions that the server declined. They are pushed apart from the others, so that a rule for one path holds up nothing
//! else, and are tried again with growing pauses.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::TimeDelta;

use crate::engine::base::problem::Problem;
use crate::engine::base::repository_policy::RepositoryPolicy;
use crate::engine::plan::edit_plan::EditPlan;
use crate::model::{Class, EnvironmentId, EnvironmentName, Fault, Printable, ServiceName, Timestamp};

/// Longest pause between two tries.
const LONGEST_PAUSE: TimeDelta = TimeDelta::minutes(5);

/// Maximum declined units that one pass tries again.
const MOST_RETRIES: usize = 8;

/// The least that a push can be split into: a service, or a group, in one environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine) struct Unit {
    environment: EnvironmentName,
    /// The service; of a group its first one.
    service: ServiceName,
    group: Option<String>,
}

impl Unit {
    pub(in crate::engine) fn new(
        repository_policy: &RepositoryPolicy,
        environment: EnvironmentId,
        service: &ServiceName,
    ) -> Self {
        let group = repository_policy.group_of(service).map(|group| group.name.clone());
        let environment = repository_policy.environments[environment].policy.name.clone();
        Self { environment, service: service.clone(), group }
    }

    /// Whether both are pushed together or not at all.
    fn is_same(&self, other: &Self) -> bool {
        self.environment == other.environment
            && match (&self.group, &other.group) {
                (None, None) => self.service == other.service,
                (one, other) => one == other,
            }
    }
}

/// The units of plans, each once, in their order.
fn units_of(repository_policy: &RepositoryPolicy, plans: &[EditPlan]) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    for plan in plans {
        let unit = Unit::new(repository_policy, plan.environment, &plan.service);
        if !units.iter().any(|known| known.is_same(&unit)) {
            units.push(unit);
        }
    }
    units
}

/// What the server declined, kept between passes.
#[derive(Debug, Default)]
pub(in crate::engine) struct Memory(Vec<Declined>);

#[derive(Debug)]
struct Declined {
    unit: Unit,
    /// The server's words.
    reason: String,
    tries: u32,
    retry_at: Timestamp,
}

impl Memory {
    fn knows(&self, unit: &Unit) -> bool {
        self.0.iter().any(|declined| declined.unit.is_same(unit))
    }

    /// Drops what would not be pushed any more.
    pub(in crate::engine) fn retain(&mut self, planned: &[Unit]) {
        self.0.retain(|declined| planned.iter().any(|unit| unit.is_same(&declined.unit)));
    }

    fn forget(&mut self, unit: &Unit) {
        self.0.retain(|declined| !declined.unit.is_same(unit));
    }

    /// The first try after this is the next pass's; each further one doubles the pause.
    fn add(&mut self, unit: Unit, reason: &str, now: Timestamp) {
        let before =
            self.0.iter().find(|declined| declined.unit.is_same(&unit)).map(|declined| declined.tries);
        self.forget(&unit);
        let tries = before.unwrap_or_default() + 1;
        let pause = match tries {
            1 => TimeDelta::zero(),
            _ => TimeDelta::seconds(5 << (tries - 2).min(10)).min(LONGEST_PAUSE),
        };
        self.0.push(Declined { unit, reason: reason.to_owned(), tries, retry_at: now + pause });
    }

    /// A problem for each declined unit.
    pub(in crate::engine) fn problems(&self) -> impl Iterator<Item = Problem> {
        self.0.iter().map(|declined| {
            let fault = declined_fault(None, &declined.reason);
            Problem::from_fault(&fault).of(&declined.unit.environment, &declined.unit.service)
        })
    }

    /// The error of a pass that could push nothing.
    pub(in crate::engine) fn fault(&self) -> Option<Fault> {
        let declined = self.0.first()?;
        Some(declined_fault(Some(&declined.unit), &declined.reason))
    }
}

fn declined_fault(unit: Option<&Unit>, reason: &str) -> Fault {
    let of = unit.map(|unit| format!("{} in {}: ", unit.service, unit.environment)).unwrap_or_default();
    let message = format!("{of}the server declined the push: {}", Printable::bounded(reason.trim(), 1000));
    Fault::new(Class::Failed, message)
        .with_hint("let this author pass the hook or the branch protection; Tidegate tries again")
}

/// The pushes of one pass: everything by one, until the server declines that.
#[derive(Debug)]
pub(in crate::engine) struct Pushes(VecDeque<Part>);

#[derive(Debug)]
enum Part {
    /// Everything except what was declined before.
    NotDeclined,
    Everything,
    Only(Vec<Unit>),
}

impl Pushes {
    /// Everything that was not declined before by one push, and some of the rest by a push of its own.
    pub(in crate::engine) fn by_schedule(memory: &Memory, now: Timestamp) -> Self {
        let due = memory.0.iter().filter(|declined| declined.retry_at <= now).take(MOST_RETRIES);
        let retries = due.map(|declined| Part::Only(vec![declined.unit.clone()]));
        Self(std::iter::once(Part::NotDeclined).chain(retries).collect())
    }

    /// Everything by one push, whatever was declined before.
    pub(in crate::engine) fn requested() -> Self {
        Self(VecDeque::from([Part::Everything]))
    }

    /// Whether a unit belongs to the next push.
    pub(in crate::engine) fn next_has(&self, memory: &Memory, unit: &Unit) -> bool {
        match self.0.front() {
            None => false,
            Some(Part::Everything) => true,
            Some(Part::NotDeclined) => !memory.knows(unit),
            Some(Part::Only(units)) => units.iter().any(|one| one.is_same(unit)),
        }
    }

    pub(in crate::engine) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is a push after the next one.
    pub(in crate::engine) fn has_more(&self) -> bool {
        self.0.len() > 1
    }

    /// The next push landed, or had nothing to push.
    pub(in crate::engine) fn done(
        &mut self,
        repository_policy: &RepositoryPolicy,
        memory: &mut Memory,
        plans: &[EditPlan],
    ) {
        self.0.pop_front();
        for unit in units_of(repository_policy, plans) {
            memory.forget(&unit);
        }
    }

    /// The server declined the next push: splits it by environment, then by unit. A single unit is remembered as declined.
    pub(in crate::engine) fn declined(
        &mut self,
        repository_policy: &RepositoryPolicy,
        memory: &mut Memory,
        plans: &[EditPlan],
        (reason, now): (&str, Timestamp),
    ) {
        self.0.pop_front();
        let units = units_of(repository_policy, plans);
        if let [unit] = units.as_slice() {
            return memory.add(unit.clone(), reason, now);
        }
        let environments: BTreeSet<EnvironmentName> =
            units.iter().map(|unit| unit.environment.clone()).collect();
        let mut parts: BTreeMap<usize, Vec<Unit>> = BTreeMap::new();
        for (at, unit) in units.iter().enumerate() {
            let is_together = |other: &&Unit| environments.len() > 1 && other.environment == unit.environment;
            let first = units.iter().position(|other| is_together(&other)).unwrap_or(at);
            parts.entry(first).or_default().push(unit.clone());
        }
        for part in parts.into_values().rev() {
            self.0.push_front(Part::Only(part));
        }
    }
}
