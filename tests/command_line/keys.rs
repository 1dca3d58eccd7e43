//! `zkml verify-key`, `zkml rotate-key`, and how a key with private weights counts.

use std::path::Path;

use zkml::keys::ProveError;
use zkml::keys::ProvingKey;
use zkml::keys::ROTATION_RESERVE;
use zkml::keys::VerifyingKey;
use zkml::prelude::*;
use zkml::proof::{read_file, write_file};
use zkml::prove::prove;

use super::verify::{input, key};
use super::{assert_refused, text, zkml};

/// A key with private input and weights, written to `small.pkey` and `small.vkey`.
fn written(folder: &Path) -> ProvingKey {
    let key = key("small", 1, folder, Privacy::default());
    key.write_file(&folder.join("small.pkey")).unwrap();
    write_file(folder.join("small.vkey"), key.verifying()).unwrap();
    key
}

fn write_proof(folder: &Path, name: &str, key: &ProvingKey) {
    let proof = prove(
        key,
        &key.model().network.quantize_input(&input(3)).unwrap().integers,
        b"",
    )
    .unwrap();
    assert!(proof.public.input.is_none());
    write_file(folder.join(format!("{name}.proof")), &proof).unwrap();
}

#[test]
fn a_key_is_checked_and_its_weights_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let key = written(folder);
    write_proof(folder, "small", &key);

    let first = zkml(&["verify-key", "small.vkey"], folder);
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    assert!(
        text(&first.stdout).starts_with("valid\nkey           "),
        "{}",
        text(&first.stdout)
    );
    let again = zkml(&["verify-key", "small.vkey", "--json"], folder);
    let answer: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(answer["valid"], true);
    assert!(answer["soundness_bits"].as_f64().unwrap() >= 100.0);
    let verifying = key.verifying();
    for (name, digest) in [
        ("key", verifying.digest()),
        ("architecture", verifying.network.architecture().digest()),
        ("skeleton", verifying.network.digest()),
        ("weights_key", verifying.weights.digest()),
    ] {
        let expected: String = digest.unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(answer[name], expected, "{name}");
    }
    // `verify-key` looks at the setup proof of its file, whatever is remembered of the same weights.
    let mut bare = verifying.clone();
    bare.weights.setup_proof.clear();
    write_file(folder.join("bare.vkey"), &bare).unwrap();
    assert_refused(
        &zkml(&["verify-key", "bare.vkey"], folder),
        1,
        &["rejected", "no setup proof"],
    );

    let arguments = ["verify", "--key", "small.vkey", "--proof", "small.proof"];
    let output = zkml(&arguments, folder);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn a_key_without_its_setup_proof_or_with_an_altered_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let key = written(folder);
    write_proof(folder, "small", &key);
    let mut bare = key.verifying().clone();
    bare.weights.setup_proof.clear();
    write_file(folder.join("bare.vkey"), &bare).unwrap();
    let mut altered = key.verifying().clone();
    let middle = altered.weights.setup_proof.len() / 2;
    altered.weights.setup_proof[middle] ^= 1;
    write_file(folder.join("altered.vkey"), &altered).unwrap();
    for (name, words) in [
        ("bare.vkey", &["rejected", "no setup proof"][..]),
        ("altered.vkey", &["rejected"]),
    ] {
        assert_refused(&zkml(&["verify-key", name], folder), 1, words);
        let arguments = ["verify", "--key", name, "--proof", "small.proof"];
        assert_refused(&zkml(&arguments, folder), 1, words);
    }
}

