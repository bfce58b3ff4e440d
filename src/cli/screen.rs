//! Full-screen terminal: the alternate screen and unbuffered keys, restored on exit.

use std::io::{self, IsTerminal as _, Read as _, Write as _};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};
use tokio::sync::mpsc;

use super::output::masked;

/// Alternate screen, no cursor, no line wrap.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?7l";

const LEAVE: &[u8] = b"\x1b[?7h\x1b[?25h\x1b[?1049l";

/// The terminal in full-screen mode; dropping restores it.
pub(crate) struct Screen {
    out: io::Stdout,
    before: Option<Termios>,
    keys: mpsc::UnboundedReceiver<u8>,
}

impl Screen {
    pub(crate) fn open() -> Self {
        let before = if io::stdin().is_terminal() { disable_line_input() } else { None };
        let (sender, keys) = mpsc::unbounded_channel();
        if before.is_some() {
            // The thread ends with the process: nothing else ends a read from a terminal.
            std::thread::spawn(move || {
                let mut key = [0];
                while matches!(io::stdin().read(&mut key), Ok(1)) && sender.send(key[0]).is_ok() {}
            });
        }
        let screen = Self { out: io::stdout(), before, keys };
        screen.put(ENTER);
        screen
    }

    /// Width and height, in characters.
    pub(crate) fn size(&self) -> (usize, usize) {
        let size = tcgetwinsize(&self.out).ok();
        let size = size.map(|size| (usize::from(size.ws_col), usize::from(size.ws_row)));
        size.filter(|(width, height)| *width > 0 && *height > 0).unwrap_or((80, 24))
    }

    /// Shows as many lines of `text` as fit, and `last` at the bottom.
    pub(crate) fn draw(&self, text: &[u8], last: &[u8]) {
        let (_, height) = self.size();
        let room = height.saturating_sub(1);
        let lines: Vec<&[u8]> =
            text.strip_suffix(b"\n").unwrap_or(text).split(|byte| *byte == b'\n').collect();
        let mut frame = b"\x1b[H".to_vec();
        for line in lines.iter().take(room) {
            frame.extend_from_slice(line);
            frame.extend_from_slice(b"\x1b[0m\x1b[K\r\n");
        }
        frame.extend_from_slice(b"\x1b[J");
        frame.extend_from_slice(format!("\x1b[{height};1H").as_bytes());
        if lines.len() > room {
            frame.extend_from_slice(format!("... {} more lines  ", lines.len() - room).as_bytes());
        }
        frame.extend_from_slice(last);
        frame.extend_from_slice(b"\x1b[0m\x1b[K");
        self.put(&frame);
    }

    /// Writes to the terminal. Errors are ignored: if the terminal is gone, SIGHUP ends the program.
    fn put(&self, bytes: &[u8]) {
        let mut out = self.out.lock();
        let _ = out.write_all(&masked(bytes)).and_then(|()| out.flush());
    }

    /// The next key. Pends forever without a keyboard.
    pub(crate) async fn key(&mut self) -> u8 {
        match self.keys.recv().await {
            Some(key) => key,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.put(LEAVE);
        if let Some(before) = &self.before {
            // On failure there is nothing left to do.
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, before);
        }
    }
}

/// Turns off line buffering, echo and Ctrl-Z, which would leave the alternate screen behind; Ctrl-C still interrupts.
/// Returns the settings before.
fn disable_line_input() -> Option<Termios> {
    let before = tcgetattr(io::stdin()).ok()?;
    let mut modes = before.clone();
    modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    modes.special_codes[SpecialCodeIndex::VMIN] = 1;
    modes.special_codes[SpecialCodeIndex::VTIME] = 0;
    modes.special_codes[SpecialCodeIndex::VSUSP] = 0;
    tcsetattr(io::stdin(), OptionalActions::Now, &modes).ok()?;
    Some(before)
}
