//! Commands that the daemon runs for those who ask its server: the same ones as at a terminal, in its session, between two
//! passes. A command that acts is done in the name of the token's owner, once for each key, and is in the audit log.

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::args::{Cli, Command, Consent};
use crate::cli::commands;
use crate::cli::output::Output;
use crate::cli::wiring::Session;
use crate::engine::Mandate;
use crate::model::{AccessToken, AuditEntry, Class, CommitId, EnvironmentName, Fault, Printable, TokenScope};
use crate::policy::GateName;
use crate::port::Repository as _;
use crate::server::{CommandReply, CommandRequest, CommandRun, WaitingCommand};
use crate::store::KeptAnswer;

/// The most commits that are listed of a branch that moved.
const MOST_COMMITS: usize = 20;

/// Every exit code of a command.
const EXIT_CODES: [u8; 6] = [0, 1, 2, 3, 4, 75];

/// Runs a command, and answers. Returns whether it may have changed the branch.
pub(super) async fn answer(session: &mut Session, waiting: WaitingCommand) -> bool {
    if waiting.is_over() {
        return false;
    }
    let (reply, acted) = match reply(session, &waiting.request).await {
        Ok(replied) => replied,
        Err(fault) => (CommandReply::Ran(failed(&fault)), true),
    };
    waiting.answer(reply);
    acted
}

async fn reply(session: &mut Session, request: &CommandRequest) -> Result<(CommandReply, bool), Fault> {
    let program = std::iter::once("tidegate").chain(request.arguments.iter().map(String::as_str));
    let mut cli = match Cli::try_parse_from(program) {
        Ok(cli) => cli,
        Err(error) => return Ok((CommandReply::Ran(unreadable(&error)), false)),
    };
    let Some(needs) = needs(&cli.command) else {
        let fault = Fault::new(Class::Usage, "a server does not run this command")
            .with_hint("run it where the configuration is, without --server");
        return Ok((CommandReply::Ran(failed(&fault)), false));
    };
    if needs.scopes.is_empty() {
        return Ok((CommandReply::Ran(run(session, &cli, request, Mandate::default()).await), false));
    }
    let Some(token) = &request.token else {
        let missing = format!("Acting needs a token with the scope `{}`", needs.scopes[0]);
        return Ok((CommandReply::Denied { missing }, false));
    };
    let name = needs.action;
    if let Some(missing) = missing(token, &needs) {
        audit(session, token, &format!("{name}.denied"), request).await;
        return Ok((CommandReply::Denied { missing }, false));
    }
    let is_dry_run = consent(&mut cli.command).is_some_and(|consent| {
        consent.by = Some(token.name.to_string());
        consent.dry_run
    });
    if let Some(kept) = kept(session, token, request).await? {
        return Ok((kept, false));
    }
    if let Some(moved) = moved(session, request.seen).await? {
        return Ok((moved, false));
    }
    let author = Some(token.name.to_string());
    let mandate = Mandate { author, reason: request.reason.clone(), seen: request.seen };
    let done = run(session, &cli, request, mandate).await;
    if is_dry_run {
        return Ok((CommandReply::Ran(done), false));
    }
    // It may have moved between the look and the push.
    if done.exit_code == Class::TryAgain.exit_code()
        && let Some(moved) = moved(session, request.seen).await?
    {
        return Ok((moved, true));
    }
    let action = if done.exit_code == 0 { name.to_owned() } else { format!("{name}.failed") };
    audit(session, token, &action, request).await;
    keep(session, token, request, &done).await;
    Ok((CommandReply::Ran(done), true))
}

/// What a command needs of a token.
struct Needs<'a> {
    /// The command, as the audit log names it.
    action: &'static str,
    /// None to read.
    scopes: Vec<TokenScope>,
    /// Where it acts; everywhere if empty.
    environments: &'a [EnvironmentName],
}

/// What a command needs; none where it is not run for others.
fn needs(command: &Command) -> Option<Needs<'_>> {
    let acting = |action, environments| Needs { action, scopes: vec![TokenScope::Act], environments };
    let reading = Needs { action: "read", scopes: Vec::new(), environments: &[] };
    Some(match command {
        Command::Status(args) if !args.watch => reading,
        Command::Explain(args) if !args.wait => reading,
        Command::Changelog(args) if args.write.is_none() && args.prepend.is_none() => reading,
        Command::History(_) => reading,
        Command::Hold(args) => acting("hold", args.environments.environments.as_slice()),
        Command::Pin(args) => acting("pin", &args.environments.environments),
        Command::Freeze(args) => acting("freeze", &args.environments.environments),
        Command::Quarantine(_) => acting("quarantine", &[]),
        Command::Release(args) => acting("release", &args.environments),
        Command::Rollback(args) => acting("rollback", std::slice::from_ref(&args.env)),
        Command::Approve(args) => {
            Needs { scopes: vec![TokenScope::Approve], ..acting("approve", &args.environments) }
        }
        Command::Promote(args) => {
            let mut needs = acting("promote", args.env.as_slice());
            // Passing the gate is as good as an approval.
            needs.scopes.extend(args.overrides.contains(&GateName::Approval).then_some(TokenScope::Approve));
            needs
        }
        _ => return None,
    })
}

