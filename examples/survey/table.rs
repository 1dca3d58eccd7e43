//! One row for each network, as a table of Markdown.

use std::fmt::Write;
use std::time::Duration;

use zkml::observe::duration;

/// How well a network answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Score {
    /// The share of right answers.
    Right(f64),
    /// 1 less the squared errors relative to the spread of the right values.
    R2(f64),
}

/// Is there a proof of the first test input?
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Proof {
    /// It took so long, and verified in so long.
    Verified(Duration, Duration),
    /// It was not asked for.
    Skipped,
    /// Why there is none.
    Failed(String),
}

/// What is known of one network.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) source: &'static str,
    pub(crate) inputs: usize,
    /// Of the float network and of the integers, where the right answers are known.
    pub(crate) scores: Option<(Score, Score)>,
    /// The share of inputs, or of pixels, to which both give the same class.
    pub(crate) agreement: Option<f64>,
    /// The error of the worst output, relative to its size and to its spread over the inputs.
    pub(crate) error: (f64, f64),
    /// The share of input values that were clipped.
    pub(crate) clipped: f64,
    /// How many inputs have no integers: a value leaves its table.
    pub(crate) refused: usize,
    /// Least and most bits of an activation.
    pub(crate) bits: (u32, u32),
    pub(crate) proof: Proof,
}

impl Score {
    fn cell(self) -> String {
        match self {
            Score::Right(share) => format!("{:.1} %", share * 100.0),
            Score::R2(share) => format!("R² {share:.4}"),
        }
    }
}

/// A share with two digits that say something; "0" only where it is 0.
fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0".into(),
        value if !value.is_finite() => "infinite".into(),
        value if value >= 10.0 => format!("{value:.0} %"),
        value if value >= 1.0 => format!("{value:.1} %"),
        value if value >= 0.01 => format!("{value:.2} %"),
        value => format!("{value:.0e} %"),
    }
}

impl Row {
    fn cells(&self) -> [String; 12] {
        let none = || "—".to_string();
        let (prove, verify) = match &self.proof {
            Proof::Verified(prove, verify) => (duration(*prove), duration(*verify)),
            Proof::Skipped => (none(), none()),
            Proof::Failed(_) => ("failed".into(), none()),
        };
        [
            self.name.into(),
            self.source.into(),
            self.inputs.to_string(),
            match self.bits {
                (least, most) if least == most => least.to_string(),
                (least, most) => format!("{least} to {most}"),
            },
            self.scores.map_or_else(none, |(float, _)| float.cell()),
            self.scores.map_or_else(none, |(_, integer)| integer.cell()),
            self.agreement
                .map_or_else(none, |share| format!("{:.1} %", share * 100.0)),
            percent(self.error.0),
            percent(self.error.1),
            match self.refused {
                0 => percent(self.clipped),
                refused => format!("{}; {refused} refused", percent(self.clipped)),
            },
            prove,
            verify,
        ]
    }
}

/// The table, and under it why a proof failed.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text = String::from(
        "| network | source | inputs | bits | float | integer | same class | error | of spread | clipped | prove | verify |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        text.push_str("| ");
        text.push_str(&row.cells().join(" | "));
        text.push_str(" |\n");
    }
    for row in rows {
        if let Proof::Failed(why) = &row.proof {
            // Writing to a string cannot fail.
            let _ = write!(text, "\nNo proof of {}: {why}\n", row.name);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_say_what_is_known() {
        let known = Row {
            name: "digits",
            source: "trained here",
            inputs: 500,
            scores: Some((Score::Right(0.99), Score::Right(0.988))),
            agreement: Some(0.998),
            error: (0.0123, 0.00004),
            clipped: 0.0,
            refused: 0,
            bits: (8, 8),
            proof: Proof::Verified(Duration::from_millis(1500), Duration::from_millis(12)),
        };
        let unknown = Row {
            name: "boxes",
            scores: None,
            agreement: None,
            error: (0.25, f64::INFINITY),
            clipped: 0.001,
            refused: 3,
            bits: (8, 12),
            proof: Proof::Failed("the input is clipped".into()),
            ..known.clone()
        };
        let text = markdown(&[known, unknown]);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        let time = (
            duration(Duration::from_millis(1500)),
            duration(Duration::from_millis(12)),
        );
        let first = "| digits | trained here | 500 | 8 | 99.0 % | 98.8 % | 99.8 % | 1.2 % | 4e-3 % | 0 |";
        assert_eq!(lines[0], format!("{first} {} | {} |", time.0, time.1));
        assert_eq!(
            lines[1],
            "| boxes | trained here | 500 | 8 to 12 | — | — | — | 25 % | infinite | 0.10 %; 3 refused | failed | — |"
        );
        assert_eq!(lines[3], "No proof of boxes: the input is clipped");
    }
}
