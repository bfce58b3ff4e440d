//! The `git.signing` and `git.verify` sections.

use super::file;
use super::git_auth::secret;
use crate::config::diagnostic::Diagnostics;
use crate::config::location::Located;
use crate::config::raw;
use crate::config::settings::{Signing, Verify};

const EXAMPLES: &str = "write `sshKey: /etc/tidegate/ssh/signing`, or `gpgKey` with the key's fingerprint";

pub(super) fn signing(raw: Option<&Located<raw::Signing>>, diagnostics: &mut Diagnostics) -> Option<Signing> {
    let Some(Located { value, at }) = raw else { return Some(Signing::None) };
    let raw::Signing { ssh_key, passphrase_env, passphrase_file, gpg_key, gpg_home } = value;
    let has_passphrase = passphrase_env.is_some() || passphrase_file.is_some();
    match (ssh_key, gpg_key) {
        (Some(key), None) if gpg_home.is_none() => {
            let file = file::path(key, diagnostics);
            let passphrase =
                secret(passphrase_env.as_ref(), passphrase_file.as_ref(), at.start(), diagnostics);
            Some(Signing::Ssh { file: file?, passphrase })
        }
        (None, Some(key)) if !has_passphrase => {
            let home = gpg_home.as_ref().and_then(|path| file::path(path, diagnostics));
            let key = fingerprint(key, diagnostics);
            Some(Signing::Gpg { key: key?, home })
        }
        _ => {
            let message = match (ssh_key, gpg_key) {
                (Some(_), Some(_)) => "`signing` has more than one key",
                (None, None) => "`signing` has no key",
                (Some(_), None) => "`gpgHome` needs `gpgKey`",
                (None, Some(_)) => "a passphrase works with `sshKey` only; the GPG agent asks for its own",
            };
            diagnostics.error(at.start(), message, EXAMPLES);
            None
        }
    }
}

fn fingerprint(raw: &Located<String>, diagnostics: &mut Diagnostics) -> Option<String> {
    let text: String = raw.value.chars().filter(|letter| *letter != ' ').collect();
    let text = text.strip_prefix("0x").unwrap_or(&text);
    if (16..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(text.to_owned());
    }
    diagnostics.error(
        raw.at,
        "this is not the fingerprint of a GPG key",
        "write its 16 to 40 hexadecimal digits, as in the `fpr` line of `gpg --list-secret-keys --with-colons`",
    );
    None
}

pub(super) fn verify(raw: Option<&Located<raw::Verify>>, diagnostics: &mut Diagnostics) -> Option<Verify> {
    let Located { value, at } = raw?;
    if value.allowed_signers.is_none() && value.gpg_home.is_none() {
        diagnostics.error(
            at.start(),
            "`verify` allows no signer",
            "write `allowedSigners: /etc/tidegate/allowed_signers`, or remove `verify`",
        );
    }
    Some(Verify {
        allowed_signers: value.allowed_signers.as_ref().and_then(|path| file::path(path, diagnostics)),
        gpg_home: value.gpg_home.as_ref().and_then(|path| file::path(path, diagnostics)),
    })
}
