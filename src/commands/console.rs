//! The console of a command that makes files: progress, files that are written whole or not at all, and the answer.

use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value, json};
use tracing::Subscriber;
use tracing::span::Id;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use zkml::observe::{Recorder, size};
use zkml_core::proof::{Replacement, replace_file};

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

/// The exit code of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Lets Ctrl-C end the program between two files, never within one.
pub(super) fn end_cleanly_on_interrupt() {
    // Where there is no such handler the signal ends the program at once, and files are still never half-written.
    let _ = ctrlc::set_handler(|| {
        let _lock = writing();
        for path in unfinished().iter() {
            // One that has taken its name is not there any more.
            let _ = std::fs::remove_file(path);
        }
        std::process::exit(INTERRUPTED);
    });
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
    bar: ProgressBar,
    recorder: Option<Recorder>,
    traces: [Option<PathBuf>; 2],
    answer: Map<String, Value>,
    files: Vec<Value>,
}

impl<'o> Console<'o> {
    /// Starts the thread pool, the progress display and, if asked for, the trace.
    pub(super) fn new(
        globals: &Globals,
        json: bool,
        output: &'o mut dyn Write,
    ) -> Result<Self, CommandError> {
        end_cleanly_on_interrupt();
        if let Some(threads) = globals.threads {
            rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build_global()
                .map_err(|error| CommandError::Usage(format!("--threads {threads}: {error}")))?;
        }
        let shown = !globals.quiet && std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(
            None,
            if shown {
                ProgressDrawTarget::stderr()
            } else {
                ProgressDrawTarget::hidden()
            },
        );
        let traces = [globals.trace_out.clone(), globals.folded_out.clone()];
        let recorder = traces.iter().any(Option::is_some).then(Recorder::new);
        let progress = shown.then(|| Progress(bar.clone()));
        if recorder.is_some() || progress.is_some() {
            let subscriber = tracing_subscriber::registry()
                .with(recorder.clone())
                .with(progress);
            // This fails only if the process has a subscriber already. Then the stages of this command are not shown.
            let _ = tracing::subscriber::set_global_default(subscriber);
        }
        Ok(Self {
            output,
            json,
            quiet: globals.quiet,
            bar,
            recorder,
            traces,
            answer: Map::new(),
            files: Vec::new(),
        })
    }

    /// Runs a step, with a spinner that names the stage it is in.
    pub(super) fn spin<T>(&self, message: impl Into<Cow<'static, str>>, step: impl FnOnce() -> T) -> T {
        self.bar.set_length(0);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {msg} {elapsed}") {
            self.bar.set_style(style);
        }
        self.bar.set_prefix(message);
        self.bar.set_message("");
        self.bar.enable_steady_tick(Duration::from_millis(100));
        let result = step();
        self.bar.disable_steady_tick();
        self.bar.finish_and_clear();
        result
    }

    /// A bar of that many steps.
    pub(super) fn steps(&self, message: impl Into<Cow<'static, str>>, count: usize) -> ProgressBar {
        let bar = ProgressBar::new(count as u64).with_prefix(message);
        if self.bar.is_hidden() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len}") {
            bar.set_style(style);
        }
        bar
    }

    /// Says a line to people.
    pub(super) fn line(&mut self, line: &str) -> Result<(), CommandError> {
        if !self.json && !self.quiet {
            writeln!(self.output, "{line}")?;
        }
        Ok(())
    }

    /// Prints a warning on the standard error, unless `--quiet` is given.
    pub(super) fn warn(&self, line: &str) {
        if !self.quiet {
            // If it cannot be written, nothing is lost but a remark.
            let _ = writeln!(std::io::stderr(), "warning: {line}");
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
        if let Some(recorder) = self.recorder.take() {
            let [chrome, folded] = self.traces.clone();
            if let Some(path) = chrome {
                let trace = recorder.chrome_trace().to_string();
                self.write("trace", &path, |path| write_text(path, &trace))?;
            }
            if let Some(path) = folded {
                let stacks = recorder.folded_stacks();
                self.write("folded stacks", &path, |path| write_text(path, &stacks))?;
            }
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
        return Err(CommandError::InTheWay {
            path: path.to_path_buf(),
        });
    }
    Ok(())
}

/// Shows the stage that was entered last.
struct Progress(ProgressBar);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Progress {
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && *span.metadata().level() <= tracing::Level::INFO
        {
            self.0.set_message(span.name());
        }
    }
}
