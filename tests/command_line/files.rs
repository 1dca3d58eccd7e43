//! Weights and inputs as people have them: what is read, and what is refused with a way out.

use std::path::Path;
use std::process::Output;

use safetensors::tensor::{Dtype, TensorView};
use zkml::nn::Weights;

use super::lenet::{DIGITS, WEIGHTS, answer, asset, keys, prove};
use super::{assert_refused, text, zkml};

/// `compile lenet` with these weights, on 4 digits.
fn compile(weights: &str, further: &[&str], folder: &Path) -> Output {
    let digits = DIGITS;
    let arguments = [
        "compile",
        "lenet",
        "--weights",
        weights,
        "--calibration",
        digits,
        "--samples",
        "4",
    ];
    zkml(&[&arguments[..], further].concat(), folder)
}

/// The weights of LeNet-5 in 64 bits, each name with `prefix` in front.
fn write_doubles(path: &Path, prefix: &str) {
    let weights = Weights::open(WEIGHTS).unwrap();
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = weights
        .names()
        .map(|name| {
            let values = weights.values(name).unwrap().unwrap();
            let bytes = values
                .iter()
                .flat_map(|value| f64::from(*value).to_le_bytes())
                .collect();
            (
                format!("{prefix}{name}"),
                weights.shape(name).unwrap().to_vec(),
                bytes,
            )
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F64, shape.clone(), bytes).unwrap();
        (name.as_str(), view)
    });
    let bytes = safetensors::serialize(views.collect::<Vec<_>>(), None).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_prefix_of_names_is_seen_and_taken_off() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_doubles(&folder.join("net.safetensors"), "module.");
    let output = compile("net.safetensors", &[], folder);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.lines().count() < 15, "{error}");
    assert!(
        error.contains(
            "with the prefix `module.` the file has 10 of the 10 missing ones: `--strip-prefix module.`"
        ),
        "{error}"
    );
    let other = compile("net.safetensors", &["--strip-prefix", "model."], folder);
    assert_refused(
        &other,
        2,
        &[
            "expected names that begin with `model.`",
            "found module.conv1.bias",
        ],
    );
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1);

    // 64 bits are rounded to the 32 that they came from.
    answer(&compile(
        "net.safetensors",
        &["--strip-prefix", "module.", "--json"],
        folder,
    ));
    let (from_doubles, weights) = (folder.join("lenet.model"), WEIGHTS);
    answer(&compile(weights, &["--json", "-o", "other.model"], folder));
    let network = |path: &Path| {
        let mut model: zkml::keys::CompiledModel = zkml::proof::read_file(path).unwrap();
        model.network.record.source = None;
        zkml::proof::to_bytes(&model).unwrap()
    };
    assert!(network(&from_doubles) == network(&folder.join("other.model")));
}

#[test]
fn weights_of_another_kind_are_named_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let refused = |name: &str, bytes: &[u8], words: &[&str]| {
        std::fs::write(folder.join(name), bytes).unwrap();
        let output = compile(name, &[], folder);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        for word in words {
            assert!(error.contains(word), "{word}: {error}");
        }
        std::fs::remove_file(folder.join(name)).unwrap();
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
    };
    refused(
        "net.pth",
        b"PK\x03\x04 archive/data.pkl",
        &[
            "net.pth: expected a safetensors file, found a PyTorch checkpoint",
            "torch.load(\"net.pth\", map_location=\"cpu\", weights_only=True)\n",
            "safetensors.torch.save_file(",
            "\"net.safetensors\")\n",
        ],
    );
    refused(
        "net.pkl",
        b"\x80\x04\x95 pickled",
        &["found a Python pickle", "pickle.load("],
    );
    refused(
        "net.safetensors",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        &[
            "found a Git LFS pointer",
            "\n  git lfs install\n  git lfs pull --include \"net.safetensors\"\n",
        ],
    );
    let seven = std::fs::read(asset("seven.png")).unwrap();
    refused(
        "seven.png",
        &seven,
        &["found a PNG image. Images and arrays are inputs, not weights"],
    );
}

