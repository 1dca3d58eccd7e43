//! The fuzz targets: each takes any bytes, panics where something is wrong, and says whether they could be decoded.

use zkml::graph::Graph;
use zkml::keys::{Budget, BudgetError, CompiledModel, Owner, ProvingKey, Purpose};
use zkml::keys::{VerifyingKey, WeightsKey};
use zkml::nn::Weights;
use zkml::proof::{Artifact, CHECKSUM_BYTES, HEADER_BYTES, Header, Proof};
use zkml::proof::{from_bytes, to_bytes};
use zkml::transcript::{VerifierChannel, VerifierTranscript, VerifyError};
use zkml::verify::ReadableOutputs;
use zkml::verify::{TrustedKey, verify, verify_setup};

use super::mutation::{Choices, Step, mutate, mutate_setup};
use super::{CONTEXT, Fixture, KEY_FILE, Proved, fixture_with, fixtures, graph, with_file};

/// A target: its name, what it does, and valid inputs to start from, one for each fixture.
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]) -> bool,
    pub seed: fn(&Fixture) -> Vec<u8>,
}

/// What was altered, and what the verifier says.
pub type Verdict = (Vec<Step>, Result<(), VerifyError>);

/// All of them but `verify_mutated` and `setup_mutated`, whose input is choices.
pub const DECODERS: [Target; 10] = [
    Target {
        name: "container",
        run: container,
        seed: |fixture| to_bytes(&fixture.proved.proof).expect("bytes"),
    },
    Target {
        name: "verifying_key",
        run: verifying_key,
        seed: |fixture| payload(fixture.key.verifying()),
    },
    Target {
        name: "proof",
        run: proof,
        seed: |fixture| payload(&fixture.proved.proof),
    },
    Target {
        name: "compiled_model",
        run: compiled_model,
        seed: |fixture| payload(fixture.key.model()),
    },
    Target {
        name: "proving_key",
        run: proving_key,
        seed: |fixture| inner(proving_key_file(fixture)),
    },
    Target {
        name: "weights",
        run: weights,
        seed: |_| super::weights_file(),
    },
    Target {
        name: "weights_index",
        run: weights_index,
        seed: |_| {
            br#"{"metadata":{"total_size":180},"weight_map":{"conv.weight":"tiny.safetensors","conv.bias":"tiny.safetensors","head.weight":"tiny.safetensors","head.bias":"tiny.safetensors"}}"#.to_vec()
        },
    },
    Target {
        name: "readable_outputs",
        run: readable_outputs,
        seed: |fixture| {
            let outputs = ReadableOutputs::new(fixture.trusted.statement(), &fixture.proved.proof.public)
                .expect("outputs");
            serde_json::to_vec(&outputs).expect("json")
        },
    },
    Target {
        name: "transcript",
        run: transcript,
        seed: |_| (0..1000u32).map(|index| (index % 31) as u8).collect(),
    },
    Target {
        name: "budget",
        run: budget,
        seed: |_| {
            let folder = tempfile::tempdir().expect("folder");
            let budget = Budget::create_beside(&folder.path().join("key"), &OWNER, 9, 3).expect("budget");
            std::fs::read(budget.path().expect("path")).expect("counter")
        },
    },
];

/// The payload of an artifact's container.
fn payload<T: Artifact>(artifact: &T) -> Vec<u8> {
    inner(to_bytes(artifact).expect("bytes"))
}

fn inner(container: Vec<u8>) -> Vec<u8> {
    container[HEADER_BYTES..container.len() - CHECKSUM_BYTES].to_vec()
}

fn proving_key_file(fixture: &Fixture) -> Vec<u8> {
    std::fs::read(fixture.files.path().join(KEY_FILE)).expect("read")
}

/// A container around a payload, with the right length and checksum: what any attacker can make.
pub fn sealed(tag: [u8; 4], version: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + HEADER_BYTES + CHECKSUM_BYTES);
    bytes.extend(b"ZKML");
    bytes.extend(tag);
    bytes.extend(version.to_le_bytes());
    bytes.extend((payload.len() as u64).to_le_bytes());
    bytes.extend(payload);
    let checksum = *blake3::hash(&bytes).as_bytes();
    bytes.extend(checksum);
    bytes
}

/// The artifact with that payload; if there is one, its encoding is that payload and no other.
fn decode<T: Artifact>(payload: &[u8]) -> Option<T> {
    let bytes = sealed(T::KIND.tag(), T::VERSION, payload);
    let artifact = from_bytes::<T>(&bytes).ok()?;
    assert!(
        to_bytes(&artifact).expect("encodes again") == bytes,
        "two encodings of one {}",
        T::KIND
    );
    Some(artifact)
}

