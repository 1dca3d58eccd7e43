//! What the fuzz targets in `fuzz/` and the tests that are no fuzzing share: a small network with two proofs, ways to
//! alter them, and the targets themselves.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test and each target uses its part"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

pub mod mutation;
pub mod targets;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use ndarray::ArrayD;
use safetensors::tensor::{Dtype, TensorView};
use zkml::graph::Graph;
use zkml::keys::{CompiledModel, ProvingKey};
use zkml::nn::Weights;
use zkml::ops::Symbolic;
use zkml::optimize::{Switches, optimize};
use zkml::prelude::*;
use zkml::proof::Proof;
use zkml::prove::prove;
use zkml::quant::{Calibration, QuantizeOptions, quantize};
use zkml::setup::{SetupOptions, setup};
use zkml::transcript::{Event, PROTOCOL_SETUP, VerifierTranscript, VerifyError};
use zkml::verify::{TrustedKey, verify_setup_recording};

/// What the proofs are bound to.
pub const CONTEXT: &[u8] = b"fuzz";

/// What a proving key's file is called, and what the name of its counter begins with.
pub const KEY_FILE: &str = "fuzz.pk";

/// Every part of the argument, as small as can be.
#[zk_model(input = [1, 1, 6, 6])]
struct Tiny {
    #[layer(in_channels = 1, out_channels = 2, kernel_size = 3)]
    conv: Conv2d,
    #[layer(in_features = 8, out_features = 3)]
    head: Linear,
}

#[zk_model]
impl Tiny {
    fn forward(&self, x: Tensor) -> Tensor {
        self.head(flatten(max_pool2d(relu(self.conv(x)), 2), 1))
    }
}

/// Uniform numbers, the same on every run (SplitMix64).
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Below `bound`, nearly uniform.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.word() % bound.max(1) as u64) as usize
    }

    /// In [-1, 1).
    fn real(&mut self) -> f32 {
        (self.word() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.word() as u8).collect()
    }
}

/// One proof and what it is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    pub proof: Proof,
    pub context: Vec<u8>,
}

/// A key and two proofs on different inputs.
pub struct Fixture {
    pub key: &'static ProvingKey,
    pub trusted: TrustedKey<'static>,
    pub proved: Proved,
    pub other: Proved,
    /// The messages of `proved`, in order.
    pub messages: Vec<Event>,
    /// The setup proof of another key for the same model, and the messages of the setup proof, in order.
    pub other_setup: Vec<u8>,
    pub setup_messages: Vec<Event>,
    /// The folder with the key's files: `fuzz.pk` and, with private weights, the counter of its openings.
    pub files: tempfile::TempDir,
}

impl Fixture {
    fn new(privacy: Privacy) -> Self {
        let model = small_model().with_privacy(privacy);
        // Fewer proofs make smaller keys and nothing else.
        let options = SetupOptions {
            proofs_per_key: 4,
            ..SetupOptions::default()
        };
        let other_setup = setup(model.clone(), &options)
            .expect("setup")
            .verifying()
            .weights
            .setup_proof
            .clone();
        // There are few fixtures, and they stay.
        let key: &ProvingKey = Box::leak(Box::new(setup(model, &options).expect("setup")));
        let verifying = key.verifying();
        let trusted = TrustedKey::new(verifying).expect("setup proof");
        let mut random = Random(2);
        let [proved, other] = [(); 2].map(|()| prove_image(key, &mut random));
        let events = trusted.verify_recording(&proved.proof, CONTEXT).accepted();
        let setup_proof = &verifying.weights.setup_proof;
        let mut transcript = VerifierTranscript::recording(PROTOCOL_SETUP, setup_proof);
        let setup_events = verify_setup_recording(&verifying.weights, &mut transcript);
        let setup_events = setup_events.map(|()| transcript.events().to_vec());
        let [messages, setup_messages] = [events, setup_events].map(|events| {
            let events = events.expect("verify").into_iter();
            events.filter(|event| event.kind.is_message()).collect()
        });
        let files = tempfile::tempdir().expect("folder");
        key.write_file(&files.path().join(KEY_FILE)).expect("write");
        let fixture = Self {
            files,
            key,
            trusted,
            proved,
            other,
            messages,
            other_setup,
            setup_messages,
        };
        fixture.judge(&fixture.other).expect("verify");
        fixture
    }

    /// What the verifier says.
    pub fn judge(&self, proved: &Proved) -> Result<(), VerifyError> {
        self.trusted.verify(&proved.proof, &proved.context).map(|_| ())
    }
}

/// One fixture with everything public, one with what is private by default, and one with everything private. Made once
/// in a process.
pub fn fixtures() -> &'static [Fixture] {
    static FIXTURES: LazyLock<[Fixture; 3]> = LazyLock::new(|| {
        let private = Privacy {
            input: Visibility::Private,
            output: Visibility::Private,
            weights: Visibility::Private,
            commit_input: true,
        };
        [Privacy::PUBLIC, Privacy::default(), private].map(Fixture::new)
    });
    &*FIXTURES
}

/// The fixture that `wanted` accepts, or the first.
pub fn fixture_with(wanted: impl Fn(&Fixture) -> bool) -> &'static Fixture {
    let fixtures = fixtures();
    fixtures
        .iter()
        .find(|fixture| wanted(fixture))
        .unwrap_or(&fixtures[0])
}

/// A proof for a random image.
pub fn prove_image(key: &ProvingKey, random: &mut Random) -> Proved {
    let image = image(random);
    let input = key
        .model()
        .network
        .quantize_input(&image)
        .expect("input")
        .integers;
    let proof = prove(key, &input, CONTEXT).expect("prove");
    Proved {
        proof,
        context: CONTEXT.to_vec(),
    }
}

fn image(random: &mut Random) -> ArrayD<f32> {
    ArrayD::from_shape_simple_fn(vec![1, 1, 6, 6], || random.real())
}

/// The network before its weights are loaded.
pub fn graph() -> Graph<Symbolic> {
    Tiny::new().trace().expect("trace")
}

/// A safetensors file with random weights for [`graph`].
pub fn weights_file() -> Vec<u8> {
    let mut random = Random(1);
    let mut tensors = BTreeMap::new();
    for parameter in &graph().parameters {
        let count: usize = parameter.shape.iter().product();
        let bytes: Vec<u8> = (0..count).flat_map(|_| random.real().to_le_bytes()).collect();
        tensors.insert(parameter.path.clone(), (parameter.shape.clone(), bytes));
    }
    let views = tensors.iter().map(|(path, (shape, bytes))| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).expect("tensor");
        (path.as_str(), view)
    });
    safetensors::serialize(views, None).expect("safetensors")
}

/// Loads weights from a file of that name in a fresh folder.
pub fn with_file<T>(name: &str, bytes: &[u8], read: impl FnOnce(&Path) -> T) -> T {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("write");
    read(&path)
}

/// The quantized network.
pub fn small_model() -> CompiledModel {
    let loaded = with_file("tiny.safetensors", &weights_file(), |path| {
        graph()
            .load(&Weights::open(path).expect("weights"))
            .expect("load")
            .0
    });
    let loaded = loaded.with_argmax().expect("argmax");
    let (loaded, _) = optimize(loaded, &Switches::default()).expect("optimize");
    let mut random = Random(3);
    let samples = (0..8).map(|_| image(&mut random));
    let calibration =
        Calibration::collect(&loaded, samples, CalibrationMethod::default()).expect("calibrate");
    let network = quantize(&loaded, &calibration, &QuantizeOptions::default()).expect("quantize");
    CompiledModel::new("tiny", network)
}
