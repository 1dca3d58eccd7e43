//! The standard output of a command: whole lines, that stand beside the progress line and may have no reader.

use std::io::{self, Write};
#[cfg(feature = "prover")]
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
#[cfg(feature = "prover")]
use std::time::Duration;

#[cfg(feature = "prover")]
use zkml::observe::Progress;

/// Locked while lines are written.
static WRITING: Mutex<()> = Mutex::new(());

/// Whether the answer of a command is written, its last line.
#[cfg(feature = "prover")]
static ANSWERED: AtomicBool = AtomicBool::new(false);

/// How often it is looked whether lines are still being written, and how long it is waited each time.
#[cfg(feature = "prover")]
const PATIENCE: (u32, Duration) = (20, Duration::from_millis(10));

/// Runs `print`, unless lines are being written and their reader is slow.
#[cfg(feature = "prover")]
pub(super) fn if_idle(print: impl FnOnce()) {
    for _ in 0..PATIENCE.0 {
        if let Ok(_lock) = WRITING.try_lock() {
            print();
            return;
        }
        std::thread::sleep(PATIENCE.1);
    }
}

/// Is the answer written?
#[cfg(feature = "prover")]
pub(super) fn is_answered() -> bool {
    ANSWERED.load(Ordering::SeqCst)
}

/// Lines that go to `inner`, each at once. When the reader of a pipe is gone (`zkml inspect KEY | head -1`), the rest of
/// the lines goes nowhere, as nobody asks for it; the exit code still says what the command found.
pub(super) struct Lines<'o> {
    inner: &'o mut dyn Write,
    line: Vec<u8>,
    is_closed: bool,
    #[cfg(feature = "prover")]
    progress: Progress,
    /// Whether all is done when the first line comes.
    #[cfg(feature = "prover")]
    is_answer: bool,
}

impl<'o> Lines<'o> {
    #[cfg(feature = "prover")]
    pub(super) fn new(inner: &'o mut dyn Write, progress: &Progress, is_answer: bool) -> Self {
        Self {
            inner,
            line: Vec::new(),
            is_closed: false,
            progress: progress.clone(),
            is_answer,
        }
    }

    #[cfg(not(feature = "prover"))]
    pub(super) fn new(inner: &'o mut dyn Write) -> Self {
        Self {
            inner,
            line: Vec::new(),
            is_closed: false,
        }
    }

    /// Writes what has been gathered.
    fn send(&mut self) -> io::Result<()> {
        let lines = std::mem::take(&mut self.line);
        if self.is_closed || lines.is_empty() {
            return Ok(());
        }
        let _lock = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *self.inner;
        let mut send = || inner.write_all(&lines).and_then(|()| inner.flush());
        #[cfg(feature = "prover")]
        let sent = match self.is_answer {
            true => {
                self.progress.clear();
                let sent = send();
                ANSWERED.store(true, Ordering::SeqCst);
                sent
            }
            false => self.progress.suspend(send),
        };
        #[cfg(not(feature = "prover"))]
        let sent = send();
        match sent {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(())
            }
            sent => sent,
        }
    }
}

impl Write for Lines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        if self.line.ends_with(b"\n") {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pipe whose reader takes one line.
    struct Pipe(Vec<u8>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if !self.0.is_empty() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_is_gone_is_no_error() {
        let mut pipe = Pipe(Vec::new());
        #[cfg(feature = "prover")]
        let mut lines = Lines::new(&mut pipe, &Progress::hidden(), false);
        #[cfg(not(feature = "prover"))]
        let mut lines = Lines::new(&mut pipe);
        writeln!(lines, "{} {}", 1, 2).unwrap();
        writeln!(lines, "3").unwrap();
        write!(lines, "4").unwrap();
        lines.flush().unwrap();
        assert_eq!(pipe.0, b"1 2\n");
    }
}