#[test]
fn one_input_of_many_is_named_by_its_number() {
    let digits = DIGITS;
    let (_out, from_image) = prove("seven.png", &["--json"]);
    let (_out, from_file) = prove(&format!("{digits}#0"), &["--json"]);
    assert_eq!(answer(&from_file)["answers"], answer(&from_image)["answers"]);
    // The labels beside them: 7, 2, 1, 0, 4.
    let (_out, fifth) = prove(&format!("{digits}#4"), &["--json"]);
    assert_eq!(answer(&fifth)["answers"][0]["class"], 4);
    let (out, output) = prove(&format!("{digits}#1000"), &[]);
    assert_refused(
        &output,
        2,
        &[".gz#1000: expected a number below 1000, for inputs are counted from 0, found 1000"],
    );
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0);
}

/// Whoever opens a pipe waits for its writer, and a device has no end.
#[cfg(unix)]
#[test]
fn pipes_and_devices_are_refused_wherever_a_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in [
        "pipe.png",
        "pipe.npy",
        "pipe.safetensors",
        "pipe.pkey",
        "pipe",
        "shards.json",
    ] {
        let made = std::process::Command::new("mkfifo")
            .arg(folder.join(name))
            .status();
        assert!(made.unwrap().success());
    }
    let (weights, digits) = (WEIGHTS, DIGITS);
    let (key, public) = (keys().join("lenet.pkey"), keys().join("lenet.vkey"));
    let (key, public) = (key.to_str().unwrap(), public.to_str().unwrap());
    let (_out, proved) = prove("seven.png", &[]);
    assert_eq!(proved.status.code(), Some(0), "{}", text(&proved.stderr));
    let proof = _out.path().join("lenet.proof");
    let proof = proof.to_str().unwrap();
    for arguments in [
        &[
            "compile",
            "lenet",
            "--calibration",
            digits,
            "--weights",
            "pipe.safetensors",
        ][..],
        &[
            "compile",
            "lenet",
            "--calibration",
            digits,
            "--weights",
            "/dev/zero",
        ],
        &[
            "compile",
            "lenet",
            "--calibration",
            digits,
            "--weights",
            "shards.json",
        ],
        &[
            "compile",
            "lenet",
            "--weights",
            weights,
            "--calibration",
            "pipe.npy",
        ],
        &[
            "compile",
            "lenet",
            "--weights",
            weights,
            "--calibration",
            digits,
            "--classes",
            "/dev/zero",
        ],
        &["setup", "pipe", "--name", "keys"],
        &["prove", "--key", "pipe.pkey", "--input", "pipe.png"],
        &["prove", "--key", key, "--input", "pipe.png"],
        &["prove", "--key", key, "--input", "pipe.npy"],
        &["verify", "--key", "pipe", "--proof", "pipe"],
        &["verify", "--key", public, "--proof", "/dev/zero"],
        &["verify", "--key", public, "--proof", proof, "--outputs", "pipe"],
        &["verify-key", public, "--network", "pipe"],
        &["verify-key", public, "--previous", "/dev/zero"],
        &["inspect", "/dev/zero"],
        &["rotate-key", "pipe.pkey", "-o", "a", "--verifying-key", "b"],
    ] {
        let output = zkml(arguments, folder);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(
            error.contains("expected a regular file, found a named pipe")
                || error.contains("expected a regular file, found a character device"),
            "{arguments:?}: {error}"
        );
    }
}

#[test]
fn classes_and_threads_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("nine.txt"), "0\n1\n2\n3\n4\n5\n6\n7\n8\n").unwrap();
    let weights = WEIGHTS;
    let output = compile(weights, &["--classes", "nine.txt"], folder);
    assert_refused(
        &output,
        1,
        &["nine.txt: expected 10 names, a line for each class of the model, found 9"],
    );
    assert!(!folder.join("lenet.model").exists());
    for threads in ["0", "1025", "1000000", "two"] {
        let output = zkml(&["models", "--threads", threads], folder);
        assert_eq!(output.status.code(), Some(2), "{threads}");
        assert!(
            text(&output.stderr).contains("--threads"),
            "{}",
            text(&output.stderr)
        );
    }
    // More paths than samples are wanted: a remark, and no arithmetic below zero.
    std::fs::copy(asset("seven.png"), folder.join("seven.png")).unwrap();
    let arguments = [
        "compile",
        "lenet",
        "--weights",
        weights,
        "--samples",
        "1",
        "--calibration",
    ];
    let output = zkml(
        &[&arguments[..], &["seven.png", "seven.png", "seven.png"]].concat(),
        folder,
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("seven.png is not used: --samples 1 are read already"));
}
