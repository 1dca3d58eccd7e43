//! Times and sizes for people.

use std::fmt;
use std::time::{Duration, Instant};

use zkml::observe::peak_memory;
pub(crate) use zkml::observe::{duration, size};

/// Says how much memory the program has used at most, where the system tells.
pub(crate) fn print_peak_memory() {
    if let Some(bytes) = peak_memory() {
        println!("peak memory {}", size(bytes));
    }
}

/// The stages of a run, each with its time and a remark; printed as a table.
#[derive(Debug, Default)]
pub(crate) struct Stages(Vec<Stage>);

#[derive(Debug)]
struct Stage {
    name: String,
    time: Duration,
    remark: String,
}

impl Stages {
    /// Runs one stage and notes its time.
    pub(crate) fn run<T>(&mut self, name: &str, stage: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = stage();
        self.push(name, start.elapsed(), "");
        result
    }

    /// Notes a stage that was timed elsewhere.
    pub(crate) fn push(&mut self, name: &str, time: Duration, remark: impl Into<String>) {
        self.0.push(Stage {
            name: name.into(),
            time,
            remark: remark.into(),
        });
    }

    /// Sets the remark of the last stage.
    pub(crate) fn remark(&mut self, remark: impl Into<String>) {
        if let Some(stage) = self.0.last_mut() {
            stage.remark = remark.into();
        }
    }
}

impl fmt::Display for Stages {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times: Vec<String> = self.0.iter().map(|stage| duration(stage.time)).collect();
        let name_width = self
            .0
            .iter()
            .map(|stage| stage.name.chars().count())
            .fold(5, usize::max);
        let time_width = times.iter().map(|time| time.chars().count()).fold(4, usize::max);
        writeln!(formatter, "{:name_width$}  {:>time_width$}", "stage", "time")?;
        writeln!(formatter, "{:-<name_width$}  {:->time_width$}", "", "")?;
        for (stage, time) in self.0.iter().zip(times) {
            let line = format!(
                "{:name_width$}  {time:>time_width$}  {}",
                stage.name, stage.remark
            );
            writeln!(formatter, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_aligned() {
        let mut stages = Stages::default();
        assert_eq!(stages.run("load", || 42), 42);
        stages.0.clear();
        stages.push("load weights", Duration::from_millis(3), "61,706 parameters");
        stages.push("prove", Duration::from_millis(1234), "");
        stages.remark("3 digits");
        let expected = "\
stage            time
------------  -------
load weights  3.00 ms  61,706 parameters
prove          1.23 s  3 digits
";
        assert_eq!(stages.to_string(), expected);
    }
}
