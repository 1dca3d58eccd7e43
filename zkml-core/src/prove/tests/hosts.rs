//! Hostile files and hosts: a key file that changes under the prover, names that forge lines, sizes that are lies.

use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use super::fixture::{CONTEXT, fixture, fixtures, hidden, large, whole_network};
use super::network::Network;
use crate::argument::Statement;
use crate::graph::{ChannelScales, MAXIMUM_NODES, MAXIMUM_OUTPUTS};
use crate::keys::{CompiledModel, NetworkSkeleton, ProveError, ProvingKey, VerifyingKey};
use crate::optimize::{Level, PassReport};
use crate::privacy::Privacy;
use crate::proof::{
    Artifact, CHECKSUM_BYTES, FileError, FormatError, OVERHEAD_BYTES, Replacement, from_bytes,
    proof_from_bytes, read_proof, to_bytes, write_file, write_with_section,
};
use crate::prove::{Input, prove, prove_with_secrets};
use crate::quant::Warning;
use crate::setup::{SetupOptions, StoredProvingKey, setup};
use crate::verify::verify;

/// Writes into the file of a key: each weight becomes its complement.
fn rewrite(path: &Path, section: usize) {
    let bytes = std::fs::read(path).expect("read");
    let end = bytes.len() - CHECKSUM_BYTES;
    let altered: Vec<u8> = bytes[end - section..end].iter().map(|byte| !byte).collect();
    let mut file = std::fs::File::options().write(true).open(path).expect("open");
    file.seek(SeekFrom::Start((end - section) as u64)).expect("seek");
    file.write_all(&altered).expect("write");
}

/// The rows that a proof combines are pages of the file. If they change, the combination is that of other weights than
/// the opened columns', and the two together tell of the difference. No such proof is handed out.
#[test]
fn a_key_file_that_is_written_to_meanwhile_gives_no_proof() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("key");
    let model = whole_network(18).with_privacy(Privacy::default());
    let input = Network::random_input(1, &model);
    setup(model, &SetupOptions::default())
        .expect("setup")
        .write_file(&path)
        .expect("write");
    let key = ProvingKey::read_file(&path).expect("read");
    let section = key.commitments.cells.len();
    let used = || key.budget().expect("a budget").used().expect("used");
    prove(&key, &input, CONTEXT).expect("prove");
    assert_eq!(used(), 1);
    rewrite(&path, section);
    let error = prove(&key, &input, CONTEXT).expect_err("another key");
    assert!(matches!(&error, ProveError::Invalid(_)), "{error}");
    assert!(error.to_string().contains("is spent"), "{error}");
    assert_eq!(used(), 2);
    rewrite(&path, section);
    let proof = prove(&key, &input, CONTEXT).expect("as before");
    verify(&key.verifying, &proof, CONTEXT).expect("verify");
}

/// Whoever has the key knows how large a proof may be; no proof is larger, and not much may be added to it.
#[test]
fn the_largest_proof_follows_from_the_key() {
    let large = large().iter().map(|fixture| ("large", fixture));
    for (name, f) in fixtures().into_iter().chain(large) {
        let limits = Statement::new(&f.key.verifying)
            .expect("statement")
            .proof_limits();
        let bytes = to_bytes(&f.proof).expect("bytes");
        let found = bytes.len() as u64;
        println!("{name}: {found} bytes, at most {}", limits.bytes);
        assert!(
            found <= limits.bytes && limits.bytes < found + found / 3,
            "{name}: {limits:?}"
        );
        assert_eq!(proof_from_bytes(&bytes, &limits), Ok(f.proof.clone()));
        let mut longer = f.proof.clone();
        longer
            .messages
            .resize(longer.messages.len() + found as usize / 2, 0);
        let error = proof_from_bytes(&to_bytes(&longer).expect("bytes"), &limits).expect_err("longer");
        assert!(matches!(error, FormatError::OtherProof { .. }), "{error}");
        // In a file that is no larger, with other values.
        let mut other = f.proof.clone();
        other.messages.clear();
        other.public.outputs = Some(vec![vec![0; 100]; 3]);
        let error = proof_from_bytes(&to_bytes(&other).expect("bytes"), &limits).expect_err("more values");
        assert!(matches!(error, FormatError::TooMany { .. }), "{error}");
    }
    let folder = tempfile::tempdir().expect("folder");
    let (path, f) = (folder.path().join("proof"), fixture());
    let limits = Statement::new(&f.key.verifying)
        .expect("statement")
        .proof_limits();
    write_file(&path, &f.proof).expect("write");
    assert_eq!(read_proof(&path, &limits).expect("read"), f.proof);
    // A larger file is refused for its size alone, before it is read.
    std::fs::File::options()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_len(limits.bytes + 1))
        .expect("grow");
    let mut header = std::fs::read(&path).expect("read")[..20].to_vec();
    header[12..20].copy_from_slice(&(limits.bytes + 1 - OVERHEAD_BYTES).to_le_bytes());
    let mut file = std::fs::File::options().write(true).open(&path).expect("open");
    file.write_all(&header).expect("write");
    let error = read_proof(&path, &limits).expect_err("too large");
    assert!(
        matches!(
            &error,
            FileError::Format {
                error: FormatError::OtherProof { .. },
                ..
            }
        ),
        "{error}"
    );
}

