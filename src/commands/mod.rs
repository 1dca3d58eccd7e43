//! The subcommands of `zkml`: each writes its answer to `output` and fails with a [`CommandError`].

#[cfg(feature = "prover")]
mod adopt_key;
#[cfg(feature = "prover")]
mod compile;
#[cfg(feature = "prover")]
mod console;
mod content;
#[cfg(feature = "prover")]
mod explain;
#[cfg(feature = "prover")]
mod input;
mod inspect;
#[cfg(feature = "prover")]
mod models;
mod network;
#[cfg(feature = "prover")]
mod prove;
#[cfg(feature = "prover")]
mod rotate_key;
#[cfg(feature = "prover")]
mod setup;
mod trusted;
mod verify;
mod verify_key;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use thiserror::Error;
use zkml_core::keys::Difference;
#[cfg(feature = "prover")]
use zkml_core::keys::{BudgetError, ProveError};
use zkml_core::proof::FileError;
use zkml_core::transcript::VerifyError;
use zkml_core::verify::OutputMismatch;

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Globals {
    /// Say nothing but errors; the exit code tells the rest
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Number of threads; all that the machine has, unless given
    #[cfg(feature = "prover")]
    #[arg(long, global = true, value_parser = at_least_one)]
    threads: Option<usize>,
    /// Write where the time went, for a flame view: open the file in https://ui.perfetto.dev
    #[cfg(feature = "prover")]
    #[arg(long, global = true, value_name = "FILE")]
    trace_out: Option<PathBuf>,
    /// Write where the time went as folded stacks, for inferno-flamegraph
    #[cfg(feature = "prover")]
    #[arg(long, global = true, value_name = "FILE")]
    folded_out: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[cfg(feature = "prover")]
    Models(models::Models),
    #[cfg(feature = "prover")]
    Compile(Box<compile::Compile>),
    #[cfg(feature = "prover")]
    Setup(setup::Setup),
    #[cfg(feature = "prover")]
    Prove(prove::Prove),
    Inspect(inspect::Inspect),
    Verify(verify::Verify),
    VerifyKey(verify_key::VerifyKey),
    #[cfg(feature = "prover")]
    RotateKey(rotate_key::RotateKey),
    #[cfg(feature = "prover")]
    AdoptKey(adopt_key::AdoptKey),
}

impl Command {
    pub(crate) fn run(self, globals: &Globals, output: &mut dyn Write) -> Result<(), CommandError> {
        let mut nowhere = io::sink();
        let output = if globals.quiet && !self.json() {
            &mut nowhere
        } else {
            output
        };
        let word = self.word();
        // `compile`, `setup` and `prove` have a console of their own. For every other command this one shows progress
        // and writes the traces; its lines go nowhere.
        #[cfg(feature = "prover")]
        let mut unseen = io::sink();
        #[cfg(feature = "prover")]
        let observer = match self.has_console() {
            true => None,
            false => Some(console::Console::new(globals, false, &mut unseen)?),
        };
        let json = self.json();
        let result = self.dispatch(globals, output);
        #[cfg(feature = "prover")]
        if let Some(observer) = observer {
            observer.finish()?;
        }
        if let (Err(error), Some(word), true) = (&result, word, json) {
            writeln!(
                output,
                "{}",
                serde_json::json!({ word: false, "error": error.to_string() })
            )?;
        }
        result
    }

    /// Whether the answer is for programs.
    fn json(&self) -> bool {
        match self {
            #[cfg(feature = "prover")]
            Command::Models(models) => models.json,
            #[cfg(feature = "prover")]
            Command::Compile(compile) => compile.json,
            #[cfg(feature = "prover")]
            Command::Setup(setup) => setup.json,
            #[cfg(feature = "prover")]
            Command::Prove(prove) => prove.json,
            #[cfg(feature = "prover")]
            Command::RotateKey(rotate_key) => rotate_key.json,
            #[cfg(feature = "prover")]
            Command::AdoptKey(adopt_key) => adopt_key.json,
            Command::Inspect(inspect) => inspect.json,
            Command::Verify(verify) => verify.json,
            Command::VerifyKey(verify_key) => verify_key.json,
        }
    }

