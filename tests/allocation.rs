//! The verifier allocates what the circuit implies, whatever the bytes of a proof; the decoder a small multiple of what
//! it is given.

#![cfg(feature = "prover")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests stop at the first surprise, and report"
)]

mod counting;
mod fuzz_support;

use std::path::Path;
use std::sync::PoisonError;

use counting::{ALONE, peak};
use fuzz_support::mutation::{Choices, mutate};
use fuzz_support::targets::sealed;
use fuzz_support::{Fixture, Proved, Random, fixtures};
use zkml::graph::NodeId;
use zkml::keys::CompiledModel;
use zkml::keys::{VerifyingKey, WeightsKey};
use zkml::proof::{
    Artifact, CHECKSUM_BYTES, HEADER_BYTES, MAXIMUM_VALUES, Proof, from_bytes, outline_file, read_file,
    read_proof, to_bytes,
};
use zkml::verify::verify_setup;

/// What verification may allocate: all of it follows from the circuit, which is in the key, and the size of a proof.
fn verification_bound(fixture: &Fixture, proof: &[u8]) -> usize {
    let circuit = serde_json::to_vec(&fixture.key.lowered().circuit).unwrap();
    64 * 1024 + 8 * circuit.len() + 8 * proof.len()
}

fn judge(fixture: &Fixture, proved: &Proved) -> (usize, bool) {
    let (peak, verdict) = peak(|| fixture.judge(proved));
    (peak, verdict.is_ok())
}

#[test]
fn verification_allocates_what_the_circuit_implies() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    fixtures().iter().for_each(assert_verification_is_bounded);
}

fn assert_verification_is_bounded(fixture: &Fixture) {
    let bound = verification_bound(fixture, &fixture.proved.proof.messages);
    // Threads and tables that are made once in a process.
    fixture.judge(&fixture.proved).unwrap();
    let (honest, accepted) = judge(fixture, &fixture.proved);
    assert!(accepted);
    println!("honest proof: {honest} bytes at most, of {bound} allowed");
    assert!(honest <= bound, "{honest} bytes, {bound} allowed");
    // A rejected proof needs no more than the honest one, but for its error message.
    let limit = honest + 4096;
    let mut largest = 0;
    let mut check = |what: &dyn Fn() -> String, proved: &Proved| {
        let (peak, accepted) = judge(fixture, proved);
        let honest = [&fixture.proved, &fixture.other].contains(&proved);
        assert!(!accepted || honest, "{}: accepted", what());
        assert!(peak <= limit, "{}: {peak} bytes, {limit} allowed", what());
        largest = largest.max(peak);
    };
    let with = |messages: Vec<u8>| {
        let mut proved = fixture.proved.clone();
        proved.proof.messages = messages;
        proved
    };
    let messages = &fixture.proved.proof.messages;
    for length in (0..messages.len()).step_by(331).chain(0..64) {
        check(
            &|| format!("cut to {length} bytes"),
            &with(messages[..length].to_vec()),
        );
    }
    for more in [1, 8, 1000, 1 << 20, 1 << 24] {
        let longer = [&messages[..], &vec![0x55; more]].concat();
        check(&|| format!("{more} bytes longer"), &with(longer));
    }
    let mut random = Random(21);
    for round in 0..300 {
        let mut altered = messages.clone();
        for _ in 0..=random.below(8) {
            let at = random.below(altered.len());
            altered[at] = random.word() as u8;
        }
        check(&|| format!("random bytes, round {round}"), &with(altered));
        let choices = random.bytes(48);
        let (altered, steps) = mutate(fixture, &mut Choices::new(&choices));
        check(&|| format!("round {round}: {steps:?}"), &altered);
    }
    // Nothing but noise, and public values of any size.
    check(&|| "noise".into(), &with(random.bytes(messages.len())));
    check(&|| "ones".into(), &with(vec![0xff; messages.len()]));
    let mut proved = fixture.proved.clone();
    proved.proof.public.input = Some(vec![1; 1 << 20]);
    proved.proof.public.outputs = Some(vec![vec![]; 1 << 16]);
    check(&|| "large public values".into(), &proved);
    println!("altered proofs: {largest} bytes at most, of {limit} allowed");
}