/// What the token lacks, in a sentence.
fn missing(token: &AccessToken, needs: &Needs<'_>) -> Option<String> {
    if let Some(scope) = needs.scopes.iter().find(|scope| !token.allows(**scope)) {
        return Some(format!("The token lacks the scope `{scope}`"));
    }
    if let Some(environment) = needs.environments.iter().find(|environment| !token.covers(environment)) {
        return Some(format!("The token does not act in {environment}"));
    }
    let is_everywhere = needs.environments.is_empty() && !token.environments.is_empty();
    is_everywhere.then(|| {
        let names: Vec<&str> = token.environments.iter().map(EnvironmentName::as_str).collect();
        format!("The token acts in {} only, and this would count everywhere", names.join(", "))
    })
}

/// The consent of a command that acts.
fn consent(command: &mut Command) -> Option<&mut Consent> {
    Some(match command {
        Command::Hold(args) => &mut args.note.consent,
        Command::Pin(args) => &mut args.note.consent,
        Command::Quarantine(args) => &mut args.note.consent,
        Command::Freeze(args) => &mut args.note.consent,
        Command::Approve(args) => &mut args.consent,
        Command::Release(args) => &mut args.consent,
        Command::Promote(args) => &mut args.consent,
        Command::Rollback(args) => &mut args.consent,
        _ => return None,
    })
}

async fn run(session: &mut Session, cli: &Cli, request: &CommandRequest, mandate: Mandate) -> CommandRun {
    let output = Output::capture(&cli.global, request.width);
    session.engine.set_mandate(mandate);
    let done = Box::pin(commands::run_in(session, &cli.global, &cli.command, &output)).await;
    session.engine.set_mandate(Mandate::default());
    let (exit_code, fault) = match done {
        Ok(code) => (EXIT_CODES.into_iter().find(|known| ExitCode::from(*known) == code).unwrap_or(1), None),
        Err(fault) => {
            output.fault(&fault);
            (fault.class().exit_code(), Some((fault.in_one_line(), fault.hint().map(str::to_owned))))
        }
    };
    let captured = output.into_captured();
    CommandRun {
        exit_code,
        output: String::from_utf8_lossy(&captured.output).into_owned(),
        errors: String::from_utf8_lossy(&captured.errors).into_owned(),
        fault,
        head: session.mirror.head().ok().flatten().map(|head| head.to_string()),
    }
}

fn failed(fault: &Fault) -> CommandRun {
    let message = fault.in_one_line();
    CommandRun {
        exit_code: fault.class().exit_code(),
        output: String::new(),
        errors: format!("error: {message}\n"),
        fault: Some((message, fault.hint().map(str::to_owned))),
        head: None,
    }
}

/// Arguments that are no command.
fn unreadable(error: &clap::Error) -> CommandRun {
    let text = error.render().to_string();
    let message = text.strip_prefix("error: ").unwrap_or(&text).split("\n\n").next().unwrap_or_default();
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let message = Printable::bounded(&message, 500).to_string();
    CommandRun {
        exit_code: Class::Usage.exit_code(),
        output: String::new(),
        errors: text,
        fault: Some((message, None)),
        head: None,
    }
}

/// What became of the same request before.
async fn kept(
    session: &Session,
    token: &AccessToken,
    request: &CommandRequest,
) -> Result<Option<CommandReply>, Fault> {
    let Some(key) = &request.key else { return Ok(None) };
    let Some(kept) = session.store.kept_answer(&token.id, key, chrono::Utc::now()).await? else {
        return Ok(None);
    };
    if kept.fingerprint != request.fingerprint() {
        return Ok(Some(CommandReply::KeyReused));
    }
    Ok(serde_json::from_str(&kept.answer).ok().map(CommandReply::Ran))
}

/// Keeps what became of a request. What may go better next time is tried again instead.
async fn keep(session: &Session, token: &AccessToken, request: &CommandRequest, done: &CommandRun) {
    let Some(key) = &request.key else { return };
    if done.exit_code == Class::TryAgain.exit_code() {
        return;
    }
    let answer = serde_json::to_string(done).unwrap_or_default();
    let kept = KeptAnswer { fingerprint: request.fingerprint(), answer };
    if let Err(error) = session.store.keep_answer(&token.id, key, &kept, chrono::Utc::now()).await {
        tracing::error!(error = %Fault::from(error).in_one_line(), "cannot keep an answer: sent again, the request acts again");
    }
}

