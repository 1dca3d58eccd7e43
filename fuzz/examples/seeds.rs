//! Writes a valid input for each decoder to `corpus/<target>/seed`, and some choices for `verify_mutated` and
//! `setup_mutated`.
//!
//! `cargo run --release --example seeds`

use std::path::Path;

use zkml_fuzz::targets::DECODERS;
use zkml_fuzz::{Random, fixtures};

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(name), bytes)
    };
    for target in &DECODERS {
        for (number, fixture) in fixtures().iter().enumerate() {
            write(target.name, &format!("seed-{number}"), &(target.seed)(fixture))?;
        }
    }
    let mut random = Random(1);
    for number in 0..64 {
        for target in ["verify_mutated", "setup_mutated"] {
            write(target, &format!("seed-{number}"), &random.bytes(48))?;
        }
    }
    println!("written to {}", corpus.display());
    Ok(())
}
