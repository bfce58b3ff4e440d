//! `tidegate notify test`: sends test messages to a channel, past the outbox, and prints what the other side answers.

use std::fmt::Write as _;
use std::process::ExitCode;

use chrono::Utc;
use serde::Serialize;
use uuid::Uuid;

use crate::cli::args::{Global, Notify};
use crate::cli::output::{GREEN, Output, RED};
use crate::cli::wiring::{load, sender};
use crate::config::{Channel, ChannelTarget, Config, nearest};
use crate::model::{Class, EventKind, Fault, Printable};
use crate::notify::{Event, Message, Parcel, Phase, Wording, samples};

/// The result of one message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    kind: EventKind,
    title: String,
    is_accepted: bool,
    #[serde(rename = "answer")]
    said: String,
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
    let is_one = !args.each && !matches!(channel.target, ChannelTarget::GitHub(_));
    let events = if is_one { vec![test_event()] } else { examples(channel) };
    for event in events {
        let (mut message, failed) = Message::of(&event, &wording);
        if is_one {
            "Tidegate: this is a test, the channel works".clone_into(&mut message.title);
        }
        if let Some(error) = failed {
            output.complain(&format!("cannot fill in the template of {}: {error}\n", channel.name));
        }
        let (kind, title) = (event.kind, message.title.clone());
        let parcel = Parcel { id: Uuid::now_v7().to_string(), events: vec![event], message };
        answers.push(match sender.send(&parcel).await {
            Ok(accepted) => Answer { kind, title, is_accepted: true, said: accepted.answer },
            Err(error) => Answer { kind, title, is_accepted: false, said: error.reason().to_owned() },
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

/// The body of a test message.
fn test_event() -> Event {
    let reason = "Messages about promotions and problems come in this form.".to_owned();
    Event { reason: Some(reason), ..Event::new(EventKind::Report, Phase::Happened, Utc::now()) }
}

/// An example of each kind that the channel gets.
fn examples(channel: &Channel) -> Vec<Event> {
    let wants = |event: &Event| {
        channel.events.contains(&event.kind) || (event.kind == EventKind::Report && channel.report.is_some())
    };
    samples(Utc::now()).into_iter().filter(wants).collect()
}

fn text(body: &Body<'_>) -> String {
    let mut text = String::new();
    for answer in body.messages {
        let (mark, style) = if answer.is_accepted { ("ok  ", GREEN) } else { ("FAIL", RED) };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{style}{mark}{style:#}  {} ({}): {}: {}",
            body.channel, body.channel_kind, answer.title, answer.said
        );
    }
    text
}
