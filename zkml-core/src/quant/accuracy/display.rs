//! The report in words, and what is to be warned of.

use core::fmt;

use super::{AccuracyReport, ClassAccuracy, Distance, OutputAccuracy};

/// A share in percent, with as many digits as say something.
fn percent(share: f64) -> String {
    match share {
        share if share.is_infinite() => "infinite".into(),
        share if share != 0.0 && share.abs() < 1e-4 => format!("{:.0e} %", share * 100.0),
        share => format!("{:.2} %", share * 100.0),
    }
}

impl ClassAccuracy {
    fn rate(&self, count: usize) -> String {
        percent(count as f64 / self.rows.max(1) as f64)
    }
}

impl OutputAccuracy {
    /// Output 0, or its worst channel, in words.
    fn place(&self, channel: usize) -> String {
        match self.channels.len() {
            1 => format!("output {}", self.number),
            _ => format!("channel {channel} of output {}", self.number),
        }
    }

    fn warnings(&self, worst_layer: &str, warnings: &mut Vec<String>) {
        let worst = |error: fn(&Distance) -> f64, limit: f64| {
            let errors = self.judged().map(|(number, channel)| (number, error(channel)));
            let beyond = errors.filter(|(_, error)| *error > limit);
            beyond.max_by(|(_, a), (_, b)| a.total_cmp(b))
        };
        // Scores are judged by the classes, and here only if they no longer depend on the sample.
        let limit = if self.scores {
            f64::INFINITY
        } else {
            AccuracyReport::ERROR
        };
        if let Some((channel, error)) = worst(Distance::relative_rms, limit) {
            let place = self.place(channel);
            warnings.push(format!(
                "{place} is off by {} of its size{worst_layer}",
                percent(error)
            ));
        } else if let Some((channel, error)) =
            worst(Distance::relative_to_spread, AccuracyReport::SPREAD_ERROR)
        {
            let place = self.place(channel);
            warnings.push(format!(
                "{place} is off by {} of its spread over the samples{worst_layer}",
                percent(error)
            ));
        }
    }
}

impl AccuracyReport {
    /// What a user should know before they trust the integer network, a sentence each: classes that agree in fewer
    /// than [`Self::AGREEMENT`] of the rows, outputs whose error exceeds [`Self::ERROR`] or [`Self::SPREAD_ERROR`],
    /// refused samples, and clipped ones.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let worst = self.worst_layer().map_or(String::new(), |layer| {
            format!(
                "; the worst layer is `{}`, off by {}",
                layer.name,
                percent(layer.distance.relative_rms())
            )
        });
        if let Some(classes) = &self.classes {
            if classes.agreement_rate() < Self::AGREEMENT {
                let rate = classes.rate(classes.agreement);
                warnings.push(format!(
                    "float and integer network agree on {rate} of the classes{worst}"
                ));
            }
            if classes.constant && classes.rows > 1 {
                warnings.push("every sample has the same class, so that agreement says little".into());
            }
        }
        self.outputs
            .iter()
            .for_each(|output| output.warnings(&worst, &mut warnings));
        if self.out_of_domain > 0 {
            warnings.push(format!(
                "{} of {} samples leave the range of a table, and have no proof",
                self.out_of_domain, self.samples
            ));
        }
        if self.clipping.is_suspicious() {
            warnings.push(self.clipping.to_string());
        }
        warnings
    }
}

impl fmt::Display for AccuracyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.samples == 1 { "" } else { "s" };
        writeln!(f, "float and integer network on {} sample{plural}", self.samples)?;
        if let Some(classes) = &self.classes {
            if let (Some(float), Some(integer)) = (classes.float_correct, classes.integer_correct) {
                let (float, integer) = (classes.rate(float), classes.rate(integer));
                writeln!(
                    f,
                    "right classes: float {float}, integer {integer} of {}",
                    classes.rows
                )?;
            }
            writeln!(
                f,
                "same class: {} of {}",
                classes.rate(classes.agreement),
                classes.rows
            )?;
        }
        for output in &self.outputs {
            let total = output.total();
            writeln!(
                f,
                "output {} `{}`: error {} of its size ({:.3e} of {:.3e}), {} of its spread, largest {:.3e}, cosine {:.6}",
                output.number,
                output.name,
                percent(total.relative_rms()),
                total.rms_error(),
                total.size(),
                percent(total.relative_to_spread()),
                total.largest_error(),
                total.cosine(),
            )?;
            if let Some((channel, worst)) = output.worst_channel().filter(|_| output.channels.len() > 1) {
                writeln!(
                    f,
                    "  worst channel {channel}: error {} of its size, {} of its spread",
                    percent(worst.relative_rms()),
                    percent(worst.relative_to_spread()),
                )?;
            }
            if !output.negligible.is_empty() {
                let negligible = output
                    .negligible
                    .iter()
                    .filter_map(|channel| output.channels.get(*channel));
                writeln!(
                    f,
                    "  not judged: {} of {} channels, nearly 0 in both networks (at most {:.3e})",
                    output.negligible.len(),
                    output.channels.len(),
                    negligible.map(Distance::reach).fold(0.0, f64::max),
                )?;
            }
        }
        if let Some(worst) = self.worst_layer() {
            let error = percent(worst.distance.relative_rms());
            writeln!(f, "worst layer: `{}`, error {error} of its size", worst.name)?;
        }
        if self.clipping.clipped > 0 {
            writeln!(f, "{}", self.clipping)?;
        }
        if self.out_of_domain > 0 {
            writeln!(f, "left a table's domain: {} samples", self.out_of_domain)?;
        }
        Ok(())
    }
}
