//! The subcommands of `zkml`: each writes its answer to `output` and fails with a [`CommandError`].

#[cfg(feature = "prover")]
mod accuracy;
#[cfg(feature = "prover")]
mod adopt_key;
#[cfg(feature = "prover")]
mod compile;
#[cfg(feature = "prover")]
mod console;
mod content;
mod destination;
#[cfg(feature = "prover")]
mod explain;
#[cfg(feature = "prover")]
mod forest;
#[cfg(feature = "prover")]
mod input;
mod inspect;
#[cfg(feature = "prover")]
mod llm;
#[cfg(feature = "prover")]
mod models;
mod network;
mod output;
#[cfg(feature = "prover")]
mod prove;
#[cfg(feature = "prover")]
mod rotate_key;
#[cfg(feature = "prover")]
mod setup;
mod shell;
mod trusted;
mod verify;
mod verify_key;
mod words;

use std::io::{self, Write};
use std::path::PathBuf;
#[cfg(feature = "prover")]
use std::path::{Component, Path};
use std::process::ExitCode;

#[cfg(feature = "prover")]
use clap::builder::RangedU64ValueParser;
use clap::{Args, Subcommand};
use destination::{DestinationError, Files};
use thiserror::Error;
use zkml_core::keys::Difference;
#[cfg(feature = "prover")]
use zkml_core::keys::{BudgetError, ProveError};
use zkml_core::proof::{FileError, FormatError};
#[cfg(feature = "prover")]
use zkml_core::quant::Clipping;
use zkml_core::transcript::VerifyError;
use zkml_core::verify::OutputMismatch;

use self::output::Lines;

/// Most threads that can be asked for: far more than help, and far fewer than a machine can start.
#[cfg(feature = "prover")]
const MAXIMUM_THREADS: u64 = 1024;

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Globals {
    /// Say nothing but errors; the exit code tells the rest
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Number of threads; all that the machine has, unless given
    #[cfg(feature = "prover")]
    #[arg(long, global = true, value_parser = RangedU64ValueParser::<usize>::new().range(1..=MAXIMUM_THREADS))]
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
    #[cfg(feature = "prover")]
    Llm(Box<llm::Llm>),
    Inspect(inspect::Inspect),
    Verify(verify::Verify),
    VerifyKey(verify_key::VerifyKey),
    #[cfg(feature = "prover")]
    RotateKey(rotate_key::RotateKey),
    #[cfg(feature = "prover")]
    AdoptKey(adopt_key::AdoptKey),
    Completions(shell::Completions),
    Man(shell::Man),
}

impl Command {
    #[cfg_attr(not(feature = "prover"), allow(unused_mut))]
    pub(crate) fn run(mut self, globals: &Globals, output: &mut dyn Write) -> Result<(), CommandError> {
        let mut nowhere = io::sink();
        let output = match globals.quiet && !self.json() {
            true => &mut nowhere,
            false => output,
        };
        let (json, is_verdict) = (self.json(), self.is_verdict());
        let print = |error: &CommandError, output: &mut dyn Write| match json {
            true => writeln!(output, "{}", error.as_json(is_verdict)),
            false => Ok(()),
        };
        // A build without the prover has no options of threads and traces, and shows no progress.
        #[cfg(feature = "prover")]
        let terminal = match console::Terminal::new(globals, json) {
            Ok(terminal) => terminal,
            Err(error) => {
                print(&error, output)?;
                return Err(error);
            }
        };
        #[cfg(feature = "prover")]
        terminal.progress.stage(self.doing());
        #[cfg(feature = "prover")]
        let names_traces = self.has_console();
        #[cfg(feature = "prover")]
        let mut lines = Lines::new(output, &terminal.progress, !names_traces);
        #[cfg(not(feature = "prover"))]
        let mut lines = Lines::new(output);
        let result = match self.check(globals) {
            #[cfg(feature = "prover")]
            Ok(()) => self.dispatch(&terminal, &mut lines),
            #[cfg(not(feature = "prover"))]
            Ok(()) => self.dispatch(&mut lines),
            Err(error) => Err(error),
        };
        if let Err(error) = &result {
            print(error, &mut lines)?;
        }
        lines.flush()?;
        #[cfg(feature = "prover")]
        {
            terminal.progress.clear();
            if result.is_ok() && !names_traces {
                terminal.traces.write()?;
            }
        }
        result
    }

