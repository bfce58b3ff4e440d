//! `tidegate record`: what happened, as a file that can be replayed elsewhere.

use std::path::Path;
use std::process::ExitCode;

use crate::cli::args::{Format, Global, Record};
use crate::cli::output::Output;
use crate::cli::render;
use crate::cli::since::Since;
use crate::cli::wiring::Session;
use crate::engine::Period;
use crate::model::{Class, Fault, Timestamp};
use crate::simulation::{self, Timeline};

use super::activity;
use super::changelog::write_file;

pub(super) async fn run(global: &Global, args: &Record, output: &Output) -> Result<ExitCode, Fault> {
    let mut session = Session::open(global, output).await?;
    let timeline = gather(&mut session, args.from, args.to, output).await?;
    let text = simulation::write(&timeline)
        .map_err(|error| Fault::new(Class::Failed, "cannot write the recording").with_source(error))?;
    let Some(path) = &args.write else {
        Output::raw(&text)?;
        return Ok(ExitCode::SUCCESS);
    };
    write_file(path, &text)?;
    tell(path, &timeline, &session, output)?;
    Ok(ExitCode::SUCCESS)
}

fn tell(path: &Path, timeline: &Timeline, session: &Session, output: &Output) -> Result<(), Fault> {
    match output.format {
        Format::Text => output.text(&render::simulation::recorded(path, timeline, session.config.timezone)),
        Format::Json => output.json("Record", &render::simulation::recorded_json(path, timeline)),
    }
}

/// What happened in a time, from the mirror and the store.
pub(super) async fn gather(
    session: &mut Session,
    from: Option<Since>,
    to: Option<Since>,
    output: &Output,
) -> Result<Timeline, Fault> {
    let now = chrono::Utc::now();
    let period = period(from, to, session.config.timezone, now)?;
    let _turn = session.turn(output).await?;
    let timeline = activity::during("Reading what happened", session.engine.timeline(period)).await?;
    if timeline.tag_changes.is_empty() {
        return Err(Fault::new(Class::Failed, "no tag has ever moved in the environments' folders")
            .with_hint("look at `tidegate status`; check `paths` in the configuration"));
    }
    Ok(timeline)
}

/// Between which times.
pub(super) fn period(
    from: Option<Since>,
    to: Option<Since>,
    zone: chrono_tz::Tz,
    now: Timestamp,
) -> Result<Period, Fault> {
    let from = from.map(|from| from.resolve(zone, now));
    let to = to.map_or(now, |to| to.resolve(zone, now)).min(now);
    if from.is_some_and(|from| from >= to) {
        return Err(Fault::new(Class::Usage, "it ends before it begins")
            .with_hint("give --from an earlier time than --to"));
    }
    Ok(Period { from, to })
}
