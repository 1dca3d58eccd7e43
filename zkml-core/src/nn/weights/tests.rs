//! Every kind of file, and everything that can be wrong with one.

use crate::ops;
use std::collections::HashMap;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use tempfile::TempDir;

use super::{MisshapenParameter, MissingParameter, WeightError, Weights};
use crate::graph::{Arrangement, Graph, Node, NodeId, ParameterSpec};
use crate::ops::{FloatOp, Symbolic};

struct Stored {
    name: &'static str,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

fn stored(name: &'static str, shape: &[usize], values: &[f32]) -> Stored {
    let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Stored {
        name,
        dtype: Dtype::F32,
        shape: shape.to_vec(),
        bytes,
    }
}

fn write(path: &Path, tensors: &[Stored]) {
    let views: Vec<_> = tensors
        .iter()
        .map(|t| {
            (
                t.name,
                TensorView::new(t.dtype, t.shape.clone(), &t.bytes).unwrap(),
            )
        })
        .collect();
    std::fs::write(
        path,
        safetensors::serialize(views, None::<HashMap<String, String>>).unwrap(),
    )
    .unwrap();
}

/// A graph that only asks for these parameters.
fn graph(parameters: &[(&str, &[usize])]) -> Graph<Symbolic> {
    let input = Node {
        name: "input".to_owned(),
        op: FloatOp::Input(ops::Input),
        inputs: vec![],
        fact: vec![1],
    };
    let parameters = parameters
        .iter()
        .map(|(path, shape)| ParameterSpec {
            path: (*path).to_owned(),
            shape: shape.to_vec(),
            arrangement: Arrangement::AsStored,
        })
        .collect();
    Graph {
        nodes: vec![input],
        input: NodeId(0),
        outputs: vec![NodeId(0)],
        parameters,
    }
}

fn one_file(tensors: &[Stored]) -> (TempDir, Weights) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("net.safetensors");
    write(&file, tensors);
    let weights = Weights::open(&file).unwrap();
    (directory, weights)
}

#[test]
fn loads_all_three_types() {
    let half = |value: f32| half::f16::from_f32(value).to_le_bytes();
    let brain = |value: f32| half::bf16::from_f32(value).to_le_bytes();
    let (_directory, weights) = one_file(&[
        stored("a", &[2, 2], &[1.0, -2.0, 3.5, 4.0]),
        Stored {
            name: "b",
            dtype: Dtype::F16,
            shape: vec![2],
            bytes: [half(0.5), half(-1.25)].concat(),
        },
        Stored {
            name: "c",
            dtype: Dtype::BF16,
            shape: vec![1, 2],
            bytes: [brain(2.0), brain(-96.0)].concat(),
        },
    ]);
    let (graph, report) = graph(&[("a", &[2, 2]), ("b", &[2]), ("c", &[1, 2])])
        .load(&weights)
        .unwrap();
    let values: Vec<Vec<f32>> = graph
        .parameters
        .iter()
        .map(|p| p.values.iter().copied().collect())
        .collect();
    assert_eq!(
        values,
        [vec![1.0, -2.0, 3.5, 4.0], vec![0.5, -1.25], vec![2.0, -96.0]]
    );
    assert_eq!(graph.parameters[0].values[[1, 0]], 3.5);
    assert_eq!(report.applied, ["a", "b", "c"]);
    assert!(report.is_complete() && report.unused.is_empty());
}

