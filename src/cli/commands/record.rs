//! `tidegate record`: the past, as a file that `simulate` replays elsewhere.

use std::process::ExitCode;

use crate::cli::args::{During, Global, Record};
use crate::cli::output::Output;
use crate::cli::render;
use crate::cli::wiring::Session;
use crate::engine::Period;
use crate::model::{Class, Fault, Timestamp};
use crate::simulation::{self, Timeline};

use super::activity;
use super::changelog::write_file;

pub(super) async fn run(global: &Global, args: &Record, output: &Output) -> Result<ExitCode, Fault> {
    let mut session = Session::open(global, output).await?;
    let timeline = timeline(&mut session, args.during).await?;
    let text = simulation::write(&timeline)
        .map_err(|error| Fault::new(Class::Failed, "cannot write the recording").with_source(error))?;
    let Some(path) = &args.write else {
        Output::raw(&text)?;
        return Ok(ExitCode::SUCCESS);
    };
    write_file(path, &text)?;
    output.result(
        "Record",
        || render::simulation::recorded_json(path, &timeline),
        || render::simulation::recorded(path, &timeline, session.config.timezone),
    )?;
    Ok(ExitCode::SUCCESS)
}

/// What happened in a period, from the mirror and the store.
pub(super) async fn timeline(session: &mut Session, during: During) -> Result<Timeline, Fault> {
    let period = period(during, session.config.timezone, chrono::Utc::now())?;
    let timeline = activity::during("Reading the past", session.engine.timeline(period)).await?;
    if timeline.tag_changes.is_empty() {
        return Err(Fault::new(Class::Failed, "no tag ever changed in the environments' folders")
            .with_hint("look at `tidegate status`; check `paths` in the configuration"));
    }
    Ok(timeline)
}

/// The period that was typed, up to `now` at the latest.
pub(super) fn period(during: During, zone: chrono_tz::Tz, now: Timestamp) -> Result<Period, Fault> {
    let too_far = || Fault::new(Class::Usage, "the time is beyond the calendar");
    let at = |moment: Option<crate::cli::moment::Moment>| {
        moment.map(|moment| moment.before(zone, now).ok_or_else(too_far)).transpose()
    };
    let from = at(during.since)?;
    let to = at(during.until)?.map_or(now, |to| to.min(now));
    if from.is_some_and(|from| from >= to) {
        return Err(Fault::new(Class::Usage, "the period ends before it starts")
            .with_hint("give --since a time before --until, and before now"));
    }
    Ok(Period { from, to })
}
