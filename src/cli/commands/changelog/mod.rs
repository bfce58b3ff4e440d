//! `tidegate changelog`: what changed between two images.

mod choice;
mod place;

use std::process::ExitCode;

use crate::changelog::{Format as TextFormat, Notes, Template, TemplateError};
use crate::cli::args::{Changelog, ChangelogFormat};
use crate::cli::output::Output;
use crate::cli::render;
use crate::cli::wiring::Session;
use crate::config::{Config, nearest};
use crate::model::{Class, Fault, Printable, Tag};
use crate::port::Registry as _;

use super::activity;

pub(super) use place::write as write_file;

use choice::Choice;

pub(super) async fn run(session: &mut Session, args: &Changelog, output: &Output) -> Result<ExitCode, Fault> {
    // Report an unusable template before any request.
    let template = args.template.as_ref().map(|name| template(&session.config, name)).transpose()?;
    let state = session.engine.refresh().await?;
    let choices = choice::choose(args, session, &state, chrono::Utc::now()).await?;
    let notes = Box::pin(activity::during("Reading what changed", read(session, &choices))).await?;
    if let Some(path) = &args.prepend {
        place::prepend(path, &notes)?;
        return Ok(ExitCode::SUCCESS);
    }
    let is_data = !output.is_text() || args.format == Some(ChangelogFormat::Json);
    match (&args.write, is_data) {
        (None, true) => output.document("Changelog", &render::changelog::json(&notes))?,
        (Some(path), true) => {
            place::write(path, &format!("{:#}\n", render::changelog::json(&notes)["changelogs"]))?;
        }
        (Some(path), false) => place::write(path, &text(&notes, args, template.as_ref(), false)?)?,
        (None, false) => output.text(&text(&notes, args, template.as_ref(), output.has_colours())?)?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn read(session: &Session, choices: &[Choice]) -> Result<Vec<Notes>, Fault> {
    let mut notes = Vec::with_capacity(choices.len());
    for choice in choices {
        let Choice { service, image, from, to } = choice;
        notes.push(match session.changes.between(service, image, from, to).await {
            Ok(notes) => notes,
            Err(fault) => return Err(missing_tag(session, choice).await.unwrap_or(fault)),
        });
    }
    Ok(notes)
}

/// The error that the registry has no such tag, if that is why a changelog failed.
async fn missing_tag(session: &Session, Choice { image, from, to, .. }: &Choice) -> Option<Fault> {
    let list = session.client.tags(image).await.ok()?;
    let missing = [from, to].into_iter().find(|tag| !list.tags.contains(tag))?;
    let fault = Fault::new(Class::Usage, format!("{image} has no tag {missing}"));
    let near = nearest(missing.as_str(), list.tags.iter().map(Tag::as_str));
    Some(match near {
        Some(near) => fault.with_hint(format!("did you mean {}?", Printable::bounded(near, 128))),
        None => fault.with_hint("`tidegate history` lists the tags that ran"),
    })
}

fn text(
    notes: &[Notes],
    args: &Changelog,
    template: Option<&Template>,
    has_colours: bool,
) -> Result<String, Fault> {
    let format = match args.format {
        Some(ChangelogFormat::Markdown) => Some(TextFormat::Markdown),
        Some(ChangelogFormat::KeepAChangelog) => Some(TextFormat::KeepAChangelog),
        Some(ChangelogFormat::Text) => Some(TextFormat::Text),
        Some(ChangelogFormat::Slack) => Some(TextFormat::Slack),
        Some(ChangelogFormat::Html) => Some(TextFormat::Html),
        Some(ChangelogFormat::Json) | None => None,
    };
    let one = |notes: &Notes| match (template, format) {
        (Some(template), _) => template.render(notes).map_err(|error| unusable(error, "the template")),
        (None, Some(format)) => Ok(notes.render(format)),
        (None, None) if has_colours => Ok(render::changelog::coloured(notes)),
        (None, None) => Ok(notes.render(TextFormat::Text)),
    };
    let texts: Vec<String> = notes.iter().map(one).collect::<Result<_, _>>()?;
    if texts.is_empty() {
        return Ok("No version came in that time.\n".to_owned());
    }
    Ok(texts.join("\n"))
}

fn template(config: &Config, name: &str) -> Result<Template, Fault> {
    let Some(template) = config.changelog.templates.get(name) else {
        let known: Vec<&str> = config.changelog.templates.keys().map(String::as_str).collect();
        let hint = match known.as_slice() {
            [] => "name one under `templates` in the configuration".to_owned(),
            known => format!("the configuration has {}", known.join(", ")),
        };
        let message = format!("there is no template {}", Printable::bounded(name, 80));
        return Err(Fault::new(Class::Usage, message).with_hint(hint));
    };
    let source = place::read(&template.file)?;
    let what = format!("the template {}", template.file.display());
    Template::new(source, template.is_html).map_err(|error| unusable(error, &what))
}

fn unusable(error: TemplateError, what: &str) -> Fault {
    Fault::new(Class::Usage, format!("cannot use {what}")).with_source(error)
}
