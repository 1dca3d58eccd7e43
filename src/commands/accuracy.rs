//! How a compiled model was chosen, and how close it is to the floats: printed by `zkml compile`, and warned of.

use ndarray::ArrayD;
use serde_json::{Value, json};
use zkml::graph::Graph;
use zkml::ops::Float;
use zkml::quant::{AccuracyReport, Distance, Quantized, Record};

use super::CommandError;
use super::console::Console;

/// Says what was chosen, and what is doubtful.
pub(super) fn describe(record: &Record, console: &mut Console<'_>) -> Result<(), CommandError> {
    let error = record.error.map_or(String::new(), |error| {
        format!(", outputs off by {:.2} % on average", error * 100.0)
    });
    if let Some(method) = record.calibration {
        let bits = record.bits();
        console.line(&format!("calibration {method}, activations of {bits}{error}"))?;
        console.answer("calibration", method.to_string());
    }
    console.answer("activation_bits", record.activation_bits);
    let wider = record.wider.iter().cloned();
    console.answer("wider_activations", wider.collect::<serde_json::Value>());
    console.answer("calibration_error", record.error);
    let warnings: Vec<String> = record.warnings.iter().map(ToString::to_string).collect();
    for warning in &warnings {
        console.warn(warning);
    }
    console.answer("quantization_warnings", warnings);
    Ok(())
}

/// Runs both networks on the samples, prints how they differ, and warns where it matters. `labels` has the classes of
/// the samples where the data has them.
pub(super) fn measure(
    (float, network): (&Graph<Float>, &Quantized),
    inputs: &[ArrayD<f32>],
    labels: Option<&[usize]>,
    console: &mut Console<'_>,
) -> Result<(), CommandError> {
    let progress = console.steps("comparing with the floats", inputs.len());
    let report = AccuracyReport::measure_with(float, network, inputs, labels, || progress.step())?;
    show(&report, console)
}

/// Prints a report, and warns of what it warns of.
pub(super) fn show(report: &AccuracyReport, console: &mut Console<'_>) -> Result<(), CommandError> {
    for line in report.to_string().lines() {
        console.line(line)?;
    }
    let warnings = report.warnings();
    for warning in &warnings {
        console.warn(warning);
    }
    console.answer("accuracy", json(report, warnings));
    Ok(())
}

fn json(report: &AccuracyReport, warnings: Vec<String>) -> Value {
    let outputs = report.outputs.iter().map(|output| {
        json!({
            "output": output.number,
            "layer": output.name,
            "channel_axis": output.axis,
            "total": distance(&output.total()),
            "negligible_channels": output.negligible,
            "channels": output.channels.iter().map(distance).collect::<Vec<_>>(),
        })
    });
    let layers = report
        .layers
        .iter()
        .map(|layer| json!({ "layer": layer.name, "error": distance(&layer.distance) }));
    json!({
        "samples": report.samples,
        "out_of_domain": report.out_of_domain,
        "clipping": super::input::clipping_json(&report.clipping),
        "classes": report.classes.as_ref().map(|classes| json!({
            "rows": classes.rows,
            "agreement": classes.agreement,
            "float_correct": classes.float_correct,
            "integer_correct": classes.integer_correct,
            "always_the_same": classes.constant,
        })),
        "outputs": outputs.collect::<Vec<_>>(),
        "layers": layers.collect::<Vec<_>>(),
        "warnings": warnings,
    })
}

/// JSON has no infinity: an infinite relative error is `null`.
fn distance(distance: &Distance) -> Value {
    json!({
        "cosine": distance.cosine(),
        "rms_error": distance.rms_error(),
        "largest_error": distance.largest_error(),
        "relative_rms": distance.relative_rms(),
        "relative_to_spread": distance.relative_to_spread(),
    })
}
