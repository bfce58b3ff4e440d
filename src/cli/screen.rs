//! A terminal that is taken over for a while: the alternate screen, keys one by one, and all as it was afterwards, however
//! it ends.

use std::io::{self, IsTerminal as _, Read as _, Write as _};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};
use tokio::sync::mpsc;

use super::output::masked;

/// To the alternate screen, no cursor, and lines that are cut at the edge instead of wrapped.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l\x1b[?7l";

/// Back.
const LEAVE: &[u8] = b"\x1b[?7h\x1b[?25h\x1b[?1049l";

/// A terminal that was taken over. It is given back when this is dropped.
pub(crate) struct Screen {
    out: io::Stdout,
    before: Option<Termios>,
    keys: mpsc::UnboundedReceiver<u8>,
}

impl Screen {
    /// Takes the terminal over.
    pub(crate) fn open() -> Self {
        let before = if io::stdin().is_terminal() { keys_one_by_one() } else { None };
        let (sender, keys) = mpsc::unbounded_channel();
        if before.is_some() {
            // It ends with the process: nothing else ends a read from a terminal.
            std::thread::spawn(move || {
                let mut key = [0];
                while matches!(io::stdin().read(&mut key), Ok(1)) && sender.send(key[0]).is_ok() {}
            });
        }
        let screen = Self { out: io::stdout(), before, keys };
        screen.put(ENTER);
        screen
    }

    /// How wide and how high it is, in characters.
    pub(crate) fn size(&self) -> (usize, usize) {
        let size = tcgetwinsize(&self.out).ok();
        let size = size.map(|size| (usize::from(size.ws_col), usize::from(size.ws_row)));
        size.filter(|(width, height)| *width > 0 && *height > 0).unwrap_or((80, 24))
    }

    /// Shows these lines, and no more of them than there is room for; `last` stands at the bottom.
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
            frame.extend_from_slice(format!("... {} lines more  ", lines.len() - room).as_bytes());
        }
        frame.extend_from_slice(last);
        frame.extend_from_slice(b"\x1b[0m\x1b[K");
        self.put(&frame);
    }

    /// Writes to the terminal. One that is gone ends the program by a signal.
    fn put(&self, bytes: &[u8]) {
        let mut out = self.out.lock();
        let _ = out.write_all(&masked(bytes)).and_then(|()| out.flush());
    }

    /// The next key. Never ready where there is no keyboard.
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
            // Nobody is left to tell if it fails.
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, before);
        }
    }
}

/// Has keys come one by one and unseen; Ctrl-C still interrupts, and Ctrl-Z does not leave the screen behind. Answers how
/// it was before.
fn keys_one_by_one() -> Option<Termios> {
    let before = tcgetattr(io::stdin()).ok()?;
    let mut modes = before.clone();
    modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    modes.special_codes[SpecialCodeIndex::VMIN] = 1;
    modes.special_codes[SpecialCodeIndex::VTIME] = 0;
    modes.special_codes[SpecialCodeIndex::VSUSP] = 0;
    tcsetattr(io::stdin(), OptionalActions::Now, &modes).ok()?;
    Some(before)
}