#[test]
fn checking_a_setup_proof_allocates_what_the_circuit_implies() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for fixture in fixtures() {
        let honest_key = &fixture.key.verifying().weights;
        let proof = &honest_key.setup_proof;
        let bound = verification_bound(fixture, proof);
        let (honest, verdict) = peak(|| verify_setup(honest_key).is_ok());
        assert!(verdict && honest <= bound, "{honest} bytes, {bound} allowed");
        let limit = honest + 4096;
        let mut random = Random(23);
        let mut altered = vec![
            [proof, &vec![0x55; 1 << 24][..]].concat(),
            vec![0xff; proof.len()],
            random.bytes(proof.len()),
        ];
        for round in 0..60 {
            let mut bytes = proof.clone();
            let at = random.below(bytes.len());
            match round % 3 {
                0 => bytes.truncate(at),
                _ => bytes[at] ^= 1 << random.below(8),
            }
            altered.push(bytes);
        }
        let mut largest = 0;
        for (round, setup_proof) in altered.into_iter().enumerate() {
            let key = WeightsKey {
                setup_proof,
                ..honest_key.clone()
            };
            let (peak, verdict) = peak(|| verify_setup(&key).is_ok());
            assert!(
                !verdict && peak <= limit,
                "round {round}: {peak} bytes, {limit} allowed"
            );
            largest = largest.max(peak);
        }
        println!(
            "setup proof of {} bytes: {honest}, altered {largest}, of {bound} allowed",
            proof.len()
        );
    }
}

/// The largest multiple of the container's size that decoding altered ones takes.
fn decoding<T: Artifact>(artifact: &T, random: &mut Random) {
    let bytes = to_bytes(artifact).unwrap();
    let payload = &bytes[HEADER_BYTES..bytes.len() - CHECKSUM_BYTES];
    // An element takes a byte of the file at least, and memory for some 200 when its sequence announces it.
    let limit = |length: usize| 4096 + 256 * length;
    let (honest, decoded) = peak(|| from_bytes::<T>(&bytes).is_ok());
    assert!(decoded);
    let mut largest = honest;
    for round in 0..2000 {
        let mut altered = payload.to_vec();
        for _ in 0..=random.below(3) {
            let at = random.below(altered.len());
            // Lengths are variable-length integers: one that goes on, or one that is huge.
            match random.below(4) {
                0 => altered[at] |= 0x80,
                1 => drop(altered.splice(at..at, [0xff; 8])),
                2 => altered[at] = random.word() as u8,
                _ => altered.truncate(at.max(1)),
            }
        }
        let altered = sealed(T::KIND.tag(), T::VERSION, &altered);
        let (peak, _) = peak(|| from_bytes::<T>(&altered).is_ok());
        let limit = limit(altered.len());
        assert!(
            peak <= limit,
            "{}, round {round}: {peak} bytes, {limit} allowed",
            T::KIND
        );
        largest = largest.max(peak);
    }
    // A container that announces more than it has.
    for announced in [1 << 20, 1 << 27, 1 << 60, u64::MAX] {
        let mut altered = bytes.clone();
        altered[12..20].copy_from_slice(&announced.to_le_bytes());
        let (peak, decoded) = peak(|| from_bytes::<T>(&altered).is_ok());
        assert!(
            !decoded && peak <= limit(altered.len()),
            "{}: {peak} bytes",
            T::KIND
        );
    }
    println!(
        "{} of {} bytes: honest {honest}, altered at most {largest}",
        T::KIND,
        bytes.len()
    );
}

#[test]
fn decoding_allocates_a_small_multiple_of_the_file() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut random = Random(22);
    for fixture in fixtures() {
        decoding::<VerifyingKey>(fixture.key.verifying(), &mut random);
        decoding::<CompiledModel>(fixture.key.model(), &mut random);
        decoding::<Proof>(&fixture.proved.proof, &mut random);
    }
}