    /// Whether the command shows progress and writes traces itself.
    #[cfg(feature = "prover")]
    fn has_console(&self) -> bool {
        matches!(self, Command::Compile(_) | Command::Setup(_) | Command::Prove(_))
    }

    /// The word that is `false` in a failure that [`Self::run`] prints as JSON; none for `inspect`, which only reads.
    fn word(&self) -> Option<&'static str> {
        match self {
            Command::Inspect(_) => None,
            Command::Verify(_) | Command::VerifyKey(_) => Some("valid"),
            #[cfg(feature = "prover")]
            _ => Some("ok"),
        }
    }

    fn dispatch(self, globals: &Globals, output: &mut dyn Write) -> Result<(), CommandError> {
        // A build without the prover has none of the commands that take global options.
        let _ = globals;
        match self {
            #[cfg(feature = "prover")]
            Command::Models(models) => models.run(output),
            #[cfg(feature = "prover")]
            Command::Compile(compile) => compile.run(globals, output),
            #[cfg(feature = "prover")]
            Command::Setup(setup) => setup.run(globals, output),
            #[cfg(feature = "prover")]
            Command::Prove(prove) => prove.run(globals, output),
            Command::Inspect(inspect) => inspect.run(output),
            Command::Verify(verify) => verify.run(output),
            Command::VerifyKey(verify_key) => verify_key.run(output),
            #[cfg(feature = "prover")]
            Command::RotateKey(rotate_key) => rotate_key.run(output),
            #[cfg(feature = "prover")]
            Command::AdoptKey(adopt_key) => adopt_key.run(output),
        }
    }
}

