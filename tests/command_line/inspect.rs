//! `zkml inspect` and `verify-key`: what stands in a model and in its keys.

use zkml_core::keys::VerifyingKey;
use zkml_core::proof::{read_file, write_file};

use super::lenet::{answer, compile, keys, prove};
use super::{assert_refused, text, zkml};

#[test]
fn inspect_prints_the_scales_of_the_key() {
    let key: VerifyingKey = read_file(keys().join("lenet.vkey")).unwrap();
    let inspected = answer(&zkml(&["inspect", "--json", "lenet.vkey"], keys()));
    let content = &inspected["content"];
    let scales = |name: &str| serde_json::from_value(content[name]["scale"].clone()).ok();
    assert_eq!(
        scales("input").as_ref(),
        key.network.input_scales.first(),
        "{content}"
    );
    assert!(key.network.output_scales.len() > 1);
    for (index, scale) in key.network.output_scales.iter().cloned().enumerate() {
        let name = format!("output_{index}");
        assert_eq!(scales(&name), Some(scale), "{name}: {content}");
    }
}

/// A network from a file is checked before anything reads it.
#[test]
fn a_key_with_a_malformed_network_is_not_explained() {
    let folder = tempfile::tempdir().unwrap();
    let mut key: VerifyingKey = read_file(keys().join("lenet.vkey")).unwrap();
    key.network.graph.nodes[1].inputs[0].0 = 999;
    write_file(folder.path().join("bad.vkey"), &key).unwrap();
    for arguments in [
        &["inspect", "bad.vkey"][..],
        &["inspect", "--explain", "bad.vkey"],
    ] {
        assert_refused(
            &zkml(arguments, folder.path()),
            1,
            &["operand number 999 is not an earlier node"],
        );
    }
}

#[test]
fn what_the_optimizer_did_is_explained() {
    let explained = answer(&zkml(&["inspect", "--explain", "--json", "lenet.model"], keys()));
    let content = &explained["content"];
    let cells = |pass: usize| content["circuit_level"][pass]["effect"][0].clone();
    assert_eq!(content["circuit_level"][3]["pass"], "shifted_convolution");
    assert!(cells(3)["without"].as_u64().unwrap() > 2 * cells(3)["with"].as_u64().unwrap());
    assert_eq!(content["operation_level"][0]["pass"], "activation_fusion");
    assert_eq!(
        content["operation_level"][0]["changes"].as_array().unwrap().len(),
        4
    );
    let passes = zkml::optimize::all().filter(|pass| pass.level() == zkml::optimize::Level::Model);
    assert_eq!(content["model_level"].as_array().unwrap().len(), passes.count());
    let output = zkml(&["inspect", "--explain", "lenet.model"], keys());
    assert!(text(&output.stdout).contains("`relu` is the table of the rescale of `conv1`"));
    for key in ["lenet.pkey", "lenet.vkey"] {
        let output = zkml(&["inspect", "--explain", key], keys());
        assert!(text(&output.stdout).contains("multiplicities of tables"), "{key}");
    }
    let (out, _) = prove("seven.png", &[]);
    let proof = out.path().join("lenet.proof");
    let output = zkml(&["inspect", "--explain", proof.to_str().unwrap()], keys());
    assert_refused(
        &output,
        2,
        &["--explain: expected a compiled model or a key, found proof"],
    );

    let folder = tempfile::tempdir().unwrap();
    answer(&compile(
        folder.path(),
        &["--json", "--without", "table_sharing,relu_hoisting"],
    ));
    let explained = answer(&zkml(
        &["inspect", "--explain", "--json", "lenet.model"],
        folder.path(),
    ));
    let enabled = |level: &str, name: &str| {
        let passes = explained["content"][level].as_array().unwrap();
        let pass = passes.iter().find(|pass| pass["pass"] == name).unwrap();
        pass["enabled"].as_bool().unwrap()
    };
    assert!(!enabled("circuit_level", "table_sharing"));
    assert!(!enabled("model_level", "relu_hoisting"));
    assert!(enabled("model_level", "max_pool_order") && enabled("circuit_level", "code_choice"));
}

#[test]
fn a_key_is_compared_with_a_known_model() {
    let output = zkml(&["verify-key", "lenet.vkey", "--network", "lenet"], keys());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let found = text(&output.stdout);
    assert!(
        found.contains("network       the same architecture, with 8 bits, a batch of 1 and the class as an output as in the key; "),
        "{found}"
    );
    let found = answer(&zkml(
        &["verify-key", "lenet.vkey", "--network", "lenet", "--json"],
        keys(),
    ));
    assert_eq!(found["network"]["compared"], serde_json::json!(["architecture"]));
    let other = zkml(&["verify-key", "lenet.vkey", "--network", "mlp"], keys());
    assert_refused(&other, 1, &["rejected: another network: "]);
}

#[test]
fn inspect_prints_the_network_as_pytorch_does() {
    let output = zkml(&["inspect", "lenet.vkey"], keys());
    let found = text(&output.stdout);
    for line in [
        "(conv1): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))",
        "Linear(in_features=400, out_features=120)",
        "MaxPool2d(kernel_size=(2, 2), stride=(2, 2))",
        "Rescale(Relu, ",
        "images         (byte / 255 - [0.0]) / [1.0], 2 zero pixels around",
        "-> output 0",
    ] {
        assert!(found.contains(line), "{line}: {found}");
    }
    let circuit = zkml(&["inspect", "lenet.vkey", "--circuit"], keys());
    let circuit: serde_json::Value = serde_json::from_slice(&circuit.stdout).unwrap();
    assert!(circuit["columns"].as_array().unwrap().len() > 50);
    assert_refused(
        &zkml(&["inspect", "lenet.pkey", "--circuit"], keys()),
        2,
        &["expected a verifying key, found a proving key"],
    );
}
