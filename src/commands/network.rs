//! Which network a key is: comparison with a known model, or with the network of a file.

use core::fmt;
use std::path::Path;

use serde_json::{Value, json};
use zkml_core::files;
#[cfg(feature = "prover")]
use zkml_core::keys::Architecture;
#[cfg(feature = "prover")]
use zkml_core::keys::{CompiledModel, ProvingKey};
use zkml_core::keys::{NetworkSkeleton, VerifyingKey};
use zkml_core::proof::{FileError, FormatError, Kind, inspect_file, read_file};

use super::CommandError;

/// The network that a key is compared with.
pub(super) enum Other {
    /// The network of a file: with all that calibration chose.
    Skeleton(Box<NetworkSkeleton>),
    /// A model of the registry: its architecture alone.
    #[cfg(feature = "prover")]
    Known(Box<Architecture>),
}

/// Two networks that were found to be equal, and how far they were compared.
pub(super) enum Compared {
    Skeletons,
    /// With the choices of a compilation that were taken from the key.
    #[cfg(feature = "prover")]
    Architectures(String),
}

/// What a comparison with a known model leaves out.
#[cfg(feature = "prover")]
const NOT_COMPARED: &str = "weights, scales (and so where a clamp or a ReLU6 ends), bits of single activations, \
    offsets, multipliers, shifts, coefficients of sums, steps and domains of tables, names of layers, names and order of classes";

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skeletons => f.write_str("the same, scales and tables too; weights were not compared"),
            #[cfg(feature = "prover")]
            Self::Architectures(choices) => {
                write!(
                    f,
                    "the same architecture, with {choices} as in the key; not compared: {NOT_COMPARED}"
                )
            }
        }
    }
}

impl Compared {
    pub(super) fn as_json(&self) -> Value {
        match self {
            Self::Skeletons => json!({ "compared": ["architecture", "skeleton"] }),
            #[cfg(feature = "prover")]
            Self::Architectures(choices) => {
                json!({ "compared": ["architecture"], "taken_from_key": choices, "not_compared": NOT_COMPARED })
            }
        }
    }
}

impl Other {
    /// The network named or stored at `name`; a file wins over a model of that name. `like` says the choices of a
    /// compilation that are not calibrated: batch, bits, outputs.
    pub(super) fn find(name: &str, like: &NetworkSkeleton) -> Result<Self, CommandError> {
        let path = Path::new(name);
        if path.exists() {
            return Ok(Self::Skeleton(Box::new(skeleton_of(path)?)));
        }
        known(name, like)
    }

    /// Compares it with the network of a key.
    ///
    /// # Errors
    /// [`CommandError::OtherNetwork`] with the first difference.
    pub(super) fn compare(&self, network: &NetworkSkeleton) -> Result<Compared, CommandError> {
        let (compared, difference) = match self {
            Self::Skeleton(other) => {
                let own = network.architecture().difference(&other.architecture());
                (Compared::Skeletons, own.or_else(|| network.difference(other)))
            }
            #[cfg(feature = "prover")]
            Self::Known(other) => {
                let own = network.architecture().without_class_names();
                (
                    Compared::Architectures(zkml::architecture::choices(network)),
                    own.difference(other),
                )
            }
        };
        match difference {
            None => Ok(compared),
            Some(difference) => Err(CommandError::OtherNetwork { difference }),
        }
    }
}

/// The network in a model, key or skeleton file.
fn skeleton_of(path: &Path) -> Result<NetworkSkeleton, CommandError> {
    let kind = match inspect_file(path) {
        Ok(header) => header.kind,
        // What is no container may be a skeleton as `inspect --skeleton` prints it.
        Err(FileError::Format {
            error: FormatError::WrongMagic { .. },
            ..
        }) => return read_json(path),
        Err(error) => return Err(error.into()),
    };
    match kind {
        Kind::VerifyingKey => Ok(read_file::<VerifyingKey>(path)?.network),
        #[cfg(feature = "prover")]
        Kind::CompiledModel => Ok(read_file::<CompiledModel>(path)?.skeleton()),
        #[cfg(feature = "prover")]
        Kind::ProvingKey => Ok(ProvingKey::read_model(path)?.skeleton()),
        _ => Err(CommandError::Usage(format!(
            "--network: expected a model, a key or a skeleton, found {kind}"
        ))),
    }
}

/// Most bytes of a skeleton as JSON.
const MAXIMUM_JSON_BYTES: u64 = 1 << 26;

fn read_json(path: &Path) -> Result<NetworkSkeleton, CommandError> {
    let read = |error| CommandError::Read {
        path: path.to_path_buf(),
        error,
    };
    let refused = |found: String| CommandError::NotSkeleton {
        path: path.to_path_buf(),
        found,
    };
    let text = files::read(path, MAXIMUM_JSON_BYTES).map_err(read)?;
    serde_json::from_slice(&text).map_err(|error| refused(error.to_string()))
}

#[cfg(feature = "prover")]
fn known(name: &str, like: &NetworkSkeleton) -> Result<Other, CommandError> {
    let entry = zkml::models::registry::find(name).map_err(|error| {
        CommandError::Usage(format!("--network: {error}, and there is no file of that name"))
    })?;
    let architecture = zkml::architecture::of_model(entry, like)?;
    Ok(Other::Known(Box::new(architecture)))
}

#[cfg(not(feature = "prover"))]
fn known(name: &str, _like: &NetworkSkeleton) -> Result<Other, CommandError> {
    Err(CommandError::Usage(format!(
        "--network: no file `{name}`; this build, of the verifier alone, knows no models by name"
    )))
}
