//! Files: every artifact comes back as it was; a damaged, foreign or malicious one gives a typed error, never a panic.

use crate::ops;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::fixture::{CONTEXT, fixture, fixtures, hidden, judge, rotated, whole_network};
use crate::argument::Statement;
use crate::circuit::{
    Circuit, CircuitError, Column, ColumnId, ColumnKind, Factor, Linear, Public, Table, Term, View,
};
use crate::field::M61;
use crate::graph::{
    ChannelScales, IntParameter, IntTensor, NodeId, ParameterId, ParameterRole, Preprocessing,
};
use crate::keys::VerifyingKey;
use crate::keys::{CompiledModel, ProveError, ProvingKey};
use crate::ops::IntOp;
use crate::pcs::Rows;
use crate::poly::PaddedShape;
use crate::privacy::Privacy;
use crate::proof::{
    Artifact, CHECKSUM_BYTES, FileError, FormatError, HEADER_BYTES, Proof, Replacement, from_bytes,
    map_file_with_section, read_file, to_bytes, write_file, write_with_section,
};
use crate::prove::prove;
use crate::setup::{SetupOptions, rotate, setup};
use crate::setup::{StoredParameter, StoredProvingKey};
use crate::transcript::VerifyError;
use crate::verify::verify;

fn path(folder: &tempfile::TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Puts the right checksum behind an altered container.
fn seal(bytes: &mut [u8]) {
    let end = bytes.len() - CHECKSUM_BYTES;
    let checksum = *blake3::hash(&bytes[..end]).as_bytes();
    bytes[end..].copy_from_slice(&checksum);
}

fn stored() -> StoredProvingKey {
    StoredProvingKey::of(&fixture().key)
}

/// The rows of weights behind it.
fn rows() -> Vec<i8> {
    fixture().key.commitments.cells.to_vec()
}

fn write_stored(path: &std::path::Path, stored: &StoredProvingKey, rows: &[i8]) -> Result<u64, FileError> {
    write_with_section(Replacement::begin(path, true)?, stored, rows)
}

fn read_stored(stored: &StoredProvingKey, rows: &[i8]) -> Result<ProvingKey, ProveError> {
    let folder = folder();
    let file = path(&folder, "key");
    write_stored(&file, stored, rows).expect("write");
    ProvingKey::read_file(&file)
}

/// The file of the key.
fn key_bytes() -> Vec<u8> {
    let folder = folder();
    let file = path(&folder, "key");
    write_stored(&file, &stored(), &rows()).expect("write");
    std::fs::read(&file).expect("read")
}

/// Reads a container with a section.
fn map_bytes<T: Artifact>(bytes: &[u8]) -> Result<(), FormatError> {
    let folder = folder();
    let file = path(&folder, "key");
    std::fs::write(&file, bytes).expect("write");
    match map_file_with_section::<T>(&file) {
        Ok(_) => Ok(()),
        Err(FileError::Format { error, .. }) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn every_artifact_comes_back_as_it_was() {
    let f = fixture();
    let folder = folder();
    let [a, b, c] = ["a", "b", "c"].map(|name| path(&folder, name));
    write_file(&a, &f.key.verifying).expect("write");
    write_file(&b, &f.proof).expect("write");
    write_file(&c, &f.key.model).expect("write");
    let key: VerifyingKey = read_file(&a).expect("read");
    let proof: Proof = read_file(&b).expect("read");
    let model: CompiledModel = read_file(&c).expect("read");
    assert_eq!((&key, &proof), (&f.key.verifying, &f.proof));
    verify(&key, &proof, CONTEXT).expect("verify");
    assert_eq!(
        to_bytes(&model).expect("bytes"),
        to_bytes(&f.key.model).expect("bytes")
    );
}

#[test]
fn a_proving_key_from_a_file_proves_for_the_same_verifying_key() {
    let f = fixture();
    let folder = folder();
    let file = path(&folder, "key");
    let size = f.key.write_file(&file).expect("write");
    assert_eq!(size, std::fs::metadata(&file).expect("file").len());
    let key = ProvingKey::read_file(&file).expect("read");
    assert_eq!(key.verifying, f.key.verifying);
    let proof = prove(&key, &f.input, b"again").expect("prove");
    assert_eq!(proof.public, f.proof.public);
    verify(&f.key.verifying, &proof, b"again").expect("verify");
}

/// Truncated, extended, altered without and with a new checksum, of another version or kind.
fn damaged<T: Artifact, Other: Artifact>(artifact: &T) {
    let bytes = to_bytes(artifact).expect("bytes");
    damaged_bytes::<T>(
        bytes,
        |bytes| from_bytes::<T>(bytes).map(drop),
        |bytes| from_bytes::<Other>(bytes).map(drop),
    );
}

/// The same of the bytes of a `T`, which `read` reads, and `other` for another artifact.
fn damaged_bytes<T: Artifact>(
    bytes: Vec<u8>,
    read: impl Fn(&[u8]) -> Result<(), FormatError>,
    other_kind: impl Fn(&[u8]) -> Result<(), FormatError>,
) {
    let mut rng = StdRng::seed_from_u64(1);
    for cut in [0, 3, 4, HEADER_BYTES, bytes.len() / 2, bytes.len() - 1] {
        assert!(
            matches!(read(&bytes[..cut]), Err(FormatError::Truncated { .. })),
            "cut at {cut}"
        );
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(matches!(
        read(&longer),
        Err(FormatError::TrailingBytes { found: 1, .. })
    ));
    for _ in 0..100 {
        let mut altered = bytes.clone();
        let at = rng.gen_range(HEADER_BYTES..altered.len());
        altered[at] ^= 1 << rng.gen_range(0..8);
        assert!(matches!(read(&altered), Err(FormatError::Checksum)), "byte {at}");
    }
    // Older versions, and the next one, are refused by name.
    for other in (0..T::VERSION).chain([T::VERSION + 1]) {
        let mut version = bytes.clone();
        version[8..12].copy_from_slice(&other.to_le_bytes());
        seal(&mut version);
        let error = read(&version).err();
        let expected = FormatError::WrongVersion {
            kind: T::KIND,
            expected: T::VERSION,
            found: other,
        };
        let text = error.as_ref().map(ToString::to_string).unwrap_or_default();
        assert_eq!(error, Some(expected));
        assert!(
            text.contains(T::KIND.name()) && text.contains(&other.to_string()),
            "{text}"
        );
    }
    assert!(matches!(other_kind(&bytes), Err(FormatError::WrongKind { .. })));
    let mut magic = bytes;
    magic[0] = b'X';
    assert!(matches!(read(&magic), Err(FormatError::WrongMagic { .. })));
}

#[test]
fn damaged_artifacts_are_refused_by_type() {
    let f = fixture();
    damaged::<VerifyingKey, Proof>(&f.key.verifying);
    damaged::<Proof, CompiledModel>(&f.proof);
    damaged::<CompiledModel, VerifyingKey>(&f.key.model);
    damaged_bytes::<StoredProvingKey>(
        key_bytes(),
        map_bytes::<StoredProvingKey>,
        map_bytes::<CompiledModel>,
    );
    let folder = folder();
    let file = path(&folder, "key");
    write_file(&file, &f.key.verifying).expect("write");
    let wrong = ProvingKey::read_file(&file).err();
    let is_kind = |error: &FileError| {
        matches!(
            error,
            FileError::Format {
                error: FormatError::WrongKind { .. },
                ..
            }
        )
    };
    assert!(
        matches!(&wrong, Some(ProveError::File(error)) if is_kind(error)),
        "{wrong:?}"
    );
}

#[test]
fn a_proving_key_with_other_weights_is_not_the_one_of_its_commitment() {
    let mut weights = rows();
    let cell = weights.iter_mut().find(|cell| **cell != 0).expect("a weight");
    *cell = -*cell;
    let mut root = stored();
    root.weights.roots[0][0] ^= 1;
    for (stored, rows) in [(&stored(), &weights), (&root, &rows())] {
        match read_stored(stored, rows).err().expect("another commitment") {
            ProveError::Malformed { place, .. } => assert!(place.contains("commitment to the weights")),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_proving_key_whose_parts_do_not_fit_is_refused() {
    type Alter<'a> = (&'a str, &'a dyn Fn(&mut StoredProvingKey));
    fn op(key: &mut StoredProvingKey, wanted: fn(&IntOp) -> bool) -> &mut IntOp {
        key.model
            .network
            .graph
            .nodes
            .iter_mut()
            .map(|node| &mut node.op)
            .find(|op| wanted(op))
            .expect("an operation")
    }
    /// A parameter of the fixture's network, altered.
    fn parameter(index: usize, alter: impl FnOnce(&mut [i32])) -> IntParameter {
        let mut parameter = fixture().key.model.network.graph.parameters[index].clone();
        let mut values = parameter.values.to_array();
        alter(values.as_slice_mut().expect("in order"));
        parameter.values = values.into();
        parameter
    }
    fn in_rows(key: &mut StoredProvingKey, index: usize, shape: Vec<usize>) {
        let path = fixture().key.model.network.graph.parameters[index].path.clone();
        key.parameters[index] = StoredParameter::InRows { path, shape };
    }
    fn rescale(key: &mut StoredProvingKey) -> &mut IntOp {
        op(key, |op| matches!(op, IntOp::Rescale(_)))
    }
    let alterations: [Alter<'_>; 41] = [
        ("row length", &|key| key.code.log_row = 0),
        ("long rows", &|key| key.code.log_row = u32::MAX),
        ("long codewords", &|key| key.code.log_codeword = 30),
        ("no queries", &|key| key.code.queries = 0),
        ("few queries", &|key| key.code.queries = 3),
        ("rows", &|key| key.weights.rows = usize::MAX),
        ("no limbs", &|key| key.model.network.limb_bits = 0),
        ("wide limbs", &|key| key.model.network.limb_bits = u32::MAX),
        ("other limbs", &|key| key.model.network.limb_bits = 7),
        ("a scale less", &|key| key.model.network.output_scales.truncate(1)),
        ("a scale of nothing", &|key| {
            key.model.network.graph.nodes[1].fact.scale = f64::NAN
        }),
        ("operand out of range", &|key| {
            key.model.network.graph.nodes[2].inputs = vec![NodeId(usize::MAX)]
        }),
        ("operand after its user", &|key| {
            key.model.network.graph.nodes[1].inputs = vec![NodeId(3)]
        }),
        ("no operand", &|key| {
            key.model.network.graph.nodes[1].inputs.clear()
        }),
        ("input out of range", &|key| {
            key.model.network.graph.input = NodeId(99)
        }),
        ("output out of range", &|key| {
            key.model.network.graph.outputs = vec![NodeId(99)]
        }),
        ("no outputs", &|key| key.model.network.graph.outputs.clear()),
        ("no nodes", &|key| key.model.network.graph.nodes.clear()),
        ("no parameters", &|key| key.parameters.clear()),
        ("a parameter too many", &|key| {
            key.parameters.push(key.parameters[0].clone())
        }),
        ("a parameter of the model", &|key| {
            key.model.network.graph.parameters.push(parameter(0, |_| {}))
        }),
        ("weights apart from the section", &|key| {
            key.parameters[0] = StoredParameter::Here(parameter(0, |_| {}))
        }),
        ("a bias as weights", &|key| in_rows(key, 1, vec![5])),
        ("another bias", &|key| {
            key.parameters[1] = StoredParameter::Here(parameter(1, |bias| bias[0] += 1))
        }),
        ("weights of another shape", &|key| {
            in_rows(key, 0, vec![3, 5, 3, 3])
        }),
        ("weights of a large shape", &|key| {
            in_rows(key, 0, vec![1 << 16, 1 << 16])
        }),
        ("weights of an absurd shape", &|key| {
            in_rows(key, 0, vec![usize::MAX, usize::MAX])
        }),
        ("parameter out of range", &|key| {
            *op(key, |op| matches!(op, IntOp::Linear(_))) = IntOp::Linear(ops::Linear {
                weight: ParameterId(77),
                bias: None,
            });
        }),
        ("huge weights", &|key| {
            key.parameters[0] = StoredParameter::Here(parameter(0, |weights| weights.fill(i32::MAX)))
        }),
        ("huge shape", &|key| {
            key.model.network.graph.nodes[0].fact.shape = vec![1, 3, usize::MAX, usize::MAX]
        }),
        ("large shape", &|key| {
            key.model.network.graph.nodes[0].fact.shape = vec![1, 3, 1 << 28, 1 << 28]
        }),
        ("empty shape", &|key| {
            key.model.network.graph.nodes[0].fact.shape = vec![0, 3, 9, 9]
        }),
        ("range", &|key| {
            key.model.network.graph.nodes[0].fact.range = (i64::MIN, i64::MAX)
        }),
        ("range upside down", &|key| {
            key.model.network.graph.nodes[0].fact.range = (1, -1)
        }),
        ("range of an accumulator", &|key| {
            key.model.network.graph.nodes[1].fact.range = (-1, 1)
        }),
        ("axis", &|key| {
            if let IntOp::Rescale(ops::Rescale { axis, .. }) = rescale(key) {
                *axis = usize::MAX;
            }
        }),
        ("shift", &|key| {
            if let IntOp::Rescale(ops::Rescale { shift, .. }) = rescale(key) {
                *shift = u32::MAX;
            }
        }),
        ("domain", &|key| {
            if let IntOp::Rescale(ops::Rescale { table, .. }) = rescale(key) {
                table.domain_bits = u32::MAX;
            }
        }),
        ("multiplier", &|key| {
            if let IntOp::Rescale(ops::Rescale { multipliers, .. }) = rescale(key) {
                multipliers[0] = i64::MIN;
            }
        }),
        ("window", &|key| {
            if let IntOp::MaxPool2d(ops::MaxPool2d { window }) =
                op(key, |op| matches!(op, IntOp::MaxPool2d(_)))
            {
                window.padding = [1 << 61; 2];
                window.kernel = [1 << 62; 2];
                window.stride = [1 << 62; 2];
            }
        }),
        ("groups", &|key| {
            if let IntOp::Conv2d(ops::Conv2d { groups, .. }) = op(key, |op| matches!(op, IntOp::Conv2d(_))) {
                *groups = 0;
            }
        }),
    ];
    for (what, alter) in alterations {
        let mut altered = stored();
        alter(&mut altered);
        let result = catch_unwind(AssertUnwindSafe(|| read_stored(&altered, &rows())));
        let error = result
            .unwrap_or_else(|_| panic!("{what}: panicked"))
            .err()
            .unwrap_or_else(|| panic!("{what}: accepted"));
        let typed = matches!(
            error,
            ProveError::Unsupported(_)
                | ProveError::InvariantViolation(VerifyError::Key(_))
                | ProveError::Malformed { .. }
                | ProveError::Insecure { .. }
        );
        assert!(typed, "{what}: {error}");
    }
}

#[test]
fn models_of_absurd_size_are_refused_before_anything_of_that_size_is_made() {
    let refused = |alter: &dyn Fn(&mut CompiledModel)| {
        let mut model = whole_network(18);
        alter(&mut model);
        match model.lower() {
            Err(ProveError::Unsupported(error)) => error,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("accepted"),
        }
    };
    // An argmax over as many values as fit an index, without any weights.
    let error = refused(&|model| {
        let graph = &mut model.network.graph;
        graph.nodes.truncate(1);
        graph.parameters.clear();
        graph.nodes[0].fact.shape = vec![1, 1 << 30];
        let mut node = graph.nodes[0].clone();
        node.name = "argmax".into();
        node.op = IntOp::Argmax(ops::Argmax { axis: 1 });
        node.inputs = vec![NodeId(0)];
        node.fact.shape = vec![1];
        node.fact.range = (0, (1 << 30) - 1);
        graph.nodes.push(node);
        graph.outputs = vec![NodeId(1)];
        model.network.output_scales = vec![ChannelScales::one(1.0)];
    });
    assert!(matches!(error, CircuitError::Unsupported { .. }), "{error}");
    // An input that no machine holds.
    let error = refused(&|model| {
        let graph = &mut model.network.graph;
        graph.nodes.truncate(1);
        graph.parameters.clear();
        graph.nodes[0].fact.shape = vec![1 << 20, 1 << 20];
        graph.outputs = vec![NodeId(0)];
        model.network.output_scales = vec![ChannelScales::one(1.0)];
    });
    assert!(matches!(error, CircuitError::Malformed { .. }), "{error}");
}

/// Flips, overwrites, inserts or removes bytes of the payload; keeps header and checksum right.
fn mutate(bytes: &[u8], rng: &mut StdRng) -> Vec<u8> {
    let mut payload = bytes[HEADER_BYTES..bytes.len() - CHECKSUM_BYTES].to_vec();
    for _ in 0..rng.gen_range(1..3) {
        let at = rng.gen_range(0..payload.len());
        match rng.gen_range(0..5) {
            0 => payload[at] ^= 1 << rng.gen_range(0..8),
            1 => payload[at] = rng.gen_range(0..4),
            2 => payload[at] = [0xff, 0x7f, 0x80][rng.gen_range(0..3)],
            3 => payload.insert(at, rng.r#gen()),
            _ => drop(payload.remove(at)),
        }
    }
    let mut altered = bytes[..HEADER_BYTES].to_vec();
    altered[HEADER_BYTES - 8..].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    altered.extend(payload);
    altered.extend([0; CHECKSUM_BYTES]);
    seal(&mut altered);
    altered
}

#[test]
fn a_mutated_verifying_key_never_makes_the_verifier_panic() {
    let f = fixture();
    // Without the setup proof, which would take most of the mutations; it is not part of the statement.
    let mut bare = f.key.verifying.clone();
    bare.weights.setup_proof.clear();
    let bytes = to_bytes(&bare).expect("bytes");
    let mut rng = StdRng::seed_from_u64(3);
    let (mut decoded, mut derived) = (0, 0);
    for _ in 0..2_000 {
        let altered = mutate(&bytes, &mut rng);
        let Ok(key) = from_bytes::<VerifyingKey>(&altered) else {
            continue;
        };
        if key == bare {
            continue;
        }
        decoded += 1;
        // The proof claims the altered key, so that verification goes as far as it can.
        let proof = Proof {
            key: key.digest().expect("digest"),
            ..f.proof.clone()
        };
        let result = catch_unwind(AssertUnwindSafe(|| verify(&key, &proof, CONTEXT)));
        result
            .expect("a panic")
            .expect_err("another statement, or no proof of its weights");
        if proof.key == f.proof.key {
            continue;
        }
        let result = catch_unwind(AssertUnwindSafe(|| judge(&key, &proof, CONTEXT)));
        let error = result.expect("a panic").expect_err("another statement");
        derived += usize::from(!matches!(error, VerifyError::Key(_)));
    }
    // Otherwise the test would show nothing.
    assert!(
        decoded > 200 && derived > 50,
        "{decoded} decoded, {derived} got as far as the proof"
    );
}

#[test]
fn a_circuit_cannot_ask_for_absurd_amounts() {
    type Alter<'a> = (&'a str, &'a dyn Fn(&mut Circuit));
    fn kind(circuit: &mut Circuit, wanted: fn(&ColumnKind) -> bool) -> usize {
        circuit
            .columns
            .iter()
            .position(|column| wanted(&column.kind))
            .expect("a column")
    }
    let alterations: [Alter<'_>; 6] = [
        ("a public input of 2^36 cells", &|circuit| {
            let index = kind(circuit, |kind| {
                matches!(kind, ColumnKind::Public(Public::Input { .. }))
            });
            circuit.columns[index].shape = PaddedShape::new(&[1 << 18, 1 << 18]);
        }),
        ("a committed column of 2^36 cells", &|circuit| {
            let column = Column::new("large", &[1 << 18, 1 << 18], ColumnKind::trace(true));
            circuit.columns.push(column);
        }),
        ("a view that must be written out", &|circuit| {
            let factors = vec![Factor::affine(&[(0, 3)], 1, 0)];
            let public = Public::Output {
                index: 2,
                minimum: 0,
                maximum: 1,
            };
            circuit
                .columns
                .push(Column::new("large", &[1 << 30], ColumnKind::trace(true)));
            let source = ColumnId(circuit.columns.len() as u32 - 1);
            let view = ColumnKind::View(View { source, factors });
            circuit.columns.push(Column::new("view", &[2], view));
            circuit
                .columns
                .push(Column::new("output.2", &[2], ColumnKind::Public(public)));
            let left = ColumnId(source.0 + 1);
            let right = ColumnId(source.0 + 2);
            let difference = ColumnKind::Linear(Linear::difference(left, right));
            circuit
                .columns
                .push(Column::new("output.2/difference", &[2], difference));
            circuit.equalities.push(ColumnId(source.0 + 3));
        }),
        ("a table of 2^40 rows", &|circuit| {
            circuit.tables.push(Table::range(40))
        }),
        ("many tables", &|circuit| {
            (0..100).for_each(|_| circuit.tables.push(Table::range(20)))
        }),
        ("claims that multiply", &|circuit| {
            // Each column is the sum of two rearrangements of the one before: its variables turned, and two of them
            // exchanged. Together they reach every order of ten variables, each another point.
            let columns = &mut circuit.columns;
            let mut push = |shape: &[usize], kind: ColumnKind| {
                columns.push(Column::new("c", shape, kind));
                ColumnId(columns.len() as u32 - 1)
            };
            let view = |source, factors| ColumnKind::View(View { source, factors });
            let mut source = push(&[1024], ColumnKind::trace(true));
            for _ in 0..24 {
                let split = push(
                    &[2, 512],
                    view(source, vec![Factor::reshape(0..2, &[2, 512], 0..1)]),
                );
                let turned = push(
                    &[512, 2],
                    view(split, vec![Factor::identity(0, 1), Factor::identity(1, 0)]),
                );
                let turned = push(&[1024], view(turned, vec![Factor::reshape(0..1, &[1024], 0..2)]));
                let split = push(
                    &[2, 2, 256],
                    view(source, vec![Factor::reshape(0..3, &[2, 2, 256], 0..1)]),
                );
                let order = [(0, 1), (1, 0), (2, 2)];
                let factors = order.map(|(to, from)| Factor::identity(to, from)).to_vec();
                let exchanged = push(&[2, 2, 256], view(split, factors));
                let exchanged = push(
                    &[1024],
                    view(exchanged, vec![Factor::reshape(0..1, &[1024], 0..3)]),
                );
                let coefficient = M61::from(1u64);
                let terms = [turned, exchanged]
                    .map(|column| Term { coefficient, column })
                    .to_vec();
                source = push(
                    &[1024],
                    ColumnKind::Linear(Linear {
                        terms,
                        constant: M61::from(0u64),
                    }),
                );
            }
            circuit.equalities.push(source);
        }),
    ];
    let f = fixture();
    for (what, alter) in alterations {
        let mut circuit = f.key.lowered.circuit.clone();
        alter(&mut circuit);
        // As if a network had been lowered to it.
        let result = catch_unwind(AssertUnwindSafe(|| {
            circuit.validate()?;
            Statement::lowered(
                &f.key.verifying,
                &f.key.verifying.network,
                Cow::Borrowed(&circuit),
            )
            .map(|_| ())
        }));
        let error = result
            .unwrap_or_else(|_| panic!("{what}: panicked"))
            .expect_err(what);
        assert!(matches!(error, VerifyError::Key(_)), "{what}: {error}");
    }
}

#[test]
fn a_verifying_key_cannot_ask_for_absurd_amounts() {
    type Alter<'a> = (&'a str, &'a dyn Fn(&mut VerifyingKey));
    let alterations: [Alter<'_>; 8] = [
        ("a short row", &|key| key.weights.code.log_row = 1),
        ("a codeword of 2^30 points", &|key| {
            (key.weights.code.log_row, key.weights.code.log_codeword) = (26, 30)
        }),
        ("a column of weights of 2^40 cells", &|key| {
            key.weights.columns[0].shape = PaddedShape::new(&[1 << 20, 1 << 20])
        }),
        ("columns without end", &|key| {
            let column = key.weights.columns[0].clone();
            key.weights.columns.resize(1 << 17, column)
        }),
        ("an input of 2^46 cells", &|key| {
            key.network.graph.nodes[0].fact.shape = vec![1, 3, 1 << 22, 1 << 22]
        }),
        ("nodes without end", &|key| {
            let node = key.network.graph.nodes[0].clone();
            key.network.graph.nodes.resize(1 << 15, node)
        }),
        ("classes without end", &|key| {
            key.network.classes = vec![String::new(); 1 << 17]
        }),
        ("channels without end", &|key| {
            let preprocessing = Preprocessing {
                mean: vec![0.0; 1 << 12],
                ..Preprocessing::default()
            };
            key.network.preprocessing = Some(preprocessing);
        }),
    ];
    let f = fixture();
    for (what, alter) in alterations {
        let mut key = f.key.verifying.clone();
        alter(&mut key);
        let proof = Proof {
            key: key.digest().expect("digest"),
            ..f.proof.clone()
        };
        let result = catch_unwind(AssertUnwindSafe(|| judge(&key, &proof, CONTEXT)));
        let error = result
            .unwrap_or_else(|_| panic!("{what}: panicked"))
            .expect_err(what);
        assert!(matches!(error, VerifyError::Key(_)), "{what}: {error}");
    }
}

#[test]
fn a_mutated_model_or_proving_key_file_never_panics() {
    let folder = folder();
    let file = path(&folder, "key");
    let bytes = key_bytes();
    let mut rng = StdRng::seed_from_u64(4);
    let mut decoded = 0;
    for round in 0..600 {
        let altered = mutate(&bytes, &mut rng);
        std::fs::write(&file, &altered).expect("write");
        if map_file_with_section::<StoredProvingKey>(&file).is_err() {
            continue;
        }
        decoded += 1;
        let result = catch_unwind(AssertUnwindSafe(|| {
            ProvingKey::read_file(&file).map(|key| key.verifying)
        }));
        match result.unwrap_or_else(|_| panic!("round {round}: a panic")) {
            // The verifying key does not speak of the correspondence to the float network and of unused parameters.
            Ok(key) => assert_eq!(
                key.weights.commitments,
                fixture().key.verifying.weights.commitments
            ),
            Err(ProveError::InvalidInput(error)) => panic!("{error}"),
            Err(_) => {}
        }
    }
    assert!(decoded > 100, "{decoded} decoded");
}

/// Where the section of the key's file begins, and the length of the encoding before it.
fn section_of(bytes: &[u8]) -> (usize, usize) {
    let encoding =
        u64::from_le_bytes(bytes[HEADER_BYTES..HEADER_BYTES + 8].try_into().expect("eight")) as usize;
    (bytes.len() - CHECKSUM_BYTES - rows().len(), encoding)
}

#[test]
fn weights_stand_in_the_file_once_and_as_they_are() {
    let bytes = key_bytes();
    let (start, encoding) = section_of(&bytes);
    assert_eq!(start % 4096, 0);
    assert!(start - (HEADER_BYTES + 8 + encoding) < 4096);
    let section: Vec<i8> = bytes[start..bytes.len() - CHECKSUM_BYTES]
        .iter()
        .map(|byte| byte.cast_signed())
        .collect();
    assert_eq!(section, rows());
    // Nothing of them is in the encoding: its length is that without any.
    let mut bare = stored();
    for parameter in &mut bare.parameters {
        if let StoredParameter::InRows { shape, .. } = parameter {
            shape.iter_mut().for_each(|size| *size = 1);
        }
    }
    assert_eq!(
        postcard::to_extend(&bare, Vec::new()).expect("bytes").len(),
        encoding
    );
}

#[test]
fn a_section_that_is_not_that_of_the_key_is_refused() {
    let whole = rows();
    let row = 1 << fixture().key.verifying.weights.code.log_row;
    let longer = [whole.as_slice(), &vec![0; row]].concat();
    let shifted = [&[0], &whole[..whole.len() - 1]].concat();
    for rows in [
        &[],
        &whole[..1],
        &whole[..whole.len() - 1],
        &whole[row..],
        &longer,
    ] {
        match read_stored(&stored(), rows).err().expect("another length") {
            ProveError::Malformed { place, found, .. } => assert!(
                place.contains("section of weights") && found == format!("{} bytes", rows.len())
                    || found.starts_with("shape"),
                "{place}: {found}"
            ),
            other => panic!("{other}"),
        }
    }
    // One byte further than it should begin.
    let error = read_stored(&stored(), &shifted).err().expect("misaligned");
    assert!(matches!(error, ProveError::Malformed { .. }), "{error}");
}

#[test]
fn what_is_before_the_section_is_checked() {
    let bytes = key_bytes();
    let (start, encoding) = section_of(&bytes);
    let read = |alter: &dyn Fn(&mut Vec<u8>)| {
        let mut altered = bytes.clone();
        alter(&mut altered);
        seal(&mut altered);
        map_bytes::<StoredProvingKey>(&altered).expect_err("altered")
    };
    let announce = |length: u64| {
        move |bytes: &mut Vec<u8>| {
            bytes[HEADER_BYTES..HEADER_BYTES + 8].copy_from_slice(&length.to_le_bytes())
        }
    };
    let payload = bytes.len() - HEADER_BYTES - CHECKSUM_BYTES;
    for length in [
        0,
        1,
        encoding - 1,
        encoding + 1,
        payload - 8,
        payload - 7,
        usize::MAX,
    ] {
        let error = read(&announce(length as u64));
        assert!(matches!(error, FormatError::Decode { .. }), "{length}: {error}");
    }
    let padding = HEADER_BYTES + 8 + encoding;
    assert!(padding < start);
    for place in [padding, start - 1] {
        let error = read(&|bytes| bytes[place] = 1);
        let offset = (place - HEADER_BYTES) as u64;
        assert!(
            matches!(error, FormatError::NonCanonical { offset: found, .. } if found == offset),
            "{error}"
        );
    }
    // Containers that end before their section begins, or hold nothing.
    for end in [
        start - 1,
        padding,
        HEADER_BYTES + 8,
        HEADER_BYTES + 7,
        HEADER_BYTES,
    ] {
        let error = read(&|bytes| {
            bytes.truncate(end + CHECKSUM_BYTES);
            let payload = (end - HEADER_BYTES) as u64;
            bytes[HEADER_BYTES - 8..HEADER_BYTES].copy_from_slice(&payload.to_le_bytes());
        });
        assert!(matches!(error, FormatError::Decode { .. }), "{end}: {error}");
    }
}

/// Whether every reader of a key's weights refers to the same memory.
fn assert_shared(key: &ProvingKey, mapped: bool) {
    let cells = &key.commitments.cells;
    assert_eq!(cells.is_mapped(), mapped);
    for number in 0..key.verifying.weights.commitments.roots.len() {
        let matrix = key.commitment(number).expect("a commitment");
        let Rows::Int8(rows) = matrix.rows() else {
            panic!("rows of field elements")
        };
        assert!(rows.is_same_memory(cells), "commitment {number}");
    }
    let columns = key.lowered.parameters.iter();
    assert!(columns.clone().count() > 2);
    for column in columns {
        assert!(column.cells.cells().is_same_memory(cells));
    }
    for parameter in &key.model.network.graph.parameters {
        match &parameter.values {
            IntTensor::Int8(tensor) => assert!(tensor.cells().is_same_memory(cells), "{}", parameter.path),
            IntTensor::Int8Blocks(tensor) => assert!(tensor.is_in(cells), "{}", parameter.path),
            IntTensor::Int32(_) => assert_eq!(parameter.role, ParameterRole::Bias),
        }
    }
}

#[test]
fn all_who_read_weights_refer_to_one_copy() {
    for (_, f) in fixtures() {
        assert_shared(&f.key, false);
    }
    assert!(hidden().key.verifying.weights.commitments.roots.len() > 1);
    let key = rotated();
    assert_shared(key, false);
    assert!(
        key.commitments
            .cells
            .is_same_memory(&hidden().key.commitments.cells)
    );
    let folder = folder();
    let file = path(&folder, "key");
    let private = whole_network(18).with_privacy(Privacy::default());
    let made = setup(private, &SetupOptions::default()).expect("setup");
    made.write_file(&file).expect("write");
    let read = ProvingKey::read_file(&file).expect("read");
    assert_shared(&read, true);
    let model = ProvingKey::read_model(&file).expect("read");
    for (ours, theirs) in model
        .network
        .graph
        .parameters
        .iter()
        .zip(&made.model.network.graph.parameters)
    {
        assert_eq!((&ours.path, &ours.values), (&theirs.path, &theirs.values));
    }
    // The key of a mapped key is written to a file like any other.
    let next = rotate(&read).expect("rotate");
    assert_shared(&next, true);
    let other = path(&folder, "next");
    next.write_file(&other).expect("write");
    assert_shared(&ProvingKey::read_file(&other).expect("read"), true);
}

#[test]
fn a_mapped_key_stays_what_it_was_when_another_takes_its_name() {
    let f = fixture();
    let folder = folder();
    let file = path(&folder, "key");
    f.key.write_file(&file).expect("write");
    let key = ProvingKey::read_file(&file).expect("read");
    let other = setup(
        whole_network(19).with_privacy(Privacy::PUBLIC),
        &SetupOptions::default(),
    )
    .expect("setup");
    other.write_file(&file).expect("replace");
    assert_ne!(
        ProvingKey::read_file(&file).expect("read").verifying,
        key.verifying
    );
    let proof = prove(&key, &f.input, b"replaced").expect("prove");
    verify(&f.key.verifying, &proof, b"replaced").expect("verify");
    std::fs::remove_file(&file).expect("remove");
    let proof = prove(&key, &f.input, b"removed").expect("prove");
    verify(&f.key.verifying, &proof, b"removed").expect("verify");
    // It can take its name back.
    key.write_file(&file).expect("write");
    assert_eq!(std::fs::read(&file).expect("read"), key_bytes());
}

#[test]
#[cfg(unix)]
fn the_file_of_a_proving_key_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let file = path(&folder, "key");
    fixture().key.write_file(&file).expect("write");
    let mode = std::fs::metadata(&file).expect("file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // Nothing is left beside it.
    assert_eq!(std::fs::read_dir(folder.path()).expect("folder").count(), 1);
    let nowhere = path(&folder, "missing/key");
    assert!(matches!(
        fixture().key.write_file(&nowhere),
        Err(ProveError::File(FileError::NotFound { .. }))
    ));
}