/// Accepted only if it is what was proved.
fn judge_other(fixture: &Fixture, proved: &Proved, steps: &[Step]) -> Result<(), VerifyError> {
    let verdict = fixture.judge(proved);
    let honest = *proved == fixture.proved || *proved == fixture.other;
    if honest == verdict.is_ok() {
        return verdict;
    }
    let steps: Vec<String> = steps.iter().map(Step::to_string).collect();
    panic!("honest: {honest}, verdict: {verdict:?}, after {steps:?}");
}

pub fn container(bytes: &[u8]) -> bool {
    if let Ok(header) = Header::parse(bytes) {
        // The announced size is hostile.
        let _ = header.container_bytes();
    }
    let kinds = [
        from_bytes::<VerifyingKey>(bytes).is_ok(),
        from_bytes::<Proof>(bytes).is_ok(),
        from_bytes::<CompiledModel>(bytes).is_ok(),
    ];
    assert!(kinds.iter().filter(|&&accepted| accepted).count() <= 1);
    let whole = with_file("container", bytes, |path| zkml::proof::inspect_file(path).is_ok());
    assert!(whole || kinds == [false; 3]);
    whole
}

pub fn verifying_key(bytes: &[u8]) -> bool {
    let Some(key) = decode::<VerifyingKey>(bytes) else {
        return false;
    };
    let fixture = fixture_with(|fixture| fixture.key.verifying().privacy() == key.privacy());
    let Ok(digest) = key.digest() else { return false };
    // The proof claims that key, so that verification goes as far as it can.
    let proof = Proof {
        key: digest,
        ..fixture.proved.proof.clone()
    };
    let verdict = verify(&key, &proof, CONTEXT);
    assert_eq!(verdict.is_ok(), key == *fixture.key.verifying(), "{verdict:?}");
    // Somebody may have been talked into trusting the weights. Their setup proof does not belong to the digest.
    let Ok(weights) = key.weights.digest() else {
        return false;
    };
    if let Ok(trusted) = TrustedKey::remembered(&key, &weights) {
        let verdict = trusted.verify(&proof, CONTEXT);
        assert_eq!(verdict.is_ok(), digest == fixture.trusted.digest(), "{verdict:?}");
        let _ = ReadableOutputs::new(trusted.statement(), &fixture.proved.proof.public);
    }
    let _ = key
        .network
        .architecture()
        .difference(&fixture.key.verifying().network.architecture());
    let _ = key.network.difference(&fixture.key.verifying().network);
    let _ = key.network.to_string();
    true
}

pub fn proof(bytes: &[u8]) -> bool {
    let Some(proof) = decode::<Proof>(bytes) else {
        return false;
    };
    let fixture = fixture_with(|fixture| fixture.proved.proof.key == proof.key);
    let _ = ReadableOutputs::new(fixture.trusted.statement(), &proof.public);
    let proved = Proved {
        proof,
        ..fixture.proved.clone()
    };
    let _ = judge_other(fixture, &proved, &[]);
    true
}

pub fn compiled_model(bytes: &[u8]) -> bool {
    let Some(model) = decode::<CompiledModel>(bytes) else {
        return false;
    };
    let _ = model.skeleton().to_string();
    model.lower().is_ok()
}

pub fn proving_key(bytes: &[u8]) -> bool {
    // Of the version that is written today.
    let version = Header::parse(&proving_key_file(&fixtures()[0]))
        .expect("header")
        .version;
    let bytes = sealed(zkml::proof::Kind::ProvingKey.tag(), version, bytes);
    with_file(KEY_FILE, &bytes, |path| {
        // The counters lie beside it, as far as the altered key has one.
        let counters = fixtures()
            .iter()
            .flat_map(|fixture| fixture.files.path().read_dir().expect("folder"));
        for counter in counters.map(|entry| entry.expect("entry").path()) {
            if counter.extension().is_some_and(|extension| extension == "budget") {
                let name = counter.file_name().expect("name");
                // A copy would be refused as such.
                std::fs::hard_link(&counter, path.with_file_name(name)).expect("link");
            }
        }
        let decoded = ProvingKey::read_model(path).is_ok();
        let used = ProvingKey::read_file(path).is_ok_and(|key| key.verifying().digest().is_ok());
        assert!(decoded || !used);
        used
    })
}

pub fn weights(bytes: &[u8]) -> bool {
    with_file("tiny.safetensors", bytes, load)
}

pub fn weights_index(bytes: &[u8]) -> bool {
    with_file("model.safetensors.index.json", bytes, |path| {
        let shard = path.with_file_name("tiny.safetensors");
        std::fs::write(shard, super::weights_file()).expect("write");
        load(path)
    })
}

fn load(path: &std::path::Path) -> bool {
    let Ok(weights) = Weights::open(path) else {
        return false;
    };
    for name in weights.names() {
        assert!(weights.shape(name).is_some());
    }
    let loaded: Result<(Graph<_>, _), _> = graph().load(&weights);
    loaded.is_ok_and(|(graph, report)| {
        assert!(!graph.parameters.is_empty() && report.is_complete());
        true
    })
}

