//! Shows a run: the stage that is running, where the time went, and times and sizes as text.
//!
//! The prover and verifier open a `tracing` span for every stage and every step of a layer. [`Recorder`] keeps them,
//! for a flame view or a table of stages; `show_progress` shows them as they come.

#[cfg(feature = "prover")]
mod progress;
#[cfg(feature = "prover")]
mod recorder;
mod text;

#[cfg(feature = "prover")]
pub use progress::{Progress, ProgressLayer, show_progress};
#[cfg(feature = "prover")]
pub use recorder::{Recorder, StageTime};
pub use text::{duration, peak_memory, size};
