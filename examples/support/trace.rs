//! `--trace-out`: where the time of a run went, for a flame view.

use std::error::Error;
use std::path::{Path, PathBuf};

use zkml::observe::{Recorder, size};

/// A file that gets the trace of this run.
pub(crate) struct TraceFile {
    recorder: Recorder,
    path: PathBuf,
}

impl TraceFile {
    /// Starts to record, if there is a file to write to.
    pub(crate) fn start(path: Option<&Path>) -> Option<Self> {
        let recorder = Recorder::new();
        let path = path?.to_path_buf();
        recorder.install();
        Some(Self { recorder, path })
    }

    /// Writes what was recorded, and says so.
    pub(crate) fn write(&self) -> Result<String, Box<dyn Error>> {
        let trace = self.recorder.chrome_trace().to_string();
        std::fs::write(&self.path, &trace)
            .map_err(|error| format!("cannot write {}: {error}", self.path.display()))?;
        let bytes = size(trace.len() as u64);
        Ok(format!(
            "trace {} ({bytes}): open it in https://ui.perfetto.dev",
            self.path.display()
        ))
    }
}
