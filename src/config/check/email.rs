//! The `email` section of a channel.

use super::git_auth::secret;
use super::registry::account_name;
use crate::config::diagnostic::{Diagnostics, InvalidValue};
use crate::config::host;
use crate::config::location::Located;
use crate::config::notifications::{Email, EmailTls};
use crate::config::raw;

/// The longest address of SMTP (RFC 5321, section 4.5.3.1.3), and room for a name.
const MAX_BYTES: usize = 320;

pub(super) fn email(raw: &Located<raw::Email>, diagnostics: &mut Diagnostics) -> Option<Email> {
    let at = raw.at.start();
    let raw = &raw.value;
    let host = diagnostics.ok_or_report(raw.host.at, mail_host(&raw.host.value));
    let tls = match raw.tls.as_ref().map(|tls| tls.value) {
        None | Some(raw::EmailTls::StartTls) => EmailTls::StartTls,
        Some(raw::EmailTls::Implicit) => EmailTls::Implicit,
        Some(raw::EmailTls::None) => EmailTls::None,
    };
    if let (EmailTls::None, Some(host)) = (tls, &host)
        && !host::is_loopback(host)
    {
        let hint = "write `tls: startTls` or `tls: implicit`";
        diagnostics.error(raw.host.at, "this would send mail unencrypted to another machine", hint);
    }
    let usual = match tls {
        EmailTls::StartTls => 587,
        EmailTls::Implicit => 465,
        EmailTls::None => 25,
    };
    let password = secret(raw.password_env.as_ref(), raw.password_file.as_ref(), at, diagnostics);
    let has_password = raw.password_env.is_some() || raw.password_file.is_some();
    if raw.username.is_some() != has_password {
        let hint = "write `username` with one of `passwordEnv` and `passwordFile`, or none of them";
        diagnostics.error(at, "a login has a user name and a password", hint);
    }
    let username = raw.username.as_ref().and_then(|name| account_name(name, diagnostics));
    let from = diagnostics.ok_or_report(raw.from.at, address(&raw.from.value));
    if raw.to.value.is_empty() {
        diagnostics.error(raw.to.at.start(), "nobody gets this mail", "write `to: [platform@vtr.cl]`");
    }
    let to: Vec<String> =
        raw.to.value.iter().filter_map(|to| diagnostics.ok_or_report(to.at, address(&to.value))).collect();
    Some(Email {
        host: host?,
        port: raw.port.as_ref().map_or(usual, |port| port.value),
        tls,
        login: username.zip(password),
        from: from?,
        to,
    })
}

fn mail_host(text: &str) -> Result<String, InvalidValue> {
    let host = host::any_host(text)?;
    if host.contains(':') {
        return Err(InvalidValue::new("`host` takes a name without a port", "write the port as `port: 587`"));
    }
    Ok(host)
}

/// An address, or `Name <address>`. What it may not have could begin another header or command.
fn address(text: &str) -> Result<String, InvalidValue> {
    let address = match text.strip_suffix('>').and_then(|text| text.split_once('<')) {
        Some((name, address)) if !name.contains(['<', '>', '"', ',', ';']) => address,
        _ => text,
    };
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.chars().any(|letter| letter.is_whitespace() || "<>()[],;:\\\"@".contains(letter))
    };
    let is_address = address.split_once('@').is_some_and(|(local, domain)| is_part(local) && is_part(domain));
    if is_address && text.len() <= MAX_BYTES && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(InvalidValue::new(
        "this is not a mail address",
        "write `platform@vtr.cl` or `Platform <platform@vtr.cl>`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["a@vtr.cl", "Tidegate <tidegate@vtr.cl>", "a+b@vtr.cl", "a@localhost"] {
            assert_eq!(address(good).as_deref(), Ok(good));
        }
        for bad in
            ["", "a", "@vtr.cl", "a@", "a@b@c", "a b@vtr.cl", "a@vtr.cl, b@vtr.cl", "a@vtr.cl\r\nTo: b@c"]
        {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
