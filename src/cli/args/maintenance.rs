//! The arguments of the commands that look after a running Tidegate.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};

use crate::cli::completion;
use crate::cli::moment::{self, Moment};
use crate::model::{EnvironmentName, TokenName, TokenScope};

use super::examples;

#[derive(Debug, Subcommand)]
pub(crate) enum Notify {
    /// Send a test message to a channel, and print what the other side answers
    #[command(after_help = examples::NOTIFY_TEST)]
    Test(NotifyTest),
}

#[derive(Debug, Args)]
pub(crate) struct NotifyTest {
    /// Channel, by its name in the configuration
    #[arg(value_name = "CHANNEL")]
    pub(crate) channel: String,
    /// Send an example of each kind of notification that the channel gets, instead of one message
    #[arg(long)]
    pub(crate) each: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// File to write; never replaces one without --force
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Replace the file
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// File that `tidegate backup` wrote
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Make a token, and show it once
    Create(TokenCreate),
    /// List the tokens: whose they are, what they allow, and until when
    List,
    /// Revoke a token: it counts no more, at once
    Revoke(TokenRevoke),
}

#[derive(Debug, Args)]
pub(crate) struct TokenCreate {
    /// Whose token it is: a person or a program, as the audit log names them
    #[arg(value_name = "NAME")]
    pub(crate) name: TokenName,
    /// What it allows: `read`, `act` (hold, release, pin, quarantine, freeze, promote, rollback) or `approve`; repeatable.
    /// Every token reads
    #[arg(long = "scope", value_name = "SCOPE", value_parser = scope_parser(), value_delimiter = ',', default_value = "read")]
    pub(crate) scopes: Vec<TokenScope>,
    /// Only act in this environment; repeatable
    #[arg(short, long = "env", alias = "in", value_name = "ENV", add = completion::environments(), value_delimiter = ',')]
    pub(crate) environments: Vec<EnvironmentName>,
    /// When it ends: 4h, 90d, 1w (from now), 2026-12-01, 2026-12-01T09:00; a zone or offset may follow
    #[arg(long, value_name = "TIME", value_parser = moment::parse, default_value = "90d")]
    pub(crate) expires: Moment,
    /// Your name in the audit log [default: git's user.name, else the system's]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TokenRevoke {
    /// Id of the token, or the name of its owner for all of theirs
    #[arg(value_name = "ID|NAME")]
    pub(crate) token: String,
    /// Your name in the audit log [default: git's user.name, else the system's]
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Start: 7d, 1w, 24h (ago), today, yesterday, 2026-11-29, 2026-11-29T09:52; a zone or offset may follow
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    pub(crate) since: Option<Moment>,
    /// Maximum entries, newest first
    #[arg(long, default_value_t = 50, value_name = "NUMBER")]
    pub(crate) limit: usize,
}

fn scope_parser() -> impl TypedValueParser<Value = TokenScope> {
    PossibleValuesParser::new(TokenScope::ALL.map(TokenScope::as_word))
        .try_map(|word| word.parse::<TokenScope>())
}
