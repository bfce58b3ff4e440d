//! Logs: text on a terminal, JSON otherwise, always on standard error.

use std::fmt::Debug;
use std::io::{self, IsTerminal, Write};

use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::format;

use super::args::{Color, Global};
use super::output::masked;

/// Overrides what is logged, in the language of `tracing_subscriber::EnvFilter`, such as `tidegate::registry=debug`.
const VARIABLE: &str = "TIDEGATE_LOG";

/// Starts to log. `usual` is the level without `-q` and `-v`.
pub(crate) fn start(global: &Global, usual: LevelFilter) {
    let wanted = EnvFilter::try_from_env(VARIABLE)
        .unwrap_or_else(|_| EnvFilter::new(format!("error,tidegate={}", level(global, usual))));
    let builder = fmt().with_env_filter(wanted).with_writer(|| Masked(io::stderr())).with_target(false);
    let colours = match global.color {
        Color::Auto => io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        Color::Always => true,
        Color::Never => false,
    };
    // A second call in one process, as tests make, changes nothing.
    let _ = if io::stderr().is_terminal() {
        builder.with_ansi(colours).fmt_fields(format::debug_fn(field).delimited(" ")).try_init()
    } else {
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    };
}

/// Standard error, without the secrets of this process. Each event comes in one piece.
struct Masked(io::Stderr);

impl Write for Masked {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.write_all(&masked(event)).map(|()| event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn level(global: &Global, usual: LevelFilter) -> LevelFilter {
    let levels =
        [LevelFilter::OFF, LevelFilter::ERROR, LevelFilter::WARN, LevelFilter::INFO, LevelFilter::DEBUG];
    let usual = levels.iter().position(|level| *level == usual).unwrap_or(2);
    let wanted = (usual + usize::from(global.verbose)).saturating_sub(usize::from(global.quiet));
    levels[wanted.min(levels.len() - 1)]
}

/// Writes `name=value`, with the value in quotes where it could be misread; the message as it is.
fn field(writer: &mut format::Writer<'_>, field: &Field, value: &dyn Debug) -> std::fmt::Result {
    let text = format!("{value:?}");
    if field.name() == "message" {
        return writer.write_str(&text);
    }
    let is_quoted = text.len() > 1 && text.starts_with('"') && text.ends_with('"');
    let needs_quotes =
        text.is_empty() || text.contains(|one: char| one.is_whitespace() || one == '"' || one == '=');
    if needs_quotes && !is_quoted {
        return write!(writer, "{}={text:?}", field.name());
    }
    let plain = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).filter(|plain| {
        !plain.is_empty()
            && !plain.contains(|one: char| one.is_whitespace() || matches!(one, '"' | '=' | '\\'))
    });
    write!(writer, "{}={}", field.name(), plain.unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn values_are_quoted_where_they_could_be_misread() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = fmt()
            .with_writer(move || writer.clone())
            .without_time()
            .with_target(false)
            .with_ansi(false)
            .fmt_fields(format::debug_fn(field).delimited(" "))
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let reason = "held by ana: a=b";
            tracing::info!(tag = %"v1.0.1", gates = "soak", %reason, empty = "", count = 3, none = None::<u8>, "waiting");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let expected = " INFO waiting tag=v1.0.1 gates=soak reason=\"held by ana: a=b\" empty=\"\" count=3\n";
        assert_eq!(text, expected);
    }
}