#[test]
fn reports_missing_misshapen_and_unused() {
    let (_directory, weights) = one_file(&[
        stored("module.conv1.weight", &[2], &[1.0, 2.0]),
        stored("fc.weigth", &[1], &[1.0]),
        stored("fc.bias", &[2], &[1.0, 2.0]),
        stored("bn.num_batches_tracked", &[1], &[7.0]),
        stored("ok", &[1], &[1.0]),
    ]);
    let wanted: &[(&str, &[usize])] = &[
        ("conv1.weight", &[2]),
        ("fc.weight", &[1]),
        ("fc.bias", &[3]),
        ("ok", &[1]),
        ("elsewhere", &[1]),
    ];
    let error = graph(wanted).load(&weights).unwrap_err();
    let WeightError::Mismatch(report) = &error else {
        panic!("{error}")
    };
    let missing = |path: &str, shape: &[usize], suggestion: Option<&str>| MissingParameter {
        path: path.to_owned(),
        shape: shape.to_vec(),
        suggestion: suggestion.map(str::to_owned),
    };
    assert_eq!(
        report.missing,
        [
            missing("conv1.weight", &[2], Some("module.conv1.weight")),
            missing("fc.weight", &[1], Some("fc.weigth")),
            missing("elsewhere", &[1], None),
        ]
    );
    let wrong = MisshapenParameter {
        path: "fc.bias".to_owned(),
        expected: vec![3],
        found: vec![2],
    };
    assert_eq!(report.wrong_shape, [wrong]);
    assert_eq!(report.unused, ["fc.weigth", "module.conv1.weight"]);
    assert_eq!(report.applied, ["ok"]);
    let text = error.to_string();
    assert!(
        text.contains("1 applied, 3 missing, 1 of wrong shape, 2 unused"),
        "{text}"
    );
    assert!(
        text.contains("missing      fc.weight [1], did you mean `fc.weigth`?"),
        "{text}"
    );
    assert!(
        text.contains("wrong shape  fc.bias: expected [3], found [2]"),
        "{text}"
    );
}

#[test]
fn unused_tensors_alone_are_no_error() {
    let (_directory, weights) = one_file(&[stored("a", &[1], &[1.0]), stored("b", &[1], &[1.0])]);
    let (_, report) = graph(&[("a", &[1])]).load(&weights).unwrap();
    assert_eq!(report.unused, ["b"]);
}

#[test]
fn refuses_nan_and_infinity_with_their_place() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut values = vec![0.0; 24];
        values[17] = bad;
        let (_directory, weights) = one_file(&[stored("conv.weight", &[2, 3, 4], &values)]);
        match graph(&[("conv.weight", &[2, 3, 4])]).load(&weights) {
            Err(WeightError::NotFinite { path, index, value }) => {
                assert_eq!((path.as_str(), index.as_slice()), ("conv.weight", &[1, 1, 1][..]));
                assert_eq!(value.to_bits(), bad.to_bits());
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn refuses_other_types() {
    let integers = Stored {
        name: "a",
        dtype: Dtype::I32,
        shape: vec![1],
        bytes: vec![1, 0, 0, 0],
    };
    let (_directory, weights) = one_file(&[integers]);
    let error = graph(&[("a", &[1])]).load(&weights).unwrap_err();
    assert_eq!(error.to_string(), "a: expected F32, F16 or BF16, found I32");
}

#[test]
fn refuses_what_is_no_safetensors_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("net.safetensors");
    assert!(matches!(Weights::open(&file), Err(WeightError::Io { file: place, .. }) if place == file));
    write(&file, &[stored("a", &[3], &[1.0, 2.0, 3.0])]);
    let whole = std::fs::read(&file).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&file, &whole[..length]).unwrap();
        match Weights::open(&file) {
            Err(WeightError::NotSafetensors { file: place, .. }) => assert_eq!(place, file),
            // Mapping an empty file is refused by some systems.
            Err(WeightError::Io { .. }) if length == 0 => {}
            other => panic!("{length}: {other:?}"),
        }
    }
    std::fs::write(&file, b"PK\x03\x04 a zip file, as torch.save writes it").unwrap();
    assert!(matches!(
        Weights::open(&file),
        Err(WeightError::NotSafetensors { .. })
    ));
}

