//! What the programs of the examples do alike at their beginning.

use std::error::Error;

use zkml::argument::{Statement, soundness};
use zkml::keys::ProvingKey;
use zkml::prelude::*;

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
