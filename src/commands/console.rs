//! The console of a command that makes files: progress, files that are written whole or not at all, and the answer.

use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};
use tracing_subscriber::layer::SubscriberExt;
use zkml::observe::{Progress, Recorder, size};
use zkml_core::proof::{Replacement, replace_file};

use super::output::{if_idle, is_answered};
use super::{CommandError, Globals};

/// Locked while a file is written. Ctrl-C waits for it, so that no temporary file is left.
static WRITING: Mutex<()> = Mutex::new(());

/// Temporary files of this process. Ctrl-C removes them.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Begins a file before the work whose result it will hold, with room for `bytes`.
pub(super) fn begin(path: &Path, secret: bool, bytes: u64) -> Result<Replacement, CommandError> {
    let mut file = Replacement::begin(path, secret)?;
    unfinished().push(file.temporary_path().to_path_buf());
    file.reserve(bytes)?;
    Ok(file)
}

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What Ctrl-C says of the work that it ended.
type Remark = Box<dyn Fn() -> Option<String> + Send>;

static REMARK: Mutex<Option<Remark>> = Mutex::new(None);

/// Lets an interruption say more: what became of the work so far.
pub(super) fn on_interrupt(remark: impl Fn() -> Option<String> + Send + 'static) {
    *REMARK.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(remark));
}

fn interrupted() -> String {
    let remark = REMARK.lock().unwrap_or_else(PoisonError::into_inner);
    match remark.as_ref().and_then(|remark| remark()) {
        Some(remark) => format!("interrupted: {remark}"),
        None => "interrupted".to_owned(),
    }
}

/// The exit code of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Lets Ctrl-C end the program between two files, never within one, and says so.
fn end_cleanly_on_interrupt(progress: &Progress, json: bool) {
    let progress = progress.clone();
    // Where there is no such handler the signal ends the program at once, and files are still never half-written.
    let _ = ctrlc::set_handler(move || {
        if_idle(|| progress.end());
        let _lock = writing();
        let said = interrupted();
        let end = |json: bool| {
            let _ = writeln!(std::io::stderr(), "{said}");
            for path in unfinished().iter() {
                // One that has taken its name is not there any more.
                let _ = std::fs::remove_file(path);
            }
            if json {
                let answer = json!({ "ok": false, "error": said });
                let _ = writeln!(std::io::stdout(), "{answer}");
            }
            std::process::exit(INTERRUPTED)
        };
        let mut is_done = false;
        if_idle(|| match is_answered() {
            // The program is about to end by itself.
            true => is_done = true,
            false => end(json),
        });
        if !is_done {
            end(false);
        }
    });
}

/// What every command has, whatever it prints.
pub(crate) struct Terminal {
    quiet: bool,
    pub(super) progress: Progress,
    pub(super) traces: Traces,
}

impl Terminal {
    /// Starts the thread pool, the line of progress and, if asked for, the traces; Ctrl-C ends the program cleanly from
    /// now on.
    pub(super) fn new(globals: &Globals, json: bool) -> Result<Self, CommandError> {
        let progress = match globals.quiet {
            true => Progress::hidden(),
            false => Progress::on_terminal(),
        };
        end_cleanly_on_interrupt(&progress, json);
        if let Some(threads) = globals.threads {
            rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build_global()
                .map_err(|error| CommandError::Usage(format!("--threads {threads}: {error}")))?;
        }
        let files = [globals.trace_out.clone(), globals.folded_out.clone()];
        let recorder = files.iter().any(Option::is_some).then(Recorder::new);
        let layer = progress.is_shown().then(|| progress.layer());
        if recorder.is_some() || layer.is_some() {
            let subscriber = tracing_subscriber::registry().with(recorder.clone()).with(layer);
            // This fails only if the process has a subscriber already. Then the stages of this command are not shown.
            let _ = tracing::subscriber::set_global_default(subscriber);
        }
        Ok(Self {
            quiet: globals.quiet,
            progress,
            traces: Traces { recorder, files },
        })
    }
}

/// Where the time went, and the files that are to say it.
#[derive(Clone)]
pub(crate) struct Traces {
    recorder: Option<Recorder>,
    files: [Option<PathBuf>; 2],
}

impl Traces {
    /// Writes the files: kind, path and size of each.
    pub(super) fn write(&self) -> Result<Vec<(&'static str, &Path, u64)>, CommandError> {
        let Some(recorder) = &self.recorder else {
            return Ok(Vec::new());
        };
        let _lock = writing();
        let mut written = Vec::new();
        let [chrome, folded] = &self.files;
        if let Some(path) = chrome {
            let bytes = write_text(path, &recorder.chrome_trace().to_string())?;
            written.push(("trace", path.as_path(), bytes));
        }
        if let Some(path) = folded {
            let bytes = write_text(path, &recorder.folded_stacks())?;
            written.push(("folded stacks", path.as_path(), bytes));
        }
        Ok(written)
    }
}

/// Keeps Ctrl-C from ending the program as long as the guard lives.
pub(super) fn writing() -> MutexGuard<'static, ()> {
    WRITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one command prints: progress, and lines for people or one JSON object for programs.
