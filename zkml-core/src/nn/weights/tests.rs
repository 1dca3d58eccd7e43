//! Every kind of file, and everything that can be wrong with one.

use crate::ops;
use std::collections::HashMap;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use tempfile::TempDir;

use super::{MisshapenParameter, MissingParameter, WeightError, Weights};
use crate::files::Foreign;
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
fn loads_all_four_types() {
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
        Stored {
            name: "d",
            dtype: Dtype::F64,
            shape: vec![2],
            bytes: [0.1f64.to_le_bytes(), (-1e-3f64).to_le_bytes()].concat(),
        },
    ]);
    let (graph, report) = graph(&[("a", &[2, 2]), ("b", &[2]), ("c", &[1, 2]), ("d", &[2])])
        .load(&weights)
        .unwrap();
    let values: Vec<Vec<f32>> = graph
        .parameters
        .iter()
        .map(|p| p.values.iter().copied().collect())
        .collect();
    assert_eq!(
        values,
        [
            vec![1.0, -2.0, 3.5, 4.0],
            vec![0.5, -1.25],
            vec![2.0, -96.0],
            vec![0.1, -1e-3]
        ]
    );
    assert_eq!(graph.parameters[0].values[[1, 0]], 3.5);
    assert_eq!(report.applied, ["a", "b", "c", "d"]);
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
                assert_eq!((value as f32).to_bits(), bad.to_bits());
            }
            other => panic!("{other:?}"),
        }
    }
    let beyond = Stored {
        name: "a",
        dtype: Dtype::F64,
        shape: vec![2],
        bytes: [1f64.to_le_bytes(), 1e300f64.to_le_bytes()].concat(),
    };
    let (_directory, weights) = one_file(&[beyond]);
    let error = graph(&[("a", &[2])]).load(&weights).unwrap_err().to_string();
    let expected = format!(
        "a: expected finite values of float32, found {} at index [1]",
        1e300f64
    );
    assert_eq!(error, expected);
}

/// A network of many parameters, whose file has other names: the report stays short and says the way out.
#[test]
fn a_prefix_is_found_and_stripped() {
    let names: Vec<String> = (0..40).map(|layer| format!("layers.{layer}.weight")).collect();
    let prefixed: Vec<&'static str> = names
        .iter()
        .map(|name| &*format!("module.{name}").leak())
        .collect();
    let mut tensors: Vec<Stored> = prefixed.iter().map(|name| stored(name, &[1], &[2.0])).collect();
    tensors.push(stored("head.weight", &[1], &[3.0]));
    let mut wanted: Vec<(&str, &[usize])> = names.iter().map(|name| (name.as_str(), &[1][..])).collect();
    wanted.push(("head.weight", &[1]));

    let (_directory, weights) = one_file(&tensors);
    let error = graph(&wanted).load(&weights).unwrap_err().to_string();
    assert!(error.lines().count() < 15, "{error}");
    for words in [
        "1 applied, 40 missing, 0 of wrong shape, 40 unused",
        "with the prefix `module.` the file has 40 of the 40 missing ones: `--strip-prefix module.`",
        "missing      and 36 more",
        "unused       and 36 more",
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }

    let stripped = weights.without_prefix("module.").unwrap();
    let (graph, report) = graph(&wanted).load(&stripped).unwrap();
    assert!(report.unused.is_empty());
    assert_eq!(graph.parameters[40].values[0], 3.0);
    let error = stripped.without_prefix("module.").unwrap_err().to_string();
    let expected = "expected names that begin with `module.` and differ without it, found head.weight, ";
    assert!(
        error.starts_with(expected) && error.ends_with(" and 37 more"),
        "{error}"
    );

    let (_directory, both) = one_file(&[stored("a", &[1], &[1.0]), stored("b.a", &[1], &[1.0])]);
    let error = both.without_prefix("b.").unwrap_err().to_string();
    assert!(error.ends_with("found both `a` and `b.a`"), "{error}");
}

#[test]
fn other_files_are_named_and_converted() {
    let directory = tempfile::tempdir().unwrap();
    let open = |name: &str, bytes: &[u8]| {
        let file = directory.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        Weights::open(&file).unwrap_err().to_string()
    };
    let place = directory.path().display();
    let torch = format!(
        "{place}/net.pth: expected a safetensors file, found a PyTorch checkpoint, as `torch.save` writes it. In \
         Python these two lines convert it:\n  \
         import torch, safetensors.torch; \
         state = torch.load(\"{place}/net.pth\", map_location=\"cpu\", weights_only=True)\n  \
         safetensors.torch.save_file({{name: value.contiguous().clone() for name, value in \
         state.get(\"state_dict\", state).items()}}, \"{place}/net.safetensors\")"
    );
    assert_eq!(open("net.pth", b"PK\x03\x04 net/data.pkl"), torch);
    for (name, bytes, words) in [
        (
            "net.pt",
            &b"PK\x03\x04 net/data.pkl net/constants.pkl"[..],
            "torch.jit.load(",
        ),
        ("net.pt2", b"PK\x03\x04 models/model.json", "torch.export.load("),
        ("net.pkl", b"\x80\x04\x95\x01", "A pickle can run any code"),
        ("net.onnx", b"\x08\x07\x12\x07pytorch", "onnx.load("),
        (
            "net.h5",
            b"\x89HDF\r\n\x1a\n",
            "found an HDF5 file, as Keras writes it",
        ),
        (
            "a.png",
            b"\x89PNG\r\n\x1a\n",
            "found a PNG image. Images and arrays are inputs, not weights",
        ),
        ("empty", b"", "found an empty file"),
        (
            "net.safetensors",
            b"version https://git-lfs.github.com/spec/v1\n",
            "found a Git LFS pointer, for the file itself was not downloaded. In its folder these two lines fetch \
             it:\n  \
             git lfs install\n  git lfs pull --include \"net.safetensors\"",
        ),
    ] {
        let error = open(name, bytes);
        assert!(error.contains(words), "{error}");
    }
    // A folder with a checkpoint alone.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("pytorch_model.bin"),
        b"PK\x03\x04 archive/data.pkl",
    )
    .unwrap();
    assert!(matches!(
        Weights::open(folder.path()),
        Err(WeightError::Foreign {
            found: Foreign::TorchCheckpoint,
            ..
        })
    ));
}

