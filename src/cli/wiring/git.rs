//! A configuration's Git section as the mirror's settings.

use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;
use tokio::runtime::Handle;

use crate::config::{self, Auth, ProcessEnv, SecretSource};
use crate::forge::{Api, ApiSettings, App};
use crate::git::{AllowedSigners, Login, Mirror, Reach, Secret, Settings, Signature, Signing, Stop};
use crate::model::{Fault, Timestamp};

/// The mirror of a configuration, in `folder`.
pub(super) fn mirror(git: &config::Git, login: Login, folder: &Path, stop: Stop) -> Result<Mirror, Fault> {
    let settings = Settings {
        url: git.remote.to_string(),
        reach: Reach {
            login,
            ca_file: git.ca_file.clone(),
            proxy: git.proxy.as_ref().map(ToString::to_string),
            stop,
            ..Reach::default()
        },
        branch: git.branch.clone(),
        mirror: folder.to_owned(),
        author: Signature { name: git.author.name.clone(), email: git.author.email.clone() },
        signing: signing(&git.signing),
        verify: git.verify.as_ref().map(|verify| AllowedSigners {
            ssh: verify.allowed_signers.clone(),
            gpg_home: verify.gpg_home.clone(),
        }),
    };
    Ok(Mirror::open(settings)?)
}

/// How to log in to the GitOps repository. Called on the runtime, which a GitHub App needs later.
pub(super) fn login(git: &config::Git) -> Result<Login, Fault> {
    Ok(match &git.auth {
        Auth::None => Login::None,
        Auth::SshKey { file, known_hosts, passphrase } => Login::SshKey {
            file: file.clone(),
            passphrase: passphrase.as_ref().map(kept),
            known_hosts: known_hosts.clone(),
        },
        Auth::SshAgent { socket, known_hosts } => {
            Login::SshAgent { socket: socket.clone(), known_hosts: known_hosts.clone() }
        }
        Auth::Token { username, token } => Login::Token { username: username.clone(), token: kept(token) },
        Auth::GithubApp { app_id, installation_id, private_key, api } => {
            let api = Api::new(&api_settings(git, api.as_ref()))?;
            let runtime = Handle::current();
            let app =
                App::new(api, *app_id, *installation_id, private_key.clone(), runtime, chrono::Utc::now);
            Login::Token { username: "x-access-token".to_owned(), token: Arc::new(OfApp(app)) }
        }
    })
}

pub(super) fn api_settings(git: &config::Git, named: Option<&config::Endpoint>) -> ApiSettings {
    let usual = match &git.remote {
        config::Remote::Network(url) => ApiSettings::of_host(url.host()),
        config::Remote::Path(_) => ApiSettings::of_host("github.com"),
    };
    ApiSettings {
        url: named.map_or(usual.url, ToString::to_string),
        ca_file: git.ca_file.clone(),
        proxy: git.proxy.as_ref().map(ToString::to_string),
    }
}

/// The token of a GitHub App's installation.
#[derive(Debug)]
struct OfApp(App);

impl Secret for OfApp {
    fn read(&self) -> Result<SecretString, Fault> {
        self.0.token()
    }

    fn ends_at(&self) -> Option<Timestamp> {
        self.0.ends_at()
    }
}

fn signing(signing: &config::Signing) -> Signing {
    match signing {
        config::Signing::None => Signing::None,
        config::Signing::Ssh { file, passphrase } => {
            Signing::Ssh { file: file.clone(), passphrase: passphrase.as_ref().map(kept) }
        }
        config::Signing::Gpg { key, home } => Signing::Gpg { key: key.clone(), home: home.clone() },
    }
}

pub(super) fn kept(source: &SecretSource) -> Arc<dyn Secret> {
    Arc::new(Kept(source.clone()))
}

/// A secret in a file or a variable.
#[derive(Debug)]
struct Kept(SecretSource);

impl Secret for Kept {
    fn read(&self) -> Result<SecretString, Fault> {
        Ok(self.0.read(&ProcessEnv)?)
    }
}