pub(super) struct Console<'o> {
    output: &'o mut dyn Write,
    json: bool,
    quiet: bool,
    progress: Progress,
    traces: Traces,
    answer: Map<String, Value>,
    files: Vec<Value>,
}

impl<'o> Console<'o> {
    /// A console whose lines go to `output`; with `json` they are one object at the end.
    pub(super) fn new(terminal: &Terminal, json: bool, output: &'o mut dyn Write) -> Self {
        Self {
            output,
            json,
            quiet: terminal.quiet,
            progress: terminal.progress.clone(),
            traces: terminal.traces.clone(),
            answer: Map::new(),
            files: Vec::new(),
        }
    }

    /// Names what runs from now on.
    pub(super) fn stage(&self, message: impl Into<Cow<'static, str>>) {
        self.progress.stage(message);
    }

    /// Runs a step, which is named while it runs, and the stages inside it.
    pub(super) fn spin<T>(&self, message: impl Into<Cow<'static, str>>, step: impl FnOnce() -> T) -> T {
        self.progress.stage(message);
        step()
    }

    /// A bar of that many steps; `Progress::step` after each.
    pub(super) fn steps(&self, message: impl Into<Cow<'static, str>>, count: usize) -> &Progress {
        self.progress.steps(message, count);
        &self.progress
    }

    /// Says a line to people.
    pub(super) fn line(&mut self, line: &str) -> Result<(), CommandError> {
        if !self.json && !self.quiet {
            writeln!(self.output, "{line}")?;
        }
        Ok(())
    }

    /// Shows a piece of a text that is being written, at once and without a new line.
    pub(super) fn piece(&self, piece: &str) {
        if self.json || self.quiet {
            return;
        }
        self.progress.clear();
        let mut output = std::io::stdout();
        // If nobody reads it, the answer at the end says so.
        let _ = output.write_all(piece.as_bytes()).and_then(|()| output.flush());
    }

    /// Prints a warning on the standard error, unless `--quiet` is given.
    pub(super) fn warn(&self, line: &str) {
        if !self.quiet {
            // If it cannot be written, nothing is lost but a remark.
            let _ = self
                .progress
                .suspend(|| writeln!(std::io::stderr(), "warning: {line}"));
        }
    }

    /// Adds to the machine-readable answer.
    pub(super) fn answer(&mut self, name: &str, value: impl Into<Value>) {
        self.answer.insert(name.to_owned(), value.into());
    }

    /// Writes a file, whole or not at all, and says how large it is. `write` returns its size.
    pub(super) fn write<E: Into<CommandError>>(
        &mut self,
        kind: &str,
        path: &Path,
        write: impl FnOnce(&Path) -> Result<u64, E>,
    ) -> Result<(), CommandError> {
        let bytes = {
            let _lock = writing();
            write(path).map_err(Into::into)?
        };
        self.wrote(kind, path, bytes)
    }

    fn wrote(&mut self, kind: &str, path: &Path, bytes: u64) -> Result<(), CommandError> {
        self.files
            .push(json!({ "kind": kind, "path": path.display().to_string(), "bytes": bytes }));
        self.line(&format!("wrote {} ({kind}, {})", path.display(), size(bytes)))
    }

    /// Says that a file is there already and is what would be written.
    pub(super) fn kept(&mut self, kind: &str, path: &Path) -> Result<(), CommandError> {
        let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        self.files
            .push(json!({ "kind": kind, "path": path.display().to_string(), "bytes": bytes, "kept": true }));
        self.line(&format!(
            "kept {} ({kind}, {}): up to date",
            path.display(),
            size(bytes)
        ))
    }

    /// The end: writes traces and the machine-readable answer.
    pub(super) fn finish(mut self) -> Result<(), CommandError> {
        let traces = self.traces.clone();
        for (kind, path, bytes) in traces.write()? {
            self.wrote(kind, path, bytes)?;
        }
        if let Some(recorder) = &traces.recorder {
            let stages: Vec<Value> = recorder
                .stages()
                .iter()
                .map(|stage| json!({ "stage": stage.path, "count": stage.count, "seconds": stage.time.as_secs_f64() }))
                .collect();
            self.answer("stages", stages);
        }
        if self.json {
            let files = std::mem::take(&mut self.files);
            self.answer("ok", true);
            self.answer("files", files);
            writeln!(self.output, "{}", Value::Object(self.answer))?;
        }
        Ok(())
    }
}

/// Writes a text file, whole or not at all. Returns the number of bytes.
pub(super) fn write_text(path: &Path, text: &str) -> Result<u64, CommandError> {
    replace_file(path, false, |file| file.write_all(text.as_bytes()))?;
    Ok(text.len() as u64)
}

/// Refuses to overwrite, unless it was asked for.
pub(super) fn refuse_existing(path: &Path, force: bool) -> Result<(), CommandError> {
    if path.exists() && !force {
        return Err(CommandError::Taken {
            path: path.to_path_buf(),
        });
    }
    Ok(())
}
