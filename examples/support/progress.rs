//! Signs of life on the standard error; nothing where that is no terminal.

use std::borrow::Cow;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

const TICK: Duration = Duration::from_millis(100);

/// Runs a step whose length is not known, with a spinner.
pub(crate) fn spin<T>(message: impl Into<Cow<'static, str>>, step: impl FnOnce() -> T) -> T {
    let spinner = ProgressBar::new_spinner().with_message(message);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(TICK);
    let result = step();
    spinner.finish_and_clear();
    result
}

/// A bar of `length` steps; call `inc(1)` after each and `finish_and_clear` at the end.
pub(crate) fn bar(message: impl Into<Cow<'static, str>>, length: usize) -> ProgressBar {
    let bar = ProgressBar::new(length as u64).with_message(message);
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}
