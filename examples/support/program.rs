//! What the programs of the examples do alike at their beginning.

use std::error::Error;
use std::path::Path;

use clap::builder::RangedU64ValueParser;
use zkml::argument::{Statement, soundness};
use zkml::keys::ProvingKey;
use zkml::prelude::*;

/// Parses a number of threads. More than these are a slip of the keyboard.
pub(crate) fn thread_count() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=1024)
}

/// Parses a number of at least one.
pub(crate) fn at_least_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

/// Makes the folder that files go to, and tries that they can be written, before the work begins.
pub(crate) fn make_folder(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder)
        .and_then(|()| tempfile::tempfile_in(folder).map(drop))
        .map_err(|error| format!("cannot write to {}: {error}", folder.display()))
}

/// Starts `threads` threads, or as many as the machine has, and says how many there are.
pub(crate) fn start_threads(threads: Option<usize>) -> Result<(), Box<dyn Error>> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .build_global()?;
    println!("{} threads", rayon::current_num_threads());
    Ok(())
}

/// Says how large a key's circuit is, and what its proofs promise.
pub(crate) fn describe_circuit(key: &ProvingKey) -> Result<(), Box<dyn Error>> {
    let statement = Statement::new(key.verifying())?;
    let circuit = statement.circuit();
    println!(
        "circuit: {} columns, {} lookups, {} tables",
        circuit.columns.len(),
        circuit.lookups.len(),
        circuit.tables.len()
    );
    let bits = soundness(&statement).sum(&soundness(&Statement::of_setup(&key.verifying().weights)?));
    println!("soundness: {bits:.1} bits, all terms proven in the random oracle model");
    Ok(())
}

/// Everything public, or the default: private input and weights.
pub(crate) fn privacy(public: bool) -> Privacy {
    if public {
        Privacy::PUBLIC
    } else {
        Privacy::default()
    }
}
