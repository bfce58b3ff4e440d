//! A configuration's Git section as the mirror's settings.

use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;

use crate::config::{self, Auth, ProcessEnv, SecretSource};
use crate::git::{AllowedSigners, Login, Mirror, Reach, Secret, Settings, Signature, Signing, Stop};
use crate::model::Fault;

/// The mirror of a configuration, in `folder`.
pub(super) fn mirror(git: &config::Git, folder: &Path, stop: Stop) -> Result<Mirror, Fault> {
    let settings = Settings {
        url: git.remote.to_string(),
        reach: Reach {
            login: login(&git.auth),
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

pub(super) fn login(auth: &Auth) -> Login {
    match auth {
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
