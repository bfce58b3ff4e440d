//! E-mail over SMTP: plain text, with the id of the message as its `Message-ID`, so that mailboxes can tell a repetition.

use std::fmt;
use std::time::Duration;

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::{self, authentication::Credentials};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use secrecy::ExposeSecret as _;

use super::{Accepted, Parcel, SendFuture, Sender, Undelivered};
use crate::model::{Class, Fault, Printable, Secrets};
use crate::notify::http::ReadSecret;

const DEADLINE: Duration = Duration::from_secs(30);

/// Lines of mail have at most 998 bytes, and a subject should fit a list.
const MAX_SUBJECT_CHARS: usize = 200;

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailTls {
    /// Upgraded before anything is said; an error where the server does not offer it.
    StartTls,
    /// From the first byte.
    Implicit,
    /// Not at all.
    None,
}

/// How mail is sent.
pub struct EmailSettings {
    /// The mail server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: EmailTls,
    /// The user name and the password.
    pub login: Option<(String, ReadSecret)>,
    /// The sender.
    pub from: String,
    /// The recipients.
    pub to: Vec<String>,
}

/// Sends mail.
pub struct Mail {
    settings: EmailSettings,
    from: Mailbox,
    to: Vec<Mailbox>,
    tls: Tls,
}

impl Mail {
    /// Checks the addresses; sends nothing.
    ///
    /// # Errors
    /// When an address is none, or TLS cannot be set up.
    pub fn new(settings: EmailSettings) -> Result<Self, Fault> {
        // Fails when a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let failed = |what: String| Fault::new(Class::Usage, what);
        let mailbox = |text: &str| {
            text.parse::<Mailbox>().map_err(|error| {
                failed(format!("{} is no mail address", Printable::new(text))).with_source(error)
            })
        };
        let parameters = || {
            TlsParameters::new(settings.host.clone())
                .map_err(|error| failed("cannot set up TLS for mail".to_owned()).with_source(error))
        };
        let tls = match settings.tls {
            EmailTls::StartTls => Tls::Required(parameters()?),
            EmailTls::Implicit => Tls::Wrapper(parameters()?),
            EmailTls::None => Tls::None,
        };
        let from = mailbox(&settings.from)?;
        let to = settings.to.iter().map(|to| mailbox(to)).collect::<Result<_, _>>()?;
        Ok(Self { settings, from, to, tls })
    }

    fn letter(&self, parcel: &Parcel) -> Result<Message, Undelivered> {
        let subject = Printable::bounded(&parcel.message.title, MAX_SUBJECT_CHARS).to_string();
        let id = format!("<{}@{}>", parcel.id, self.from.email.domain());
        let builder: MessageBuilder = Message::builder()
            .from(self.from.clone())
            .subject(subject)
            .message_id(Some(id))
            .date_now()
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN);
        let builder = self.to.iter().fold(builder, |builder, to| builder.to(to.clone()));
        let text = parcel.message.plain();
        let text = if text.is_empty() { parcel.message.title.clone() } else { text };
        builder.body(text).map_err(|error| Undelivered::Rejected { reason: shown(&error.to_string()) })
    }

    fn transport(&self) -> Result<AsyncSmtpTransport<Tokio1Executor>, Undelivered> {
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.settings.host)
            .port(self.settings.port)
            .tls(self.tls.clone())
            .timeout(Some(DEADLINE));
        if let Some((name, password)) = &self.settings.login {
            let password = password().map_err(|fault| Undelivered::later(fault.in_one_line()))?;
            Secrets::learn_login(name, password.expose_secret());
            let password = password.expose_secret().to_owned();
            builder = builder.credentials(Credentials::new(name.clone(), password));
        }
        Ok(builder.build())
    }
}

impl Sender for Mail {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> SendFuture<'a> {
        Box::pin(async move {
            let letter = self.letter(parcel)?;
            let transport = self.transport()?;
            match transport.send(letter).await {
                Ok(response) => {
                    let said = response.message().collect::<Vec<_>>().join(" ");
                    Ok(Accepted { answer: shown(&format!("{} {said}", response.code())) })
                }
                Err(error) => Err(undelivered(&error)),
            }
        })
    }

    fn check(&self) -> SendFuture<'_> {
        Box::pin(async move {
            let is_open = self.transport()?.test_connection().await.map_err(|error| undelivered(&error))?;
            let server = format!("{}:{}", self.settings.host, self.settings.port);
            match (is_open, &self.settings.login) {
                (false, _) => Err(Undelivered::later(shown(&format!("{server} closes the connection")))),
                (true, Some(_)) => Ok(Accepted { answer: shown(&format!("{server} takes the login")) }),
                (true, None) => Ok(Accepted { answer: shown(&format!("{server} answers")) }),
            }
        })
    }
}

fn undelivered(error: &smtp::Error) -> Undelivered {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    Undelivered::later(shown(&format!("{error}{}", cause.unwrap_or_default())))
}

/// What a server said, without secrets.
fn shown(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Printable::new(&Secrets::mask(&text)).to_string()
}

/// Keeps auto-responders quiet (RFC 3834, section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mail").field("host", &self.settings.host).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::{Event, Message as Words, Wording, samples};

    fn mail() -> Mail {
        Mail::new(EmailSettings {
            host: "smtp.vtr.cl".to_owned(),
            port: 587,
            tls: EmailTls::StartTls,
            login: None,
            from: "Tidegate <tidegate@vtr.cl>".to_owned(),
            to: vec!["platform@vtr.cl".to_owned(), "Ana <ana@vtr.cl>".to_owned()],
        })
        .unwrap()
    }

    fn letter(event: Event) -> String {
        let (message, _) = Words::of(&event, &Wording::default());
        let parcel =
            Parcel { id: "0197c0de-7b1e-7c3a-9f55-4f5e0a2b6d11".to_owned(), events: vec![event], message };
        String::from_utf8(mail().letter(&parcel).unwrap().formatted()).unwrap()
    }

    #[test]
    fn a_letter_in_its_real_form() {
        let event = samples("2026-11-30T12:00:00Z".parse().unwrap()).remove(0);
        let text = letter(event).replace("\r\n", "\n");
        let text: Vec<&str> = text.lines().filter(|line| !line.starts_with("Date: ")).collect();
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!("email", text.join("\n")));
    }

    #[test]
    fn no_text_becomes_a_header() {
        let mut event = samples("2026-11-30T12:00:00Z".parse().unwrap()).remove(0);
        event.service = Some("x\r\nBcc: all@vtr.cl\r\n\r\nbody".to_owned());
        let letter = letter(event);
        let (headers, _) = letter.split_once("\r\n\r\n").unwrap();
        assert!(!headers.lines().any(|line| line.starts_with("Bcc")), "{headers}");
    }
}