    /// Refuses what can be seen to be wrong before any work.
    fn check(&mut self, globals: &Globals) -> Result<(), CommandError> {
        #[cfg(feature = "prover")]
        if let Command::Compile(compile) = self {
            compile.take_model()?;
        }
        Ok(destination::check(&self.files(globals))?)
    }

    /// What the command reads and writes.
    fn files(&self, globals: &Globals) -> Files {
        #[cfg_attr(not(feature = "prover"), allow(unused_mut))]
        let mut files = match self {
            #[cfg(feature = "prover")]
            Command::Models(_) => Files::default(),
            #[cfg(feature = "prover")]
            Command::Compile(compile) => compile.files(),
            #[cfg(feature = "prover")]
            Command::Setup(setup) => setup.files(),
            #[cfg(feature = "prover")]
            Command::Prove(prove) => prove.files(),
            #[cfg(feature = "prover")]
            Command::RotateKey(rotate_key) => rotate_key.files(),
            #[cfg(feature = "prover")]
            Command::AdoptKey(adopt_key) => adopt_key.files(),
            #[cfg(feature = "prover")]
            Command::Llm(llm) => llm.files(),
            Command::Inspect(inspect) => inspect.files(),
            Command::Verify(verify) => verify.files(),
            Command::VerifyKey(verify_key) => verify_key.files(),
            Command::Completions(_) | Command::Man(_) => Files::default(),
        };
        #[cfg(feature = "prover")]
        files
            .traces
            .extend(globals.trace_out.iter().chain(&globals.folded_out).cloned());
        #[cfg(not(feature = "prover"))]
        let _ = globals;
        files
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
            #[cfg(feature = "prover")]
            Command::Llm(llm) => llm.json(),
            Command::Inspect(inspect) => inspect.json,
            Command::Verify(verify) => verify.json,
            Command::VerifyKey(verify_key) => verify_key.json,
            Command::Completions(_) | Command::Man(_) => false,
        }
    }

    /// Whether the command writes the traces itself, and names them in its answer.
    #[cfg(feature = "prover")]
    fn has_console(&self) -> bool {
        matches!(
            self,
            Command::Compile(_)
                | Command::Setup(_)
                | Command::Prove(_)
                | Command::RotateKey(_)
                | Command::Llm(_)
        )
    }

    /// Whether the answer is whether something is valid.
    fn is_verdict(&self) -> bool {
        match self {
            Command::Verify(_) | Command::VerifyKey(_) => true,
            #[cfg(feature = "prover")]
            Command::Llm(llm) => llm.is_verdict(),
            _ => false,
        }
    }

    /// What the command does until it says more.
    #[cfg(feature = "prover")]
    fn doing(&self) -> &'static str {
        match self {
            Command::Verify(_) | Command::VerifyKey(_) => "verifying",
            Command::RotateKey(_) => "rotating the key",
            _ => "reading",
        }
    }

    fn dispatch(
        self,
        #[cfg(feature = "prover")] terminal: &console::Terminal,
        output: &mut dyn Write,
    ) -> Result<(), CommandError> {
        match self {
            #[cfg(feature = "prover")]
            Command::Models(models) => models.run(output),
            #[cfg(feature = "prover")]
            Command::Compile(compile) => compile.run(terminal, output),
            #[cfg(feature = "prover")]
            Command::Setup(setup) => setup.run(terminal, output),
            #[cfg(feature = "prover")]
            Command::Prove(prove) => prove.run(terminal, output),
            #[cfg(feature = "prover")]
            Command::RotateKey(rotate_key) => rotate_key.run(terminal, output),
            Command::Inspect(inspect) => inspect.run(output),
            Command::Verify(verify) => verify.run(output),
            Command::VerifyKey(verify_key) => verify_key.run(output),
            #[cfg(feature = "prover")]
            Command::AdoptKey(adopt_key) => adopt_key.run(output),
            #[cfg(feature = "prover")]
            Command::Llm(llm) => llm.run(terminal, output),
            Command::Completions(completions) => completions.run(output),
            Command::Man(man) => man.run(output),
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
    /// A file that no proof of the key's model is.
    #[error("rejected: {}: {error}", path.display())]
    OtherProof { path: PathBuf, error: FormatError },
    /// Readable outputs are not those of the public values.
    #[error("rejected: {}: {error}", path.display())]
    Outputs { path: PathBuf, error: OutputMismatch },
    /// A proof speaks of another input than the one that was asked about.
    #[cfg(feature = "prover")]
    #[error("rejected: {0}")]
    OtherInput(String),
    /// An input unlike all calibration samples.
    #[cfg(feature = "prover")]
    #[error(
        "--input is unlike the calibration samples: {0}. A proof would be about the clipped values; prepare the input \
         as the samples (scale, mean, sign), compile with samples like it, or give --allow-clipping"
    )]
    Clipped(Clipping),
    /// A row without one of its features, or with an infinite one.
    #[cfg(feature = "prover")]
    #[error("{0}; `zkml compile FOREST.json --missing` makes a forest that takes missing values")]
    Missing(zkml::data::DataError),
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
    /// A file of an earlier proof is where a proof would be written.
    #[cfg(feature = "prover")]
    #[error("{}: exists already; --name NAME or --output FOLDER leaves it, --force overwrites it", path.display())]
    Taken { path: PathBuf },
    /// A verifying key is not that of the proving key beside it.
    #[cfg(feature = "prover")]
    #[error(
        "{}: expected the verifying key of {}, found that of another one of the same model, as an \
         interruption leaves it; delete it and run `zkml setup` again, or make both anew with --force",
        verifying.display(), proving.display()
    )]
    NoPair { verifying: PathBuf, proving: PathBuf },
    /// Another number of names than the network has classes.
    #[cfg(feature = "prover")]
    #[error("{}: expected {expected} names, a line for each class of the model, found {found}", path.display())]
    ClassNames {
        path: PathBuf,
        expected: usize,
        found: usize,
    },
    /// A command must not or cannot write where it should.
    #[error(transparent)]
    Destination(#[from] DestinationError),
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
    /// A decision forest that cannot be read or compiled.
    Forest(zkml::models::forest::ForestError);
    /// The two networks cannot be compared.
    Accuracy(zkml::quant::AccuracyError);
    /// A known model cannot be compiled.
    Step(zkml::Error);
    /// An artifact cannot be encoded.
    Format(zkml_core::proof::FormatError);
}