pub fn readable_outputs(bytes: &[u8]) -> bool {
    let Ok(outputs) = serde_json::from_slice::<ReadableOutputs>(bytes) else {
        return false;
    };
    let shown = outputs.outputs.is_some();
    let fixture = fixture_with(|fixture| fixture.proved.proof.public.outputs.is_some() == shown);
    let expected =
        ReadableOutputs::new(fixture.trusted.statement(), &fixture.proved.proof.public).expect("outputs");
    let _ = outputs.check(&expected);
    // What is compared exactly: numbers may differ by the last digits of their text.
    if expected.check(&outputs).is_ok() {
        let exact = |outputs: &ReadableOutputs| {
            let tensors = outputs.outputs.iter().flatten();
            let tensors: Vec<_> = tensors
                .map(|one| (one.shape.clone(), one.integers.clone()))
                .collect();
            (outputs.model.clone(), outputs.class, tensors)
        };
        assert_eq!(exact(&outputs), exact(&expected));
    }
    true
}

/// Reads what the first eighth of the bytes asks for from the rest.
pub fn transcript(bytes: &[u8]) -> bool {
    let (program, messages) = bytes.split_at(bytes.len() / 8);
    let mut choices = Choices::new(program);
    let mut transcript = VerifierTranscript::recording("fuzz", messages);
    let mut read = 0;
    while !choices.is_empty() {
        let operation = choices.below(9);
        // Counts that are small, and counts that no proof can hold.
        let choice = choices.word(1);
        let count = (if choice < 240 {
            choice % 6
        } else {
            choice << choices.below(56)
        }) as usize;
        let expected = match operation {
            0 => transcript
                .read_scalars("scalars", count)
                .map(|values| (values.len(), 16)),
            1 => transcript
                .read_extension("extension", count)
                .map(|values| (values.len(), 16)),
            2 => transcript
                .read_base("base", count)
                .map(|values| (values.len(), 8)),
            3 => transcript.read_digest("digest").map(|_| (1, 32)),
            4 => transcript.grind("grind", 1 + (count % 2) as u32).map(|()| (1, 8)),
            5 => {
                let bound = 1 + count % 5000;
                let positions = transcript.positions("positions", bound / 2, bound);
                assert!(positions.is_sorted_by(|a, b| a < b) && positions.iter().all(|&at| at < bound));
                continue;
            }
            6 => {
                transcript.harden("harden", count as u64 % 64);
                continue;
            }
            7 => {
                transcript.absorb("absorb", program);
                continue;
            }
            _ => {
                let _ = transcript.challenge("challenge");
                continue;
            }
        };
        let Ok((elements, size)) = expected else {
            return read > 0;
        };
        assert!(operation > 2 || elements == count);
        read += elements * size;
        assert!(read <= messages.len());
    }
    assert_eq!(transcript.finish().is_ok(), read == messages.len());
    true
}

/// Whose counter it is.
const OWNER: Owner = Owner::new([7; 32], [8; 32]);

pub fn budget(bytes: &[u8]) -> bool {
    let folder = tempfile::tempdir().expect("folder");
    let key = folder.path().join("key");
    let path = Budget::create_beside(&key, &OWNER, 9, 3).and_then(|budget| {
        let path = budget.path();
        budget.retire().map(|()| path)
    });
    std::fs::write(path.expect("create").expect("path"), bytes).expect("write");
    let budget = match Budget::open_beside(&key, &OWNER, 9) {
        Ok(budget) => budget,
        // It is read, and is the counter of another file.
        Err(BudgetError::Moved { .. }) => return true,
        Err(_) => return false,
    };
    let used = budget.used().expect("used");
    match budget.take(Purpose::Rotation) {
        Ok(number) => assert!(number == used && number < 9),
        Err(_) => assert_eq!(used, 9),
    }
    true
}

/// Alters the setup proof of a valid key as the bytes say, and checks it.
pub fn setup_mutated(bytes: &[u8]) -> Verdict {
    let mut choices = Choices::new(bytes);
    let fixtures = fixtures();
    let fixture = &fixtures[choices.below(fixtures.len())];
    let (setup_proof, steps) = mutate_setup(fixture, &mut choices);
    let honest = setup_proof == fixture.key.verifying().weights.setup_proof;
    let key = WeightsKey {
        setup_proof,
        ..fixture.key.verifying().weights.clone()
    };
    let verdict = verify_setup(&key);
    assert_eq!(honest, verdict.is_ok(), "{verdict:?} after {steps:?}");
    (steps, verdict)
}

/// Alters a valid proof as the bytes say, and verifies it. The verdict, for reports.
pub fn verify_mutated(bytes: &[u8]) -> Verdict {
    let mut choices = Choices::new(bytes);
    let fixtures = fixtures();
    let fixture = &fixtures[choices.below(fixtures.len())];
    let (proved, steps) = mutate(fixture, &mut choices);
    let verdict = judge_other(fixture, &proved, &steps);
    (steps, verdict)
}