#[test]
fn a_spent_key_says_how_to_rotate_and_rotation_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    drop(written(folder));
    let key = ProvingKey::read_file(&folder.join("small.pkey")).unwrap();
    let proofs = key.budget().unwrap().proofs_left().unwrap();
    assert!(proofs >= 3, "{proofs}");
    for _ in 0..proofs {
        write_proof(folder, "small", &key);
    }
    let error = prove(
        &key,
        &key.model().network.quantize_input(&input(3)).unwrap().integers,
        b"",
    )
    .unwrap_err();
    assert!(matches!(error, ProveError::Budget(_)));
    assert!(error.to_string().contains("zkml rotate-key"), "{error}");
    let inspected = zkml(&["inspect", "small.pkey"], folder);
    assert!(
        text(&inspected.stdout).contains("0 proofs left"),
        "{}",
        text(&inspected.stdout)
    );

    let arguments = [
        "rotate-key",
        "small.pkey",
        "-o",
        "new.pkey",
        "--verifying-key",
        "new.vkey",
    ];
    let rotated = zkml(&arguments, folder);
    assert_eq!(rotated.status.code(), Some(0), "{}", text(&rotated.stderr));
    // Run again, as after an interruption: the same keys, and the counter where it was.
    let new = ProvingKey::read_file(&folder.join("new.pkey")).unwrap();
    write_proof(folder, "new", &new);
    drop(new);
    std::fs::remove_file(folder.join("new.vkey")).unwrap();
    let finished = zkml(&arguments, folder);
    assert_eq!(finished.status.code(), Some(0), "{}", text(&finished.stderr));
    // Once more, where nothing is left to do.
    let again = zkml(&arguments, folder);
    let said = text(&again.stdout);
    assert!(
        again.status.success() && said.matches("kept ").count() == 2,
        "{said}"
    );
    let new = ProvingKey::read_file(&folder.join("new.pkey")).unwrap();
    assert_eq!(new.budget().unwrap().used().unwrap(), 1);
    let verifying: VerifyingKey = read_file(folder.join("new.vkey")).unwrap();
    assert_eq!(verifying, *new.verifying());

    let checked = zkml(&["verify-key", "new.vkey", "--previous", "small.vkey"], folder);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
    let arguments = ["verify", "--key", "new.vkey", "--proof", "new.proof"];
    assert_eq!(zkml(&arguments, folder).status.code(), Some(0));
    assert_refused(
        &zkml(&["verify-key", "small.vkey", "--previous", "new.vkey"], folder),
        1,
        &["rotation"],
    );

    // The old key can be rotated a few more times, in case a rotation is interrupted; then nothing is left of it.
    let rotate_to = |name: &str| {
        let (proving, verifying) = (format!("{name}.pkey"), format!("{name}.vkey"));
        zkml(
            &[
                "rotate-key",
                "small.pkey",
                "-o",
                &proving,
                "--verifying-key",
                &verifying,
            ],
            folder,
        )
    };
    for index in 1..ROTATION_RESERVE {
        let rotated = rotate_to(&format!("again{index}"));
        assert_eq!(rotated.status.code(), Some(0), "{}", text(&rotated.stderr));
    }
    let again = rotate_to("third");
    assert_refused(&again, 1, &[]);
    assert!(!folder.join("third.pkey").exists() && !folder.join("third.vkey").exists());
}

#[test]
fn rotation_overwrites_no_other_key() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    drop(written(folder));
    std::fs::create_dir(folder.join("other")).unwrap();
    drop(written(&folder.join("other")));
    let arguments = [
        "rotate-key",
        "small.pkey",
        "-o",
        "other/small.pkey",
        "--verifying-key",
        "new.vkey",
    ];
    assert_refused(&zkml(&arguments, folder), 2, &["other/small.pkey", "exists"]);
    assert!(!folder.join("new.vkey").exists());
}

#[test]
fn a_key_is_compared_with_the_network_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let key = written(folder);
    write_file(folder.join("small.model"), key.model()).unwrap();
    let printed = zkml(&["inspect", "small.vkey", "--skeleton"], folder);
    assert_eq!(printed.status.code(), Some(0), "{}", text(&printed.stderr));
    std::fs::write(folder.join("small.json"), &printed.stdout).unwrap();
    for file in ["small.vkey", "small.pkey", "small.model", "small.json"] {
        let output = zkml(&["verify-key", "small.vkey", "--network", file], folder);
        assert_eq!(output.status.code(), Some(0), "{file}: {}", text(&output.stderr));
        let expected = "network       the same, scales and tables too; weights were not compared";
        assert!(
            text(&output.stdout).contains(expected),
            "{}",
            text(&output.stdout)
        );
    }
    // Of another network the first difference is named: of the architecture, if that differs.
    let altered = |name: &str, alter: &dyn Fn(&mut zkml::keys::NetworkSkeleton)| {
        let mut other = key.verifying().clone();
        alter(&mut other.network);
        write_file(folder.join(name), &other).unwrap();
        zkml(&["verify-key", "small.vkey", "--network", name], folder)
    };
    let scale = altered("scale.vkey", &|network| network.graph.nodes[1].fact.scale = 0.125);
    assert_refused(
        &scale,
        1,
        &["rejected: another network: ", "scale: ", "0.125 there"],
    );
    let node = &key.verifying().network.graph.nodes[1].name;
    let shape = altered("shape.vkey", &|network| network.graph.nodes[1].fact.shape.push(7));
    assert_refused(
        &shape,
        1,
        &["rejected: another network: ", node, "shape: ", "7] there"],
    );
    let unknown = zkml(
        &["verify-key", "small.vkey", "--network", "no-such-model"],
        folder,
    );
    assert_refused(
        &unknown,
        2,
        &["--network", "no-such-model", "no file of that name"],
    );
    std::fs::write(folder.join("broken.json"), b"{}").unwrap();
    let broken = zkml(&["verify-key", "small.vkey", "--network", "broken.json"], folder);
    assert_refused(
        &broken,
        1,
        &["broken.json", "expected a model, a key, or a skeleton"],
    );
}