/// The file of a proof with so many public values of a byte each, and nothing else.
fn values_alone(path: &Path, values: u64) {
    let mut payload = vec![0xab; 32];
    // Opening, no lengths, an input.
    payload.extend([0, 0, 1]);
    let mut rest = values;
    while rest >= 0x80 {
        payload.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    payload.push(rest as u8);
    payload.resize(payload.len() + values as usize, 1);
    payload.extend([0, 0]);
    std::fs::write(path, sealed(Proof::KIND.tag(), Proof::VERSION, &payload)).unwrap();
}

/// 30 and 120 MB of public values, of which each takes eight bytes once it is decoded.
#[test]
fn a_hostile_proof_takes_no_more_than_the_key_allows() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.proof");
    for megabytes in [30, 120] {
        let bytes = megabytes * 1_000_000;
        values_alone(&path, bytes);
        for fixture in fixtures() {
            let limits = fixture.trusted.statement().proof_limits();
            let (with_key, read) = peak(|| read_proof(&path, &limits));
            assert!(read.unwrap_err().to_string().contains("has at most"));
            let (outline, read) = peak(|| outline_file(&path));
            assert_eq!(read.unwrap().input.unwrap().length, bytes);
            let (without, read) = peak(|| read_file::<Proof>(&path).map(drop));
            assert!(
                read.unwrap_err()
                    .to_string()
                    .contains("without the verifying key")
            );
            println!(
                "{megabytes} MB: {with_key} with the key, {outline} to look at it, {without} without the key"
            );
            assert!(with_key < 1 << 12 && outline < 1 << 18 && without < bytes as usize + (1 << 18));
        }
    }
    // As many as are read without a key.
    values_alone(&path, MAXIMUM_VALUES);
    let (peak, read) = peak(|| read_file::<Proof>(&path).map(drop));
    read.unwrap();
    println!("{MAXIMUM_VALUES} values: {peak}");
    assert!(peak < 16 * MAXIMUM_VALUES as usize);
}

/// A file that is no larger than a proof of the key, but full of values.
#[test]
fn values_in_the_place_of_messages_are_not_decoded() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.proof");
    for fixture in fixtures() {
        let limits = fixture.trusted.statement().proof_limits();
        values_alone(&path, limits.bytes - 200);
        let (peak, read) = peak(|| read_proof(&path, &limits));
        assert!(read.unwrap_err().to_string().contains("values of the input"));
        assert!(
            peak < limits.bytes as usize + (1 << 14),
            "{peak} bytes of {}",
            limits.bytes
        );
    }
}

/// Fills a key.
type Alter<'a> = &'a dyn Fn(&mut VerifyingKey);

/// The largest files of keys, full of what takes a byte or two there and many times that in memory.
#[test]
fn a_hostile_key_takes_a_small_multiple_of_its_largest_file() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let honest = fixtures()[0].key.verifying();
    let alter: [(&str, Alter<'_>); 6] = [
        ("classes", &|key| {
            key.network.classes = vec![String::new(); (1 << 24) - 8192]
        }),
        ("columns", &|key| {
            let mut column = key.weights.columns[0].clone();
            column.name.clear();
            key.weights.columns = vec![column; 1 << 21];
        }),
        ("nodes", &|key| {
            let mut node = key.network.graph.nodes[0].clone();
            node.name.clear();
            key.network.graph.nodes = vec![node; 1 << 19];
        }),
        ("parameters", &|key| {
            let mut parameter = key.network.graph.parameters[0].clone();
            parameter.path.clear();
            parameter.shape.clear();
            key.network.graph.parameters = vec![parameter; 5 << 20];
        }),
        ("operands", &|key| {
            key.network.graph.nodes[1].inputs = vec![NodeId(0); (1 << 24) - 8192]
        }),
        ("outputs", &|key| {
            key.network.graph.outputs = vec![NodeId(0); (1 << 24) - 8192]
        }),
    ];
    for (what, alter) in alter {
        let mut key = honest.clone();
        alter(&mut key);
        key.weights.setup_proof.clear();
        let bytes = to_bytes(&key).unwrap();
        drop(key);
        assert!(bytes.len() > 5 << 20, "{what}: {}", bytes.len());
        let (peak, verdict) =
            peak(|| from_bytes::<VerifyingKey>(&bytes).is_ok_and(|key| verify_setup(&key.weights).is_ok()));
        println!("{what}: {peak} bytes for {}", bytes.len());
        assert!(
            !verdict && peak <= 3 * bytes.len(),
            "{what}: {peak} bytes for {}",
            bytes.len()
        );
    }
}
