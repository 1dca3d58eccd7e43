//! A spinner that names the stage a program is in.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing::Subscriber;
use tracing::span::Id;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// How often the spinner turns.
const TICK: Duration = Duration::from_millis(100);

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
    if !std::io::stderr().is_terminal() {
        return false;
    }
    let progress = Progress::new(ProgressDrawTarget::stderr());
    let subscriber = tracing_subscriber::registry().with(progress);
    tracing::subscriber::set_global_default(subscriber).is_ok()
}

/// A layer that shows the span entered last, until the outermost span ends.
struct Progress {
    bar: ProgressBar,
    outermost: Arc<Mutex<Option<Id>>>,
}

impl Progress {
    fn new(target: ProgressDrawTarget) -> Self {
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {msg} {elapsed}") {
            bar.set_style(style);
        }
        Self {
            bar,
            outermost: Arc::default(),
        }
    }

    fn outermost(&self) -> MutexGuard<'_, Option<Id>> {
        self.outermost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Progress {
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if *span.metadata().level() > tracing::Level::INFO {
            return;
        }
        let mut outermost = self.outermost();
        if outermost.is_some() {
            self.bar.set_message(span.name());
            return;
        }
        // A span of another thread has no parent and looks outermost, too. So the span that was entered first ends the
        // display.
        *outermost = Some(id.clone());
        self.bar.reset();
        self.bar.set_prefix(span.name());
        self.bar.set_message("");
        self.bar.enable_steady_tick(TICK);
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        let mut outermost = self.outermost();
        if outermost.as_ref() == Some(id) {
            *outermost = None;
            self.bar.disable_steady_tick();
            self.bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::info_span;

    use super::*;

    #[test]
    fn the_outermost_span_and_the_last_one_are_shown() {
        let progress = Progress::new(ProgressDrawTarget::hidden());
        let (bar, outermost) = (progress.bar.clone(), Arc::clone(&progress.outermost));
        let running = || outermost.lock().unwrap().is_some();
        let subscriber = tracing_subscriber::registry().with(progress);
        tracing::subscriber::with_default(subscriber, || {
            for name in ["lookup", "open"] {
                let _prove = info_span!("prove").entered();
                info_span!("inner").in_scope(|| ());
                assert_eq!(
                    (bar.prefix(), bar.message()),
                    ("prove".into(), "inner".into()),
                    "{name}"
                );
                assert!(running());
            }
            assert!(!running() && bar.is_finished());
        });
    }
}