/// A name that would forge the line that people compare, one that moves the cursor, and one that is too long.
fn bad_names() -> [String; 3] {
    [
        "lenet\nkey          00".into(),
        "lenet\u{1b}[2A".into(),
        "n".repeat(129),
    ]
}

/// Puts a name in its place.
type Alter<'a, T> = &'a dyn Fn(&mut T);

/// The bytes of a container with this payload, however it came about.
fn container<T: Artifact>(payload: &[u8]) -> Vec<u8> {
    let mut bytes = b"ZKML".to_vec();
    bytes.extend(T::KIND.tag());
    bytes.extend(T::VERSION.to_le_bytes());
    bytes.extend((payload.len() as u64).to_le_bytes());
    bytes.extend(payload);
    let checksum = *blake3::hash(&bytes).as_bytes();
    bytes.extend(checksum);
    bytes
}

/// Refused when it is written, and when someone else has written it.
fn refused<T: Artifact>(artifact: &T, what: &str) {
    let payload = postcard::to_stdvec(artifact).expect("payload");
    for error in [
        to_bytes(artifact).expect_err(what),
        from_bytes::<T>(&container::<T>(&payload)).err().expect(what),
    ] {
        assert!(matches!(error, FormatError::Name { .. }), "{what}: {error}");
        let text = error.to_string();
        assert!(
            !text.contains(char::is_control) && text.len() < 300,
            "{what}: {text:?}"
        );
    }
}

