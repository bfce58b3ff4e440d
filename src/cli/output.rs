//! Output: results on standard output, with colours on a terminal; errors on standard error.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use anstyle::{AnsiColor, Style};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;

use crate::model::{Class, Fault, Printable, Secrets};
use crate::view::{Document, FaultBody};

use super::args::{Color, Format, Global};

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const RED: Style = AnsiColor::Red.on_default();
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(crate) const CYAN: Style = AnsiColor::Cyan.on_default();

/// The output streams.
#[derive(Debug)]
pub(crate) struct Output {
    format: Format,
    is_quiet: bool,
    choice: anstream::ColorChoice,
    is_unread: AtomicBool,
    /// Where both streams go instead, if not to the process's own.
    captured: Option<Mutex<Captured>>,
    /// The width to use where nothing is known of a terminal.
    captured_width: Option<usize>,
}

/// What a command printed for somebody elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Captured {
    pub(crate) output: Vec<u8>,
    pub(crate) errors: Vec<u8>,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let choice = match global.color {
            Color::Auto => anstream::AutoStream::choice(&io::stdout()),
            Color::Always => anstream::ColorChoice::AlwaysAnsi,
            Color::Never => anstream::ColorChoice::Never,
        };
        Self {
            format: global.output,
            is_quiet: global.quiet > 0,
            choice,
            is_unread: AtomicBool::new(false),
            captured: None,
            captured_width: None,
        }
    }

    /// Output that is kept, for somebody elsewhere. Without `--color always` it has no colours.
    pub(crate) fn capture(global: &Global, width: Option<usize>) -> Self {
        let choice = match global.color {
            Color::Always => anstream::ColorChoice::AlwaysAnsi,
            Color::Auto | Color::Never => anstream::ColorChoice::Never,
        };
        Self { choice, captured: Some(Mutex::default()), captured_width: width, ..Self::new(global) }
    }

    /// Whether it is kept for somebody elsewhere: nobody can be asked, and nothing may wait for long.
    pub(crate) fn is_captured(&self) -> bool {
        self.captured.is_some()
    }

    /// What was printed.
    pub(crate) fn into_captured(self) -> Captured {
        self.captured
            .map(|kept| kept.into_inner().unwrap_or_else(PoisonError::into_inner))
            .unwrap_or_default()
    }

    /// Whether results are for people.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.format, Format::Text | Format::Wide)
    }

    /// Whether tables show every column.
    pub(crate) fn is_wide(&self) -> bool {
        self.format == Format::Wide
    }

    /// Whether only results that matter are printed.
    pub(crate) fn is_quiet(&self) -> bool {
        self.is_quiet
    }

    /// Prints a result in the form that was asked for.
    pub(crate) fn result<B: Serialize>(
        &self,
        kind: &'static str,
        body: impl FnOnce() -> B,
        text: impl FnOnce() -> String,
    ) -> Result<(), Fault> {
        if self.is_text() { self.text(&text()) } else { self.document(kind, &body()) }
    }

    /// Whether results are for a person at a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_text() && !self.is_captured() && io::stdout().is_terminal()
    }

    /// The width of the terminal in characters, if results go to one.
    pub(crate) fn width(&self) -> Option<usize> {
        if self.is_captured() {
            return self.captured_width;
        }
        if !self.is_terminal() {
            return None;
        }
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        Some(usize::from(size.ws_col)).filter(|width| *width > 0)
    }

    /// Whether results are shown in colours.
    pub(crate) fn has_colours(&self) -> bool {
        self.choice != anstream::ColorChoice::Never
    }

    /// Prints a result for people. A reader that has gone away is no error.
    pub(crate) fn text(&self, text: &str) -> Result<(), Fault> {
        // In one piece: a stream that strips colours as it goes writes every line by itself.
        let shown = self.shown(text)?;
        self.print(&shown)
    }

    /// Whether the reader of the results has gone away.
    pub(crate) fn is_unread(&self) -> bool {
        if self.is_captured() {
            return false;
        }
        let stdout = io::stdout();
        let mut pipe = [PollFd::new(&stdout, PollFlags::empty())];
        let is_asked = poll(&mut pipe, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok();
        let is_broken = is_asked && pipe[0].revents().contains(PollFlags::ERR);
        is_broken || self.is_unread.load(Ordering::Relaxed)
    }

    fn print(&self, text: &[u8]) -> Result<(), Fault> {
        let Some(captured) = &self.captured else { return self.noted(write(text)) };
        captured.lock().unwrap_or_else(PoisonError::into_inner).output.extend_from_slice(&masked(text));
        Ok(())
    }

    fn noted(&self, written: io::Result<()>) -> Result<(), Fault> {
        if matches!(&written, Err(error) if error.kind() == io::ErrorKind::BrokenPipe) {
            self.is_unread.store(true, Ordering::Relaxed);
        }
        settled(written)
    }

    /// A text as it is shown: without colours where there are to be none.
    pub(crate) fn shown(&self, text: &str) -> Result<Vec<u8>, Fault> {
        let mut shown = anstream::AutoStream::new(Vec::with_capacity(text.len()), self.choice);
        settled(shown.write_all(text.as_bytes()))?;
        Ok(shown.into_inner())
    }

    /// Prints a result for programs: `body`, with `apiVersion` and `kind` before it.
    pub(crate) fn document(&self, kind: &'static str, body: &impl Serialize) -> Result<(), Fault> {
        self.print(&document(self.format, kind, body)?)
    }

    /// Prints one of several results for programs: a line of JSON, or a document of a YAML stream.
    pub(crate) fn document_in_stream(&self, kind: &'static str, body: &impl Serialize) -> Result<(), Fault> {
        let document = Document::new(kind, body);
        self.print(&match self.format {
            Format::Yaml => [b"---\n".as_slice(), &yaml(&document)?].concat(),
            _ => line(serde_json::to_string(&document))?,
        })
    }

    /// Prints a document as it is.
    pub(crate) fn raw(text: &str) -> Result<(), Fault> {
        settled(write(text.as_bytes()))
    }

    /// Prints what went wrong, its causes and what to do.
    pub(crate) fn fault(&self, fault: &Fault) {
        if !self.is_text() {
            // Nothing is left to try if this fails too.
            let _ = self.document("Error", &FaultBody::from(fault));
        }
        self.complain(&rendered(fault));
    }

    /// Prints to standard error, which may be closed: nothing depends on it.
    pub(crate) fn complain(&self, text: &str) {
        if let Some(captured) = &self.captured {
            let shown = self.shown(text).unwrap_or_default();
            let mut captured = captured.lock().unwrap_or_else(PoisonError::into_inner);
            captured.errors.extend_from_slice(&masked(&shown));
            return;
        }
        let choice = match self.choice {
            anstream::ColorChoice::Never => anstream::ColorChoice::Never,
            _ => anstream::AutoStream::choice(&io::stderr()),
        };
        let _ = anstream::AutoStream::new(io::stderr(), choice).write_all(&masked(text.as_bytes()));
    }
}

