//! Images and bar charts as text.

use std::fmt::Write;
use std::io::{IsTerminal, stdout};

/// How to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Unicode blocks and 24-bit colours, for a terminal.
    Colour,
    /// ASCII alone, for files and pipes.
    Plain,
}

impl Style {
    /// What suits the standard output: `Plain` where it is no terminal, where `NO_COLOR` is set, or where the
    /// terminal is "dumb".
    pub(crate) fn of_stdout() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        if stdout().is_terminal() && !refused && !dumb {
            Style::Colour
        } else {
            Style::Plain
        }
    }
}

const RESET: &str = "\x1b[0m";
const STRONG: &str = "\x1b[1;32m";

/// An image of `width` pixels a row, each red, green and blue, as lines of text.
///
/// A character shows two rows, because it is about twice as high as wide: with `Colour` as the two halves of a
/// block, with `Plain` as their mean brightness.
pub(crate) fn image(pixels: &[[u8; 3]], width: usize, style: Style) -> String {
    const RAMP: &[u8; 10] = b" .:-=+*#%@";
    let mut text = String::new();
    let rows: Vec<&[[u8; 3]]> = pixels.chunks(width.max(1)).collect();
    for pair in rows.chunks(2) {
        for column in 0..width {
            let pixel = |row: usize| {
                pair.get(row)
                    .and_then(|row| row.get(column))
                    .copied()
                    .unwrap_or([0; 3])
            };
            let (upper, lower) = (pixel(0), pixel(1));
            match style {
                Style::Colour => {
                    let ([r, g, b], [red, green, blue]) = (upper, lower);
                    let _ = write!(text, "\x1b[38;2;{r};{g};{b}m\x1b[48;2;{red};{green};{blue}m▀");
                }
                Style::Plain => {
                    let mean = (brightness(upper) + brightness(lower)) / 2;
                    text.push(char::from(RAMP[mean * RAMP.len() / 256]));
                }
            }
        }
        match style {
            Style::Colour => text.push_str(RESET),
            Style::Plain => text.truncate(text.trim_end_matches(' ').len()),
        }
        text.push('\n');
    }
    text
}

/// Brightness of a colour, 0 to 255, by the weights of ITU-R BT.601.
fn brightness([red, green, blue]: [u8; 3]) -> usize {
    (299 * usize::from(red) + 587 * usize::from(green) + 114 * usize::from(blue)) / 1000
}

/// A bar for each class, with the largest one marked. Probabilities are in `[0, 1]`.
pub(crate) fn bars(labels: &[&str], probabilities: &[f32], style: Style) -> String {
    const WIDTH: f32 = 30.0;
    let label_width = labels
        .iter()
        .map(|label| label.chars().count())
        .max()
        .unwrap_or(0);
    let largest = largest(probabilities);
    let mut text = String::new();
    for (index, (label, &probability)) in labels.iter().zip(probabilities).enumerate() {
        let bar = bar(probability.clamp(0.0, 1.0) * WIDTH, style);
        let is_largest = Some(index) == largest;
        let (start, end) = if is_largest && style == Style::Colour {
            (STRONG, RESET)
        } else {
            ("", "")
        };
        let mark = if is_largest { " <" } else { "" };
        let percent = probability * 100.0;
        let _ = writeln!(
            text,
            "{start}{label:>label_width$} {percent:5.1} % {bar}{end}{mark}"
        );
    }
    // A class without a bar ends in a space.
    text.replace(" \n", "\n")
}

fn bar(length: f32, style: Style) -> String {
    match style {
        Style::Plain => "#".repeat(length.round() as usize),
        Style::Colour => {
            let eighths = (length * 8.0).round() as usize;
            let mut bar = "█".repeat(eighths / 8);
            bar.extend(['▏', '▎', '▍', '▌', '▋', '▊', '▉'].get((eighths % 8).wrapping_sub(1)));
            bar
        }
    }
}

/// Softmax of logits.
pub(crate) fn probabilities(logits: &[f32]) -> Vec<f32> {
    let maximum = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponentials: Vec<f32> = logits.iter().map(|logit| libm::expf(logit - maximum)).collect();
    let sum: f32 = exponentials.iter().sum();
    exponentials.iter().map(|exponential| exponential / sum).collect()
}

/// Index of the largest value, the lowest one among equals.
pub(crate) fn largest(values: &[f32]) -> Option<usize> {
    let indices = 0..values.len();
    indices.reduce(|best, index| if values[index] > values[best] { index } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_images_use_the_ramp() {
        let pixels = [0, 255, 128, 0, 0, 255, 128, 0, 255, 0, 0, 0];
        let pixels = pixels.map(|grey| [grey; 3]);
        assert_eq!(image(&pixels, 4, Style::Plain), " @+\n=\n");
    }

    #[test]
    fn coloured_images_show_two_rows_a_line() {
        let text = image(&[[1, 2, 3], [4; 3], [5, 6, 7], [8; 3]], 2, Style::Colour);
        let expected = "\x1b[38;2;1;2;3m\x1b[48;2;5;6;7m▀\x1b[38;2;4;4;4m\x1b[48;2;8;8;8m▀\x1b[0m\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn bars_mark_the_largest() {
        let text = bars(&["0", "1", "10"], &[0.2, 0.75, 0.0], Style::Plain);
        assert_eq!(
            text,
            " 0  20.0 % ######\n 1  75.0 % ####################### <\n10   0.0 %\n"
        );
        assert_eq!(bar(1.5, Style::Colour), "█▌");
        assert_eq!(bar(0.0, Style::Colour), "");
    }

    #[test]
    fn probabilities_sum_to_one() {
        let result = probabilities(&[1000.0, 1000.0, 0.0]);
        assert_eq!(result, [0.5, 0.5, 0.0]);
        assert_eq!(largest(&result), Some(0));
        assert_eq!(largest(&[]), None);
    }
}