#[test]
fn opens_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let add = |name: &'static str| {
        let file = directory.path().join(format!("{name}.safetensors"));
        write(&file, &[stored(name, &[1], &[1.0])]);
    };
    let refused = |files: usize| {
        let opened = Weights::open(directory.path());
        assert!(matches!(opened, Err(WeightError::NoWeights { found, .. }) if found == files));
    };
    let opened = |name: &str| {
        let weights = Weights::open(directory.path()).unwrap();
        assert_eq!(weights.names().collect::<Vec<_>>(), [name]);
    };
    refused(0);
    add("only");
    opened("only");
    add("other");
    refused(2);
    add("model");
    opened("model");
}

/// A directory with two shards and this index.
fn sharded(index: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    write(
        &directory.path().join("one.safetensors"),
        &[stored("a", &[1], &[1.0])],
    );
    write(
        &directory.path().join("two.safetensors"),
        &[stored("b", &[1], &[2.0]), stored("c", &[1], &[3.0])],
    );
    std::fs::write(directory.path().join("model.safetensors.index.json"), index).unwrap();
    directory
}

#[test]
fn opens_shards() {
    let directory = sharded(
        r#"{"metadata": {}, "weight_map": {"a": "one.safetensors", "b": "two.safetensors", "c": "two.safetensors"}}"#,
    );
    for path in [
        directory.path().to_owned(),
        directory.path().join("model.safetensors.index.json"),
    ] {
        let weights = Weights::open(path).unwrap();
        let (graph, _) = graph(&[("c", &[1]), ("a", &[1])]).load(&weights).unwrap();
        assert_eq!(graph.parameters[0].values[0], 3.0);
        assert_eq!(graph.parameters[1].values[0], 1.0);
    }
}

#[test]
fn refuses_shards_that_do_not_match_the_index() {
    let open = |index: &str| {
        let directory = sharded(index);
        Weights::open(directory.path()).unwrap_err()
    };
    let swapped = open(r#"{"weight_map": {"b": "one.safetensors"}}"#);
    assert!(
        matches!(&swapped, WeightError::Shard { path, .. } if path == "b"),
        "{swapped}"
    );
    let absent = open(r#"{"weight_map": {"a": "three.safetensors"}}"#);
    assert!(
        matches!(&absent, WeightError::Io { file, .. } if file.ends_with("three.safetensors")),
        "{absent}"
    );
    for outside in [
        "../one.safetensors",
        "/etc/passwd",
        "sub/one.safetensors",
        "",
        "..",
        ".",
    ] {
        let error = open(&format!(r#"{{"weight_map": {{"a": "{outside}"}}}}"#));
        let place = "shards in the directory of the index";
        assert!(
            matches!(&error, WeightError::Index { expected, .. } if *expected == place),
            "{outside}: {error}"
        );
    }
    for index in [
        "",
        "[]",
        "{}",
        r#"{"weight_map": 3}"#,
        r#"{"weight_map": {"a": 1}}"#,
    ] {
        assert!(matches!(open(index), WeightError::Index { .. }), "{index}");
    }
}

#[test]
fn refuses_a_truncated_shard() {
    let directory = sharded(r#"{"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}"#);
    let shard = directory.path().join("two.safetensors");
    let bytes = std::fs::read(&shard).unwrap();
    std::fs::write(&shard, &bytes[..bytes.len() - 1]).unwrap();
    let error = Weights::open(directory.path()).unwrap_err();
    assert!(
        matches!(&error, WeightError::NotSafetensors { file, .. } if *file == shard),
        "{error}"
    );
}

#[test]
fn refuses_a_tensor_in_two_shards() {
    let directory = sharded(r#"{"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}"#);
    write(
        &directory.path().join("two.safetensors"),
        &[stored("a", &[1], &[1.0]), stored("b", &[1], &[2.0])],
    );
    let error = Weights::open(directory.path()).unwrap_err();
    assert!(
        matches!(&error, WeightError::Shard { path, .. } if path == "a"),
        "{error}"
    );
}
