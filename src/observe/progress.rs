//! A line that says what a program is doing.

use std::borrow::Cow;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing::Subscriber;
use tracing::span::Id;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(100);

/// What runs, the stage inside it, and for how long.
const STAGE: &str = "{spinner} {prefix} {msg} {elapsed}";

/// What runs, and how many of its steps are done.
const STEPS: &str = "{spinner} {prefix} {bar:30} {pos}/{len} {elapsed}";

/// Shows the running stage on the standard error, if that is a terminal. Stages are load, calibrate, setup, prove and
/// the steps inside them. For programs: this sets the subscriber of `tracing` for the whole process.
///
/// Returns whether anything will be shown: `false` if the standard error is no terminal or the program has a subscriber
/// already.
///
/// ```no_run
/// zkml::observe::show_progress();
/// ```
pub fn show_progress() -> bool {
    let progress = Progress::on_terminal();
    if !progress.is_shown() {
        return false;
    }
    let stages = Stages {
        progress,
        outermost: Arc::default(),
    };
    let subscriber = tracing_subscriber::registry().with(stages);
    tracing::subscriber::set_global_default(subscriber).is_ok()
}

/// A line on the standard error that says what a program is doing: there from [`Progress::stage`] to
/// [`Progress::clear`]. Clones are the same line.
#[derive(Debug, Clone)]
pub struct Progress {
    target: fn() -> ProgressDrawTarget,
    /// The line. A finished one is never shown again, so each display has its own.
    line: Arc<Mutex<Option<ProgressBar>>>,
    /// Whether no line is shown any more.
    is_over: Arc<AtomicBool>,
}

impl Progress {
    /// A line on the standard error, if that is a terminal.
    pub fn on_terminal() -> Progress {
        match std::io::stderr().is_terminal() {
            true => Progress::on(ProgressDrawTarget::stderr),
            false => Progress::hidden(),
        }
    }

    /// A line that nobody sees.
    pub fn hidden() -> Progress {
        Progress::on(ProgressDrawTarget::hidden)
    }

    fn on(target: fn() -> ProgressDrawTarget) -> Progress {
        Progress {
            target,
            line: Arc::default(),
            is_over: Arc::default(),
        }
    }

    /// Whether anybody sees it.
    pub fn is_shown(&self) -> bool {
        !(self.target)().is_hidden()
    }

    fn line(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what runs from now on.
    pub fn stage(&self, name: impl Into<Cow<'static, str>>) {
        self.start(name.into(), STAGE, None);
    }

    /// The same of something with this number of steps; see [`Progress::step`].
    pub fn steps(&self, name: impl Into<Cow<'static, str>>, count: usize) {
        self.start(name.into(), STEPS, Some(count as u64));
    }

    /// One step more is done.
    pub fn step(&self) {
        if let Some(line) = &*self.line() {
            line.inc(1);
        }
    }

    /// Says what runs inside the stage.
    fn inside(&self, name: &'static str) {
        if let Some(line) = &*self.line() {
            line.set_message(name);
        }
    }

    fn start(&self, name: Cow<'static, str>, template: &str, count: Option<u64>) {
        let mut shown = self.line();
        if self.is_over.load(Ordering::Relaxed) {
            return;
        }
        let is_new = shown.is_none();
        let line = shown.get_or_insert_with(|| ProgressBar::with_draw_target(None, (self.target)()));
        if let Ok(style) = ProgressStyle::with_template(template) {
            line.set_style(style);
        }
        if let Some(count) = count {
            line.set_length(count);
            line.set_position(0);
        }
        if !line.message().is_empty() {
            line.set_message("");
        }
        line.reset_elapsed();
        line.set_prefix(name);
        match is_new {
            // The first tick draws, so it comes after the style.
            true => line.enable_steady_tick(TICK),
            // Only so many draws a second come to the terminal. This one does, so that a short stage is seen, too.
            false => line.force_draw(),
        }
    }

    /// Takes the line away while `print` writes to the terminal.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        let line = self.line().clone();
        match line {
            Some(line) => line.suspend(print),
            None => print(),
        }
    }

    /// Takes the line away, until the next stage.
    pub fn clear(&self) {
        if let Some(line) = self.line().take() {
            line.disable_steady_tick();
            line.finish_and_clear();
        }
    }

    /// Takes the line away for good: a program that is told to end says no more.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.clear();
    }

    /// A layer for `tracing_subscriber`: spans are named inside the stage that is shown.
    pub fn layer(&self) -> ProgressLayer {
        ProgressLayer(self.clone())
    }
}

/// See [`Progress::layer`].
#[derive(Debug)]
pub struct ProgressLayer(Progress);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for ProgressLayer {
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(name) = name_of(id, &context) {
            self.0.inside(name);
        }
    }
}

/// The name of a span that people may see.
fn name_of<S: Subscriber + for<'a> LookupSpan<'a>>(
    id: &Id,
    context: &Context<'_, S>,
) -> Option<&'static str> {
    let span = context.span(id)?;
    (*span.metadata().level() <= tracing::Level::INFO).then(|| span.name())
}

/// A layer that shows the span entered last, until the outermost span ends.
struct Stages {
    progress: Progress,
    outermost: Arc<Mutex<Option<Id>>>,
}

impl Stages {
    fn outermost(&self) -> MutexGuard<'_, Option<Id>> {
        self.outermost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Stages {
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(name) = name_of(id, &context) else { return };
        let mut outermost = self.outermost();
        if outermost.is_some() {
            self.progress.inside(name);
            return;
        }
        // A span of another thread has no parent and looks outermost, too. So the span that was entered first ends the
        // display.
        *outermost = Some(id.clone());
        self.progress.stage(name);
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        let mut outermost = self.outermost();
        if outermost.as_ref() == Some(id) {
            *outermost = None;
            self.progress.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::info_span;

    use super::*;

    #[test]
    fn the_outermost_span_and_the_last_one_are_shown() {
        let progress = Progress::hidden();
        let stages = Stages {
            progress: progress.clone(),
            outermost: Arc::default(),
        };
        let subscriber = tracing_subscriber::registry().with(stages);
        tracing::subscriber::with_default(subscriber, || {
            for name in ["lookup", "open"] {
                let _prove = info_span!("prove").entered();
                info_span!("inner").in_scope(|| ());
                let line = progress.line().clone().unwrap();
                assert_eq!(
                    (line.prefix(), line.message()),
                    ("prove".into(), "inner".into()),
                    "{name}"
                );
            }
            assert!(progress.line().is_none());
        });
    }

    #[test]
    fn stages_follow_each_other_on_one_line() {
        let progress = Progress::hidden();
        progress.steps("calibrating", 3);
        progress.step();
        let line = progress.line().clone().unwrap();
        assert_eq!((line.position(), line.length()), (1, Some(3)));
        progress.stage("quantizing");
        let line = progress.line().clone().unwrap();
        assert_eq!(line.prefix(), "quantizing");
        assert_eq!(progress.suspend(|| 7), 7);
        progress.clear();
        assert!(line.is_finished() && progress.line().is_none());
        progress.stage("proving");
        progress.end();
        progress.stage("writing");
        assert!(progress.line().is_none());
    }
}