#[test]
fn a_name_stands_once() {
    let header = r#"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
        "a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(1f32.to_le_bytes());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("twice.safetensors");
    std::fs::write(&file, bytes).unwrap();
    let error = Weights::open(&file).unwrap_err().to_string();
    assert!(error.contains("the key \"a\" twice"), "{error}");
    let error =
        Weights::open(sharded(r#"{"weight_map": {"a": "one.safetensors", "a": "two.safetensors"}}"#).path());
    let error = error.unwrap_err().to_string();
    let words = "expected JSON with each key once, found the key \"a\" twice";
    assert!(error.contains(words), "{error}");
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
    assert_eq!(error.to_string(), "a: expected F64, F32, F16 or BF16, found I32");
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
            Err(WeightError::Foreign {
                found: Foreign::Empty,
                ..
            }) if length == 0 => {}
            other => panic!("{length}: {other:?}"),
        }
    }
    std::fs::write(&file, b"neither one nor the other").unwrap();
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
        "sub/../../one.safetensors",
        "/etc/passwd",
        "",
        "..",
        ".",
    ] {
        let error = open(&format!(r#"{{"weight_map": {{"a": "{outside}"}}}}"#));
        let place = "shards in the directory of the index or below";
        assert!(
            matches!(&error, WeightError::Index { expected, .. } if *expected == place),
            "{outside}: {error}"
        );
    }
    assert!(matches!(
        open(""),
        WeightError::Foreign {
            found: Foreign::Empty,
            ..
        }
    ));
    for index in ["[]", "{}", r#"{"weight_map": 3}"#, r#"{"weight_map": {"a": 1}}"#] {
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

/// Where a tensor stands in two shards, the index says which of them counts; what it does not name is not loaded.
#[test]
fn the_index_decides() {
    let directory = sharded(r#"{"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}"#);
    write(
        &directory.path().join("two.safetensors"),
        &[
            stored("a", &[1], &[9.0]),
            stored("b", &[1], &[2.0]),
            stored("c", &[1], &[3.0]),
        ],
    );
    let weights = Weights::open(directory.path()).unwrap();
    assert_eq!(weights.values("a").unwrap(), Some(vec![1.0]));
    assert_eq!(weights.names().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(weights.outside_index(), ["c (two.safetensors)"]);
    assert_eq!(weights.paths().len(), 3);
    let error = graph(&[("a", &[1]), ("c", &[1])]).load(&weights).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("not in the index: c (two.safetensors)"), "{error}");
}

#[test]
fn shards_may_stand_below() {
    let directory =
        sharded(r#"{"weight_map": {"a": "parts/first/one.safetensors", "b": "two.safetensors"}}"#);
    let path = |name: &str| directory.path().join(name);
    std::fs::create_dir_all(path("parts/first")).unwrap();
    std::fs::rename(path("one.safetensors"), path("parts/first/one.safetensors")).unwrap();
    let weights = Weights::open(directory.path()).unwrap();
    assert_eq!(weights.values("a").unwrap(), Some(vec![1.0]));
}

/// Links lead out of a directory only in the cache of Hugging Face, and there only to its blobs.
#[cfg(unix)]
#[test]
fn links_do_not_lead_out() {
    use std::os::unix::fs::symlink;

    let cache = tempfile::tempdir().unwrap();
    let blobs = cache.path().join("blobs");
    let snapshot = cache.path().join("snapshots/0123");
    std::fs::create_dir_all(&blobs).unwrap();
    std::fs::create_dir_all(&snapshot).unwrap();
    write(&blobs.join("abcd"), &[stored("a", &[1], &[1.0])]);
    symlink("../../blobs/abcd", snapshot.join("one.safetensors")).unwrap();
    let index = r#"{"weight_map": {"a": "one.safetensors"}}"#;
    std::fs::write(blobs.join("index"), index).unwrap();
    symlink("../../blobs/index", snapshot.join("model.safetensors.index.json")).unwrap();
    assert!(Weights::open(&snapshot).is_ok());

    let elsewhere = tempfile::tempdir().unwrap();
    symlink(blobs.join("abcd"), elsewhere.path().join("one.safetensors")).unwrap();
    std::fs::write(elsewhere.path().join("model.safetensors.index.json"), index).unwrap();
    let error = Weights::open(elsewhere.path()).unwrap_err().to_string();
    assert!(
        error.contains("a link to ") && error.contains("or below"),
        "{error}"
    );
}
