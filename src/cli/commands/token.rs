//! `tidegate token`: the tokens by which people and programs read and act through the server.

use std::process::ExitCode;

use chrono::{DurationRound as _, TimeDelta};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::cli::args::{Global, Token, TokenCreate, TokenRevoke};
use crate::cli::output::Output;
use crate::cli::person;
use crate::cli::render::token as render;
use crate::cli::wiring::{Store, load, open_store};
use crate::config::Config;
use crate::model::{
    AccessToken, AuditEntry, Class, EnvironmentName, Fault, ShownToken, Timestamp, TokenScope,
};
use crate::view::{NewTokenBody, RevokedBody, TokensBody, token_body};

pub(super) async fn run(global: &Global, command: &Token, output: &Output) -> Result<ExitCode, Fault> {
    let config = load(global, output)?;
    let store = open_store(&config).await?;
    let now = chrono::Utc::now();
    let now = now.duration_trunc(TimeDelta::seconds(1)).unwrap_or(now);
    match command {
        Token::Create(args) => create(&config, &store, args, now, output).await?,
        Token::List => {
            let tokens = store.tokens().await?;
            let body = || TokensBody { tokens: tokens.iter().map(|token| token_body(token, now)).collect() };
            output.result("Tokens", body, || render::list(&tokens, config.timezone, now))?;
        }
        Token::Revoke(args) => revoke(&store, args, now, output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(
    config: &Config,
    store: &Store,
    args: &TokenCreate,
    now: Timestamp,
    output: &Output,
) -> Result<(), Fault> {
    let too_far = || Fault::new(Class::Usage, "the time is beyond the end of the calendar");
    let expires_at = args.expires.after(config.timezone, now).ok_or_else(too_far)?;
    if expires_at <= now {
        return Err(Fault::new(Class::Usage, "--expires is in the past").with_hint("give a time to come"));
    }
    let mut random = [0; 38];
    let failed = |_| Fault::new(Class::Failed, "the system gives no random numbers");
    SystemRandom::new().fill(&mut random).map_err(failed)?;
    let shown = ShownToken::from_random(&random);
    let configured = config.environments();
    let is_known = |name: &&EnvironmentName| configured.iter().any(|environment| environment.name == **name);
    if let Some(unknown) = args.environments.iter().find(|name| !is_known(name)) {
        let names: Vec<&str> = configured.iter().map(|environment| environment.name.as_str()).collect();
        return Err(Fault::new(Class::Usage, format!("there is no environment `{unknown}`"))
            .with_hint(format!("the configuration has {}", names.join(", "))));
    }
    let by = person::name(args.by.as_deref());
    let token = AccessToken {
        id: shown.id.clone(),
        name: args.name.clone(),
        scopes: args.scopes.iter().copied().chain([TokenScope::Read]).collect(),
        environments: args.environments.iter().cloned().collect(),
        secret_hash: shown.secret_hash(),
        created_at: now,
        created_by: by.clone(),
        expires_at,
        revoked_at: None,
    };
    store.add_token(&token, &entry(&token, "token.create", by, now)).await?;
    let body = || NewTokenBody { token: token_body(&token, now), secret: shown.expose() };
    output.result("NewToken", body, || render::created(&token, &shown, config.timezone))
}

async fn revoke(store: &Store, args: &TokenRevoke, now: Timestamp, output: &Output) -> Result<(), Fault> {
    let tokens = store.tokens().await?;
    let is_meant = |token: &&AccessToken| {
        token.is_valid(now) && (token.id.as_str() == args.token || token.name.as_str() == args.token)
    };
    let mut revoked = Vec::new();
    for token in tokens.iter().filter(is_meant) {
        let entry = entry(token, "token.revoke", person::name(args.by.as_deref()), now);
        if store.revoke_token(&token.id, &entry).await? {
            revoked.push(token.clone());
        }
    }
    if revoked.is_empty() {
        return Err(Fault::new(Class::Usage, format!("no valid token has the id or name `{}`", args.token))
            .with_hint("`tidegate token list` shows them"));
    }
    let body = || RevokedBody { revoked: revoked.iter().map(|token| token.id.to_string()).collect() };
    output.result("Revoked", body, || render::revoked(&revoked))
}

fn entry(token: &AccessToken, action: &str, by: String, at: Timestamp) -> AuditEntry {
    AuditEntry {
        at,
        actor: by,
        token: None,
        action: action.to_owned(),
        subject: format!("{} of {}", token.id, token.name),
    }
}
