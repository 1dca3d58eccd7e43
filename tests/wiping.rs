//! Memory that held secrets is overwritten before it is given back: an allocator looks for them in every block that is
//! freed.

#![cfg(feature = "prover")]
#![allow(
    unsafe_code,
    reason = "an allocator that looks at what is freed cannot be written without"
)]
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use ndarray::ArrayD;
use zkml::field::M61;
use zkml::field::kernels::PackedMatrix;
use zkml::graph::{GraphBuilder, IntTensor, Parameter};
use zkml::keys::CompiledModel;
use zkml::ops::{Float, Linear};
use zkml::pcs::{CodeParameters, CommittedMatrix, Keep, MatrixOracle, Rows, Tails};
use zkml::prelude::*;
use zkml::proof::{read_file, write_file};
use zkml::quant::{Calibration, CalibrationMethod, QuantizeOptions, quantize};
use zkml::secret::Seed;
use zkml::setup::{SetupOptions, setup};

/// Bytes that are looked for.
const LENGTH: usize = 32;

/// Looks for a secret in what is freed.
struct Looking;

/// The secret. Written while nobody looks.
struct Secret(UnsafeCell<[u8; LENGTH]>);

// SAFETY: it is written while `LOOKING` is 0, by the test that holds `ALONE`, and read while it is 1.
unsafe impl Sync for Secret {}

static SECRET: Secret = Secret(UnsafeCell::new([0; LENGTH]));
static LOOKING: AtomicUsize = AtomicUsize::new(0);
static FOUND: AtomicUsize = AtomicUsize::new(0);
static ALONE: Mutex<()> = Mutex::new(());