/// A text without the secrets of this process. All that is printed or logged passes here.
pub(super) fn masked(text: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(text) {
        Ok(text) => match Secrets::mask(text) {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        },
        Err(_) => Cow::Owned(Secrets::mask(&String::from_utf8_lossy(text)).into_owned().into_bytes()),
    }
}

/// Prints a fault as a document, before the arguments are read.
pub(crate) fn error_document(format: Format, fault: &Fault) -> Result<(), Fault> {
    settled(write(&document(format, "Error", &FaultBody::from(fault))?))
}

fn document(format: Format, kind: &'static str, body: &impl Serialize) -> Result<Vec<u8>, Fault> {
    let document = Document::new(kind, body);
    match format {
        Format::Yaml => yaml(&document),
        _ => line(serde_json::to_string_pretty(&document)),
    }
}

fn yaml(document: &impl Serialize) -> Result<Vec<u8>, Fault> {
    let text = serde_yaml::to_string(document);
    let text = text
        .map_err(|error| Fault::new(Class::Failed, "cannot write the result as YAML").with_source(error))?;
    Ok(text.into_bytes())
}

/// A document as text with its last newline.
fn line(written: serde_json::Result<String>) -> Result<Vec<u8>, Fault> {
    let mut text = written
        .map_err(|error| Fault::new(Class::Failed, "cannot write the result as JSON").with_source(error))?
        .into_bytes();
    text.push(b'\n');
    Ok(text)
}

fn write(text: &[u8]) -> io::Result<()> {
    let text = masked(text);
    let mut out = io::stdout().lock();
    out.write_all(&text).and_then(|()| out.flush())
}

fn settled(written: io::Result<()>) -> Result<(), Fault> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Fault::new(Class::Failed, "cannot write to standard output").with_source(error))
        }
        _ => Ok(()),
    }
}

fn rendered(fault: &Fault) -> String {
    if let Some(rendered) = fault.rendered() {
        return rendered.to_owned();
    }
    let error = RED.bold();
    let mut text = format!("{error}error{error:#}: {fault}\n");
    let mut cause = std::error::Error::source(fault);
    while let Some(because) = cause {
        let _ = writeln!(text, "  {DIM}because{DIM:#} {}", Printable::bounded(&because.to_string(), 2000));
        cause = because.source();
    }
    if let Some(hint) = fault.hint() {
        let _ = writeln!(text, "  {CYAN}hint{CYAN:#} {hint}");
    }
    text
}
