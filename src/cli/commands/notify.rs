//! `tidegate notify test`: sends test messages to a channel, past the outbox, and prints what the other side answers.

use std::fmt::Write as _;
use std::process::ExitCode;

use chrono::Utc;
use serde::Serialize;
use uuid::Uuid;

use crate::cli::args::{Global, Notify, NotifyTest};
use crate::cli::output::{GREEN, Output, RED};
use crate::cli::wiring::{load, sender};
use crate::config::{Channel, ChannelTarget, Config, nearest};
use crate::model::{Class, EventKind, Fault, Printable};
use crate::notify::{Event, Message, Parcel, Phase, Wording, samples};

/// What became of one message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    kind: EventKind,
    title: String,
    is_accepted: bool,
    answer: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    channel: &'a str,
    channel_kind: &'a str,
    messages: &'a [Answer],
}

pub(super) async fn run(global: &Global, command: &Notify, output: &Output) -> Result<ExitCode, Fault> {
    let Notify::Test(args) = command;
    let config = load(global, output)?;
    let channel = find(&config, &args.channel)?;
    let sender = sender(&config, channel)?;
    let wording = Wording { title: channel.title.clone(), body: channel.body.clone() };
    let mut answers = Vec::new();
    for event in events(channel, args) {
        let (message, failed) = Message::of(&event, &wording);
        if let Some(error) = failed {
            output.complain(&format!("cannot fill in the template of {}: {error}\n", channel.name));
        }
        let (kind, title) = (event.kind, message.title.clone());
        let parcel = Parcel { id: Uuid::now_v7().to_string(), events: vec![event], message };
        answers.push(match sender.send(&parcel).await {
            Ok(accepted) => Answer { kind, title, is_accepted: true, answer: accepted.answer },
            Err(error) => Answer { kind, title, is_accepted: false, answer: error.reason().to_owned() },
        });
    }
    let body = Body { channel: &channel.name, channel_kind: channel.target.as_str(), messages: &answers };
    output.result("NotifyTest", || &body, || text(&body))?;
    let is_good = answers.iter().all(|answer| answer.is_accepted);
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(Class::Failed.exit_code()) })
}

fn find<'a>(config: &'a Config, name: &str) -> Result<&'a Channel, Fault> {
    if let Some(channel) = config.channels.iter().find(|channel| channel.name == name) {
        return Ok(channel);
    }
    let names: Vec<&str> = config.channels.iter().map(|channel| channel.name.as_str()).collect();
    let hint = match (nearest(name, names.iter().copied()), names.as_slice()) {
        (Some(near), _) => format!("did you mean {near}?"),
        (None, []) => "add one under `notifications` in the configuration".to_owned(),
        (None, names) => format!("the configuration has {}", names.join(", ")),
    };
    let message = format!("no channel is named {}", Printable::bounded(name, 63));
    Err(Fault::new(Class::Usage, message).with_hint(hint))
}

/// One test message, or an example of each kind that the channel is told.
fn events(channel: &Channel, args: &NotifyTest) -> Vec<Event> {
    let now = Utc::now();
    let is_github = matches!(channel.target, ChannelTarget::GitHub(_));
    if !args.each && !is_github {
        let event = Event {
            subject: Some("notify test".to_owned()),
            reason: Some("This is a test message: the channel works.".to_owned()),
            ..Event::new(EventKind::Report, Phase::Happened, now)
        };
        return vec![Event { since: Some(now), ..event }];
    }
    let wants = |event: &Event| {
        channel.events.contains(&event.kind) || (event.kind == EventKind::Report && channel.report.is_some())
    };
    samples(now).into_iter().filter(wants).collect()
}

fn text(body: &Body<'_>) -> String {
    let mut text = String::new();
    for answer in body.messages {
        let (mark, style) = if answer.is_accepted { ("ok  ", GREEN) } else { ("FAIL", RED) };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{style}{mark}{style:#}  {} ({}): {}: {}",
            body.channel, body.channel_kind, answer.title, answer.answer
        );
    }
    text
}