fn look(pointer: *const u8, size: usize) {
    if LOOKING.load(Ordering::Acquire) == 0 || size < LENGTH {
        return;
    }
    // SAFETY: the block is allocated until this returns, and its bytes are only read. They may be uninitialized, which
    // the test accepts: it never runs outside of this file.
    let block = unsafe { core::slice::from_raw_parts(pointer, size) };
    // SAFETY: see `Secret`.
    let secret = unsafe { &*SECRET.0.get() };
    if block
        .windows(LENGTH)
        .any(|window| window[0] == secret[0] && window == secret)
    {
        FOUND.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Looking {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that `System` asks for. Zeros, so that no block holds an old secret.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        look(pointer, layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // A block that moves leaves a copy behind.
        look(pointer, layout.size());
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Looking = Looking;

/// In how many blocks that `work` freed the secret stood.
fn left_behind<T>(secret: &[u8], work: impl FnOnce() -> T) -> usize {
    let secret: [u8; LENGTH] = secret[..LENGTH].try_into().unwrap();
    assert!(
        secret.iter().any(|byte| *byte != secret[0]),
        "a secret that is no chance"
    );
    // SAFETY: nobody looks, and the caller holds `ALONE`.
    unsafe { *SECRET.0.get() = secret };
    FOUND.store(0, Ordering::Relaxed);
    LOOKING.store(1, Ordering::Release);
    let result = work();
    drop(result);
    LOOKING.store(0, Ordering::Release);
    FOUND.load(Ordering::Relaxed)
}

/// A linear layer of 128 weights.
fn small_model() -> CompiledModel {
    model(false)
}

/// The same, perhaps with biases that take more than a byte.
fn model(with_bias: bool) -> CompiledModel {
    let values = |shape: &[usize]| {
        let value = |at: usize| ((at * 7919 + 13) % 255) as f32 / 127.0 - 1.0;
        let count = shape.iter().product();
        ArrayD::from_shape_vec(shape, (0..count).map(value).collect()).unwrap()
    };
    let mut builder = GraphBuilder::<Float>::new();
    let x = builder.input("x", &[1, 8]).unwrap();
    let weight = builder.parameter(Parameter {
        path: "fc.weight".into(),
        values: values(&[16, 8]),
    });
    let bias = with_bias.then(|| {
        builder.parameter(Parameter {
            path: "fc.bias".into(),
            values: values(&[16]).mapv(|value| 3.0 * value),
        })
    });
    let y = builder.add("fc", Linear { weight, bias }, &[x]).unwrap();
    let graph = builder.finish(vec![y]).unwrap();
    let calibration = Calibration::collect(&graph, [values(&[1, 8])], CalibrationMethod::MinMax).unwrap();
    let network = quantize(&graph, &calibration, &QuantizeOptions::default()).unwrap();
    CompiledModel::new("small", network)
}

fn weights(model: &CompiledModel) -> Vec<u8> {
    let parameters = model.network.graph.parameters.iter();
    let mut bytes = parameters.filter_map(|parameter| {
        let bytes = parameter.values.to_bytes()?;
        Some(bytes.into_iter().map(i8::cast_unsigned).collect::<Vec<u8>>())
    });
    bytes.find(|bytes| bytes.len() >= LENGTH).unwrap()
}

#[test]
fn the_allocator_sees_what_is_left_behind() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let secret: Vec<u8> = (100..100 + LENGTH as u8).collect();
    assert_eq!(left_behind(&secret, || secret.clone()), 1);
}

/// A compiled model holds the weights: in a file, in its encoding, and in memory that is shared.
#[test]
fn a_model_that_was_written_and_read_leaves_no_weights() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let model = small_model();
    let secret = weights(&model);
    assert_eq!(
        left_behind(&secret, || write_file(&path, &model).unwrap()),
        0,
        "written"
    );
    assert_eq!(
        left_behind(&secret, || read_file::<CompiledModel>(&path).unwrap()),
        0,
        "read"
    );
}

/// The file of a key has its rows as they are in memory, and the encoding of its secret before them.
#[test]
fn a_key_that_was_written_leaves_neither_weights_nor_its_secret() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let options = SetupOptions {
        proofs_per_key: 4,
        ..SetupOptions::default()
    };
    let key = setup(small_model().with_privacy(Privacy::default()), &options).unwrap();
    key.write_file(&path).unwrap();
    let file = std::fs::read(&path).unwrap();
    let rows = &file[file.len() - 32 - 64..file.len() - 32];
    let encoding = u64::from_le_bytes(file[20..28].try_into().unwrap()) as usize;
    // The roots follow the secret: `Some`, 32 bytes, their number, the first of them.
    let root = key.verifying().weights.commitments.roots[0];
    let roots = file.windows(32).position(|window| window == root).unwrap();
    let secret = &file[roots - 33..roots - 1];
    assert!(roots < 28 + encoding && file[roots - 34] == 1);
    assert_eq!(
        left_behind(secret, || key.write_file(&path).unwrap()),
        0,
        "the secret"
    );
    if rows.iter().any(|byte| *byte != rows[0]) {
        assert_eq!(left_behind(rows, || key.write_file(&path).unwrap()), 0, "weights");
    }
    let drop_key = || drop(key);
    assert_eq!(
        left_behind(secret, drop_key),
        0,
        "the secret of a key that is dropped"
    );
}

/// What executions multiply: weights in the order of the kernels, biases in words of 32 and of 64 bits.
#[test]
fn a_key_that_made_a_proof_leaves_neither_packed_weights_nor_biases() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let options = SetupOptions {
        proofs_per_key: 4,
        ..SetupOptions::default()
    };
    let key = || setup(model(true).with_privacy(Privacy::default()), &options).unwrap();
    let parameters = key().model().network.graph.parameters.clone();
    let [weight, bias] = [0, 1].map(|place| parameters[place].values.to_vec());
    assert!(matches!(parameters[1].values, IntTensor::Int32(_)));
    // Four terms of each output, and those of the next one.
    let packed: Vec<u8> = (0..8)
        .flat_map(|output| weight[output * 8..][..4].iter().map(|&weight| weight as i8 as u8))
        .collect();
    // That is how a matrix is packed: one that nobody overwrites is found.
    let matrix = || PackedMatrix::new(|output, _, term| weight[output * 8 + term] as i8, [16, 1, 8]);
    assert_eq!(left_behind(&packed, matrix), 1);
    let narrow: Vec<u8> = bias.iter().flat_map(|bias| bias.to_le_bytes()).collect();
    let sum = |output: usize| {
        weight[output * 8..][..8]
            .iter()
            .map(|&weight| i64::from(weight))
            .sum::<i64>()
    };
    let prove = |key: &zkml::keys::ProvingKey| {
        let fact = &key.model().network.graph[key.model().network.graph.input].fact;
        let input = ArrayD::from_shape_fn(fact.shape.clone(), |at| at[1] as i64 - 3);
        zkml::prove::prove(key, &input, b"").unwrap();
        fact.range.0.min(0)
    };
    let low = prove(&key());
    let wide: Vec<u8> = bias
        .iter()
        .enumerate()
        .flat_map(|(output, &bias)| (i64::from(bias) + low * sum(output)).to_le_bytes())
        .collect();
    for (secret, what) in [
        (packed, "packed weights"),
        (narrow, "biases"),
        (wide, "wide biases"),
    ] {
        let key = key();
        let work = || {
            prove(&key);
            drop(key);
        };
        assert_eq!(left_behind(&secret, work), 0, "{what}");
    }
}

/// Encoded rows with their randomness, and the leaves that are hashed from them, also of a commitment that keeps its
/// tree alone.
#[test]
fn a_commitment_leaves_no_encoded_cells() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let parameters = CodeParameters {
        log_row: 8,
        tail: 40,
        log_codeword: 10,
        queries: 10,
        log_stride: 0,
        digest_bytes: 32,
        grinding_bits: 0,
    };
    let code = parameters.wide();
    let cells: Vec<M61> = (0..64u64 << 8).map(|cell| M61::from(cell * cell + 7)).collect();
    let commit = |keep| {
        let seed = Seed::from_bytes([5; 32]);
        CommittedMatrix::commit_with(Rows::Field(cells.clone()), code, seed, Tails::whole(&code), keep)
            .unwrap()
    };
    // Four neighbouring cells of an opened column, as they stand in memory and in what is hashed.
    for symbol in [0, 300, 1023] {
        let column = commit(Keep::Tree).columns(&[symbol]).unwrap();
        let secret: Vec<u8> = column
            .iter()
            .take(4)
            .flat_map(|cell| cell.value.to_le_bytes())
            .collect();
        for keep in [Keep::Tree, Keep::Codeword] {
            assert_eq!(
                left_behind(&secret, || commit(keep)),
                0,
                "{keep:?}, column {symbol}"
            );
        }
    }
}