/// The commits since those that somebody saw, if there are any.
async fn moved(session: &mut Session, seen: Option<CommitId>) -> Result<Option<CommandReply>, Fault> {
    let Some(seen) = seen else { return Ok(None) };
    let head = session.engine.refresh().await?.commit();
    if head == seen {
        return Ok(None);
    }
    let mirror = std::sync::Arc::clone(&session.mirror);
    let read = tokio::task::spawn_blocking(move || {
        let newest: Vec<CommitId> =
            mirror.line(head, Some(seen))?.commits.into_iter().rev().take(MOST_COMMITS).collect();
        let messages = mirror.messages(&newest)?;
        Ok::<_, Fault>(newest.into_iter().zip(messages).map(described).collect::<Vec<_>>())
    });
    let commits = read
        .await
        .map_err(|error| Fault::new(Class::Failed, "cannot read what changed").with_source(error))??;
    Ok(Some(CommandReply::Moved { head, commits }))
}

/// A commit as its subject and who asked for it.
fn described((commit, messages): (CommitId, Vec<String>)) -> String {
    let message = messages.first().map(String::as_str).unwrap_or_default();
    let subject = Printable::bounded(message.lines().next().unwrap_or_default(), 100).to_string();
    let by = message.lines().rev().find_map(|line| line.strip_prefix("Tidegate-Requested-By: "));
    match by {
        Some(by) => format!("{} {subject}, for {}", commit.short(), Printable::bounded(by, 60)),
        None => format!("{} {subject}", commit.short()),
    }
}

async fn audit(session: &Session, token: &AccessToken, action: &str, request: &CommandRequest) {
    let reason = request.reason.iter().map(|reason| format!("({reason})"));
    let words: Vec<String> = request
        .arguments
        .iter()
        .skip_while(|word| word.starts_with('-'))
        .skip(1)
        .cloned()
        .chain(reason)
        .collect();
    let is_said = |word: &&String| !word.starts_with("--output") && *word != "--" && *word != "--yes";
    let subject: Vec<&str> = words.iter().filter(is_said).map(String::as_str).collect();
    let entry = AuditEntry {
        at: chrono::Utc::now(),
        actor: token.name.to_string(),
        token: Some(token.id.clone()),
        action: action.to_owned(),
        subject: Printable::bounded(&subject.join(" "), 300).to_string(),
    };
    if let Err(error) = session.store.add_audit(&entry).await {
        tracing::error!(error = %Fault::from(error).in_one_line(), action, "cannot write the audit log");
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn token(scopes: &[TokenScope], environments: &[&str]) -> AccessToken {
        let shown = crate::model::ShownToken::from_random(&[1; 38]);
        AccessToken {
            id: shown.id.clone(),
            name: "Ana".parse().unwrap(),
            scopes: scopes.iter().copied().collect(),
            environments: environments.iter().map(|name| name.parse().unwrap()).collect(),
            secret_hash: shown.secret_hash(),
            created_at: crate::model::Timestamp::UNIX_EPOCH,
            created_by: "Bruno".to_owned(),
            expires_at: crate::model::Timestamp::UNIX_EPOCH,
            revoked_at: None,
        }
    }

    fn verdict(line: &str, token: &AccessToken) -> Option<String> {
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        missing(token, &needs(&cli.command).unwrap())
    }

    #[rstest]
    #[case::reading("t status", &[], None)]
    #[case::acting("t hold a/b --reason x", &[], Some("The token lacks the scope `act`"))]
    #[case::approving("t approve a/b --env prod", &[TokenScope::Act], Some("The token lacks the scope `approve`"))]
    #[case::passing_the_approval("t promote a/b --override approval --reason x", &[TokenScope::Act], Some("The token lacks the scope `approve`"))]
    #[case::passing_another("t promote a/b --override soak --reason x", &[TokenScope::Act], None)]
    fn a_command_needs_its_scope(
        #[case] line: &str,
        #[case] scopes: &[TokenScope],
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(verdict(line, &token(scopes, &[])).as_deref(), expected);
    }

    #[rstest]
    #[case::named("t hold a/b --env prod --reason x", None)]
    #[case::another("t hold a/b --env prod,dev --reason x", Some("The token does not act in dev"))]
    #[case::everywhere(
        "t hold a/b --reason x",
        Some("The token acts in prod only, and this would count everywhere")
    )]
    #[case::quarantine(
        "t quarantine a/b --tag v1 --reason x",
        Some("The token acts in prod only, and this would count everywhere")
    )]
    #[case::release("t release a/b", Some("The token acts in prod only, and this would count everywhere"))]
    #[case::rollback("t rollback a/b --env dev --reason x", Some("The token does not act in dev"))]
    fn a_token_of_some_environments_acts_there_only(#[case] line: &str, #[case] expected: Option<&str>) {
        assert_eq!(verdict(line, &token(&[TokenScope::Act], &["prod"])).as_deref(), expected);
    }

    #[rstest]
    #[case("t run")]
    #[case("t status --watch")]
    #[case("t explain a/b --wait")]
    #[case("t changelog a/b --write /etc/passwd")]
    #[case("t token list")]
    #[case("t restore file")]
    #[case("t doctor")]
    fn what_reaches_further_is_not_run_for_others(#[case] line: &str) {
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        assert!(needs(&cli.command).is_none());
    }
}
