//! How close the integer network is to the forest.

use ndarray::ArrayD;
use zkml_core::execute::Executor;
use zkml_core::quant::{AccuracyReport, ClassAccuracy, Clipping, Distance, OutputAccuracy, Quantized};

use super::{Forest, ForestError, ForestOptions, Task};

impl Forest {
    /// Both on every row.
    pub(super) fn measure(
        &self,
        network: &Quantized,
        rows: &[ArrayD<f32>],
        options: &ForestOptions,
    ) -> Result<AccuracyReport, ForestError> {
        let graph = &network.graph;
        let failed = |row: usize, error: String| ForestError::Row {
            row,
            expected: "a row that the network takes".into(),
            found: error,
        };
        let executor = Executor::new(graph).map_err(|error| failed(0, error.to_string()))?;
        let mut channels = vec![Distance::default(); self.targets()];
        let mut classes = ClassAccuracy::default();
        let mut clipping = Clipping::default();
        let mut extremes: Option<(usize, usize)> = None;
        for (number, rows) in rows.iter().enumerate() {
            let rows = self.checked(number, rows, options)?;
            let refused = |error: zkml_core::execute::ExecutionError| failed(number, error.to_string());
            let input = network.quantize_input(&self.widened(network, &rows, options));
            let input = input.map_err(refused)?;
            clipping = clipping.and(input.clipping);
            let execution = executor.run(&input.integers).map_err(refused)?;
            let integers = execution.outputs(graph).next();
            let reals = integers.and_then(|integers| network.dequantize_output(0, integers));
            let reals: Vec<f64> = reals.iter().flatten().map(|real| f64::from(*real)).collect();
            for (row, integer) in rows.rows().into_iter().zip(reals.chunks(self.targets())) {
                let float = self.margins(&row.to_vec())?;
                for ((channel, float), integer) in channels.iter_mut().zip(&float).zip(integer) {
                    channel.add(*float, *integer);
                }
                let (a, b) = (self.class(&float), self.class(integer));
                classes.rows += 1;
                classes.agreement += usize::from(a == b);
                let (least, most) = extremes.unwrap_or((a, a));
                extremes = Some((least.min(a), most.max(a)));
            }
        }
        classes.constant = extremes.is_some_and(|(least, most)| least == most);
        let output = OutputAccuracy {
            number: 0,
            name: graph
                .outputs
                .first()
                .map_or(String::new(), |id| graph[*id].name.clone()),
            scores: self.task != Task::Regression,
            axis: Some(1),
            channels,
            negligible: Vec::new(),
        };
        Ok(AccuracyReport {
            samples: rows.len(),
            out_of_domain: 0,
            clipping,
            classes: (self.task != Task::Regression).then_some(classes),
            outputs: vec![output],
            layers: Vec::new(),
        })
    }

    /// The class that margins stand for: the first largest of several, or the sign of one.
    pub fn class(&self, margins: &[f64]) -> usize {
        if let [margin] = margins {
            return usize::from(*margin > 0.0);
        }
        let better = |best: (usize, f64), (class, &margin): (usize, &f64)| match margin > best.1 {
            true => (class, margin),
            false => best,
        };
        margins.iter().enumerate().fold((0, f64::NEG_INFINITY), better).0
    }
}
