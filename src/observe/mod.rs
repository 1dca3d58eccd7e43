//! Looking at a run: times and sizes as text, and where the time went.
//!
//! The prover and verifier open a `tracing` span for every stage and every step of a layer. [`Recorder`] is a subscriber
//! that keeps them, for a flame view or for a table of stages; `show_progress` shows them as they come.

#[cfg(feature = "prover")]
mod progress;
#[cfg(feature = "prover")]
mod recorder;
mod text;

#[cfg(feature = "prover")]
pub use progress::show_progress;
#[cfg(feature = "prover")]
pub use recorder::{Recorder, StageTime};
pub use text::{duration, peak_memory, size};
