//! Alters valid proofs very often and counts what the verifier says: the long run without a fuzzer. One in 16 is the
//! setup proof of a key.
//!
//! `cargo run --release --example mutate [count [seed [threads]]]`
//!
//! Exits with 1 if an altered proof was accepted, an unchanged one refused, or anything panicked.

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::Instant;

use zkml::transcript::VerifyError;
use zkml_fuzz::targets::{setup_mutated, verify_mutated};
use zkml_fuzz::{Random, fixtures};

#[derive(Default)]
struct Tally {
    tried: u64,
    unchanged: u64,
    failed: u64,
    /// How often each message or binding was altered and the proof rejected.
    places: BTreeMap<&'static str, u64>,
    /// The same by what was done.
    actions: BTreeMap<String, u64>,
    /// How often each error was given.
    errors: BTreeMap<String, u64>,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.tried += other.tried;
        self.unchanged += other.unchanged;
        self.failed += other.failed;
        other
            .places
            .into_iter()
            .for_each(|(place, count)| *self.places.entry(place).or_default() += count);
        for (mine, other) in [
            (&mut self.actions, other.actions),
            (&mut self.errors, other.errors),
        ] {
            other
                .into_iter()
                .for_each(|(name, count)| *mine.entry(name).or_default() += count);
        }
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let mut argument = |default: u64| arguments.next().map_or(Ok(default), |argument| argument);
    let (Ok(count), Ok(seed), Ok(threads)) = (argument(10_000), argument(1), argument(1)) else {
        eprintln!("usage: mutate [count [seed [threads]]]");
        return ExitCode::from(2);
    };
    fixtures();
    let start = Instant::now();
    let total = std::thread::scope(|scope| {
        let work: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || run(count.div_ceil(threads), seed.wrapping_mul(1000) + thread)))
            .collect();
        let mut total = Tally::default();
        work.into_iter()
            .for_each(|thread| total.add(thread.join().expect("a thread")));
        total
    });
    let elapsed = start.elapsed();
    println!(
        "{} tried, {} unchanged, {} altered and rejected, {} failures, in {elapsed:.0?} ({:.0} µs each)",
        total.tried,
        total.unchanged,
        total.tried - total.unchanged - total.failed,
        total.failed,
        elapsed.as_secs_f64() * 1e6 * threads as f64 / total.tried as f64,
    );
    let print = |what: &str, list: Vec<(&str, u64)>| {
        println!("\n{what}");
        list.into_iter()
            .for_each(|(name, count)| println!("{count:>10}  {name}"));
    };
    print("altered message", total.places.into_iter().collect());
    print(
        "how",
        total
            .actions
            .iter()
            .map(|(name, &count)| (name.as_str(), count))
            .collect(),
    );
    print(
        "rejected by",
        total
            .errors
            .iter()
            .map(|(name, &count)| (name.as_str(), count))
            .collect(),
    );
    ExitCode::from(u8::from(total.failed > 0))
}

fn run(count: u64, seed: u64) -> Tally {
    let mut random = Random(seed);
    let mut tally = Tally::default();
    for _ in 0..count {
        let choices = random.bytes(48);
        tally.tried += 1;
        // Setup proofs are larger, and checked once a key.
        let target = if tally.tried % 16 == 0 {
            setup_mutated
        } else {
            verify_mutated
        };
        match catch_unwind(|| target(&choices)) {
            // The message of the panic, which tells the steps, is on standard error.
            Err(_) => {
                tally.failed += 1;
                eprintln!("choices: {choices:?}");
            }
            Ok((_, Ok(()))) => tally.unchanged += 1,
            Ok((steps, Err(error))) => {
                for step in steps {
                    *tally.places.entry(step.place).or_default() += 1;
                    *tally.actions.entry(step.what).or_default() += 1;
                }
                *tally.errors.entry(name(&error)).or_default() += 1;
            }
        }
    }
    tally
}

/// The check that failed, or the kind of error.
fn name(error: &VerifyError) -> String {
    if let VerifyError::Check { name, .. } = error {
        return (*name).to_owned();
    }
    let debug = format!("{error:?}");
    let end = debug.find(|c: char| !c.is_alphanumeric()).unwrap_or(debug.len());
    debug[..end].to_owned()
}