impl CommandError {
    /// The object that `--json` prints for a failure. With `is_verdict` it says, too, that something is not valid; but
    /// not of what could not be checked.
    fn as_json(&self, is_verdict: bool) -> serde_json::Value {
        let mut answer = serde_json::json!({ "ok": false, "error": self.to_string() });
        if is_verdict && self.exit_code() == ExitCode::from(1) {
            answer["valid"] = false.into();
        }
        answer
    }

    /// 1 where something was checked and refused, 2 where it could not be checked.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            CommandError::File(FileError::Format { .. })
            | CommandError::Key { .. }
            | CommandError::Rejected(_)
            | CommandError::OtherProof { .. }
            | CommandError::Outputs { .. }
            | CommandError::NotOutputs { .. }
            | CommandError::OtherNetwork { .. }
            | CommandError::NotSkeleton { .. } => ExitCode::from(1),
            #[cfg(feature = "prover")]
            CommandError::OtherInput(_)
            | CommandError::Clipped(_)
            | CommandError::Missing(_)
            | CommandError::ClassNames { .. } => ExitCode::from(1),
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
            LibraryError::Weights(
                zkml::nn::WeightError::Io { .. } | zkml::nn::WeightError::Prefix { .. },
            )
            | LibraryError::Data(
                zkml::data::DataError::Io { .. }
                | zkml::data::DataError::UnknownType { .. }
                | zkml::data::DataError::Number { .. }
                | zkml::data::DataError::Selection { .. }
                | zkml::data::DataError::Idx(zkml::data::idx::IdxError::Io { .. }),
            )
            | LibraryError::Trace(_)
            | LibraryError::Graph(_)
            | LibraryError::Format(_) => ExitCode::from(2),
            _ => ExitCode::from(1),
        }
    }
}

/// Parses what the names of written files begin with: a name, not a path.
#[cfg(feature = "prover")]
fn file_name(text: &str) -> Result<String, String> {
    let mut parts = Path::new(text).components();
    let is_name = match (parts.next(), parts.next()) {
        (Some(Component::Normal(part)), None) => part == text,
        _ => false,
    };
    match is_name && !text.contains(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err("expected the beginning of a file's name, without folders and not empty".into()),
    }
}

/// Bytes as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