#[test]
fn names_that_forge_a_line_are_refused_wherever_they_stand() {
    let f = fixture();
    for name in bad_names() {
        let places: [(&str, Alter<'_, NetworkSkeleton>); 4] = [
            ("model", &|network| network.name.clone_from(&name)),
            ("layer", &|network| network.graph.nodes[1].name.clone_from(&name)),
            ("parameter", &|network| {
                network.graph.parameters[0].path.clone_from(&name)
            }),
            ("class", &|network| network.classes = vec![name.clone(); 10]),
        ];
        for (place, alter) in places {
            let mut key = f.key.verifying.clone();
            alter(&mut key.network);
            refused::<VerifyingKey>(&key, place);
            // A skeleton may come from elsewhere, as from JSON.
            let error = Statement::new(&key).expect_err(place).to_string();
            assert!(error.contains("control characters"), "{place}: {error}");
            assert!(!error.contains(char::is_control), "{place}: {error:?}");
        }
        let mut key = f.key.verifying.clone();
        key.weights.columns[0].name.clone_from(&name);
        refused::<VerifyingKey>(&key, "column");
        let error = Statement::of_setup(&key.weights).expect_err("column").to_string();
        assert!(!error.contains(char::is_control), "{error:?}");

        let places: [(&str, Alter<'_, CompiledModel>); 9] = [
            ("model", &|model| model.name.clone_from(&name)),
            ("layer", &|model| {
                model.network.graph.nodes[1].name.clone_from(&name)
            }),
            ("parameter", &|model| {
                model.network.graph.parameters[0].path.clone_from(&name)
            }),
            ("class", &|model| {
                model.network.record.classes = vec![name.clone(); 10]
            }),
            ("pass", &|model| {
                model.network.record.passes = vec![report(&name, "")]
            }),
            ("report", &|model| {
                let line = format!("{}\n", name.escape_default());
                model.network.record.passes = vec![report("pass", &line)];
            }),
            ("wider", &|model| {
                model.network.record.wider = vec![(name.clone(), 12)]
            }),
            ("equalized", &|model| {
                model.network.record.equalized = vec![format!("{}\n", name.escape_default())];
            }),
            ("warning", &|model| {
                let layer = format!("{}\n", name.escape_default());
                model.network.record.warnings = vec![Warning::ZeroWeights { layer }];
            }),
        ];
        let folder = tempfile::tempdir().expect("folder");
        for (place, alter) in places {
            let mut model = f.key.model.clone();
            alter(&mut model);
            refused::<CompiledModel>(&model, place);
            if place == "parameter" {
                continue;
            }
            let mut stored = StoredProvingKey::of(&f.key);
            alter_stored(&mut stored, alter);
            let path = folder.path().join("key");
            let file = Replacement::begin(&path, true).expect("begin");
            let error = write_with_section(file, &stored, &f.key.commitments.cells).expect_err(place);
            assert!(error.to_string().contains("is refused"), "{place}: {error}");
            assert_eq!(std::fs::read_dir(folder.path()).expect("folder").count(), 0);
        }
        let mut model = whole_network(3);
        model.name.clone_from(&name);
        assert!(setup(model, &SetupOptions::default()).is_err());
    }
    // Names of the longest kind are names.
    let mut key = f.key.verifying.clone();
    key.network.name = "n".repeat(128);
    to_bytes(&key).expect("a key");
}

/// An entry of three bytes in a file takes 72 in memory, so no list of a key is longer than that of a network can be.
#[test]
fn scales_are_no_more_than_a_network_can_have() {
    let honest = &fixture().key.verifying;
    let places: [(usize, Alter<'_, NetworkSkeleton>); 2] = [
        (MAXIMUM_NODES, &|network| {
            network.input_scales = vec![EMPTY; MAXIMUM_NODES + 1]
        }),
        (MAXIMUM_OUTPUTS, &|network| {
            network.output_scales = vec![EMPTY; MAXIMUM_OUTPUTS + 1]
        }),
    ];
    for (most, alter) in places {
        let mut key = honest.clone();
        alter(&mut key.network);
        let read = |key: &VerifyingKey| {
            let payload = postcard::to_stdvec(key).expect("payload");
            from_bytes::<VerifyingKey>(&container::<VerifyingKey>(&payload))
        };
        let error = read(&key).expect_err("too many");
        assert!(matches!(error, FormatError::Decode { .. }), "{error}");
        key.network.input_scales.truncate(most);
        key.network.output_scales.truncate(most);
        // They can be read, and are refused with the network.
        let error = Statement::new(&read(&key).expect("a key"))
            .expect_err("scales")
            .to_string();
        assert!(error.contains("scales of"), "{error}");
    }
}

const EMPTY: ChannelScales = ChannelScales {
    axes: Vec::new(),
    scales: Vec::new(),
    offsets: Vec::new(),
};

fn report(pass: &str, change: &str) -> PassReport {
    PassReport {
        level: Level::Circuit,
        pass: pass.to_owned().into(),
        enabled: true,
        changes: vec![change.to_owned()],
        effect: Vec::new(),
    }
}

fn alter_stored(stored: &mut StoredProvingKey, alter: &dyn Fn(&mut CompiledModel)) {
    alter(&mut stored.model);
}

/// What `Debug` writes of everything that holds private inputs, outputs or weights has none of their values.
#[test]
fn what_is_private_is_not_in_debug() {
    let f = hidden();
    let key = setup(f.key.model.clone(), &SetupOptions::default()).expect("setup");
    let proven = prove_with_secrets(&key, Input::Values(&f.input), CONTEXT).expect("prove");
    let execution = key.execute(core::slice::from_ref(&f.input)).expect("execute");
    let texts = [
        format!("{:?}", key.model),
        format!("{:?}", key.lowered.parameters),
        format!("{:?}", Input::<crate::pcs::CommittedMatrix>::Values(&f.input)),
        format!("{:?}", proven.answer),
        format!("{execution:?}"),
        format!("{:?}", key.layers.get()),
        format!("{:?}", key.budget()),
        format!("{:?}", key.commitments.cells),
    ];
    let three = |values: &[i64]| format!("{}, {}, {}", values[0], values[1], values[2]);
    let weights = key.model.network.graph.parameters[0].values.to_vec();
    let weights: Vec<i64> = weights.into_iter().map(i64::from).collect();
    let input: Vec<i64> = f.input.iter().copied().collect();
    let outputs = &proven.answer.outputs[0];
    for text in &texts {
        for values in [&weights[..], &input[..], &outputs[..]] {
            assert!(!text.contains(&three(values)), "{text}");
        }
    }
}
