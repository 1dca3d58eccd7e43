//! What the programs of the examples do alike at their beginning.

use std::error::Error;

use zkml::prelude::*;

/// Starts `threads` threads, or as many as the machine has, and says how many there are.
pub(crate) fn start_threads(threads: Option<usize>) -> Result<(), Box<dyn Error>> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .build_global()?;
    println!("{} threads", rayon::current_num_threads());
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