/// Why a command failed, or what it refused.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    /// A file is not there, cannot be read, or is not what it should be.
    #[error(transparent)]
    File(#[from] FileError),
    /// The verifying key in a file is no key.
    #[error("{}: {error}", path.display())]
    Key { path: PathBuf, error: VerifyError },
    /// The proof does not prove the statement.
    #[error("rejected: {0}")]
    Rejected(#[from] VerifyError),
    /// Readable outputs are not those of the public values.
    #[error("rejected: {}: {error}", path.display())]
    Outputs { path: PathBuf, error: OutputMismatch },
    /// A proof speaks of another input than the one that was asked about.
    #[cfg(feature = "prover")]
    #[error("rejected: {0}")]
    OtherInput(String),
    /// A file of readable outputs is none.
    #[error("{}: expected the outputs of a proof as JSON, found {found}", path.display())]
    NotOutputs { path: PathBuf, found: String },
    /// A proving key could not be read, used or written.
    #[cfg(feature = "prover")]
    #[error(transparent)]
    Prove(#[from] zkml_core::keys::ProveError),
    /// Another key is where `rotate-key` would write one. It never overwrites a key.
    #[cfg(feature = "prover")]
    #[error("{}: exists already and is another key; nothing was overwritten", path.display())]
    Exists { path: PathBuf },
    /// A file that was made from something else is where a command would write. `--force` overwrites it.
    #[cfg(feature = "prover")]
    #[error("{}: exists already and was made from something else; --force overwrites it", path.display())]
    InTheWay { path: PathBuf },
    /// A key is another network than the one asked for.
    #[error("rejected: another network: {difference} (here: the key; there: --network)")]
    OtherNetwork { difference: Difference },
    /// A file that should hold a skeleton does not.
    #[error("{}: expected a model, a key, or a skeleton as `zkml inspect --skeleton` prints it, found {found}", path.display())]
    NotSkeleton { path: PathBuf, found: String },
    /// Options that do not fit together or do not fit the model.
    #[error("{0}")]
    Usage(String),
    /// There is no such model.
    #[cfg(feature = "prover")]
    #[error("{0} (`zkml models` lists them)")]
    Model(#[from] zkml::models::registry::UnknownModel),
    /// A file that is no container cannot be read.
    #[error("{}: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    /// A file or folder cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Write { path: PathBuf, error: io::Error },
    /// The network cannot be run on the samples.
    #[cfg(feature = "prover")]
    #[error("calibration: {0}")]
    Calibration(#[from] zkml::quant::CalibrationError),
    /// What the library says of a model, its weights or its inputs.
    #[cfg(feature = "prover")]
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The answer could not be written.
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

/// Errors of the library, which say everything themselves.
#[cfg(feature = "prover")]
macro_rules! library_errors {
    ($($(#[$doc:meta])* $variant:ident($error:ty);)*) => {
        /// Why the library does not make what a command asks of it.
        #[derive(Debug, Error)]
        pub(crate) enum LibraryError {
            $($(#[$doc])* #[error(transparent)] $variant(#[from] $error),)*
        }

        $(
            impl From<$error> for CommandError {
                fn from(error: $error) -> Self {
                    Self::Library(error.into())
                }
            }
        )*
    };
}

#[cfg(feature = "prover")]
library_errors! {
    /// Weights that are not those of the model.
    Weights(zkml::nn::WeightError);
    /// Inputs that the model does not take.
    Data(zkml::data::DataError);
    /// An input that does not fit the network.
    Input(zkml::execute::ExecutionError);
    /// The model cannot be traced.
    Trace(zkml::nn::TraceError);
    /// The graph cannot be extended.
    Graph(zkml::graph::GraphError);
    /// The network cannot be optimized.
    Optimize(zkml::optimize::OptimizeError);
    /// The passes cannot be measured.
    Explain(zkml::setup::ExplainError);
    /// The network cannot be quantized.
    Quantize(zkml::ops::QuantizeError);
    /// A known model cannot be compiled.
    Step(zkml::Error);
    /// An artifact cannot be encoded.
    Format(zkml_core::proof::FormatError);
}

impl CommandError {
    /// 1 where something was checked and refused, 2 where it could not be checked.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            CommandError::File(FileError::Format { .. })
            | CommandError::Key { .. }
            | CommandError::Rejected(_)
            | CommandError::Outputs { .. }
            | CommandError::NotOutputs { .. }
            | CommandError::OtherNetwork { .. }
            | CommandError::NotSkeleton { .. } => ExitCode::from(1),
            #[cfg(feature = "prover")]
            CommandError::OtherInput(_) => ExitCode::from(1),
            #[cfg(feature = "prover")]
            CommandError::Library(error) => error.exit_code(),
            #[cfg(feature = "prover")]
            CommandError::Calibration(_) => ExitCode::from(1),
            #[cfg(feature = "prover")]
            CommandError::Prove(
                ProveError::File(FileError::Format { .. })
                | ProveError::Malformed { .. }
                | ProveError::Invalid(_),
            )
            | CommandError::Prove(ProveError::Budget(
                BudgetError::Exhausted { .. }
                | BudgetError::NothingLeft { .. }
                | BudgetError::Moved { .. }
                | BudgetError::WentBack { .. }
                | BudgetError::Damaged { .. }
                | BudgetError::OtherKey { .. }
                | BudgetError::OtherLimit { .. },
            )) => ExitCode::from(1),
            _ => ExitCode::from(2),
        }
    }
}

#[cfg(feature = "prover")]
impl LibraryError {
    /// As [`CommandError::exit_code`].
    fn exit_code(&self) -> ExitCode {
        match self {
            LibraryError::Weights(zkml::nn::WeightError::Io { .. })
            | LibraryError::Data(
                zkml::data::DataError::Io { .. }
                | zkml::data::DataError::UnknownType { .. }
                | zkml::data::DataError::Idx(zkml::data::idx::IdxError::Io { .. }),
            )
            | LibraryError::Trace(_)
            | LibraryError::Graph(_)
            | LibraryError::Format(_) => ExitCode::from(2),
            _ => ExitCode::from(1),
        }
    }
}

/// Parses a number of threads, at least 1.
#[cfg(feature = "prover")]
fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("expected a number of at least 1".into()),
    }
}

/// Bytes as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
