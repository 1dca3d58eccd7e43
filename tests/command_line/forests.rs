//! A decision forest on the command line: from XGBoost's JSON and a table of rows to a verified answer.

use std::path::Path;

use serde_json::{Value, json};

use super::lenet::answer;
use super::{assert_refused, text, zkml};

/// Below 40 years: low; else by income.
fn write(folder: &Path) {
    let forest = json!({
        "version": [3, 0, 0],
        "learner": {
            "feature_names": ["age", "income"],
            "objective": { "name": "binary:logistic" },
            "learner_model_param": { "base_score": "[5E-1]", "num_class": "0", "num_feature": "2", "num_target": "1" },
            "gradient_booster": { "name": "gbtree", "model": { "tree_info": [0], "trees": [{
                "left_children": [1, -1, 3, -1, -1],
                "right_children": [2, -1, 4, -1, -1],
                "split_indices": [0, 0, 1, 0, 0],
                "split_conditions": [40.0, -1.5, 52000.0, -0.25, 2.0],
                "split_type": [0, 0, 0, 0, 0],
                "default_left": [0, 0, 0, 0, 0],
            }] } },
        },
    });
    std::fs::write(folder.join("credit.json"), forest.to_string()).unwrap();
    let rows = "age,income\n22,31000\n39,90000\n40,51998\n40,52000\n71,18000\n55,140000\n";
    std::fs::write(folder.join("rows.csv"), rows).unwrap();
    std::fs::write(folder.join("one.csv"), "age,income\n55,140000\n").unwrap();
}

#[test]
fn a_forest_is_compiled_proved_and_verified() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder);
    let compile = ["compile", "credit.json", "--calibration", "rows.csv", "--json"];
    let compiled = answer(&zkml(&compile, folder));
    assert_eq!(
        (&compiled["trees"], &compiled["features"]),
        (&1.into(), &2.into())
    );
    assert_eq!(compiled["accuracy"]["classes"]["agreement"], 6);
    assert_eq!(compiled["files"][0]["path"], "credit.model");
    let kept = answer(&zkml(&compile, folder));
    assert_eq!(kept["files"][0]["kept"], true);

    answer(&zkml(&["setup", "credit.model", "--json"], folder));
    let prove = [
        "prove",
        "--key",
        "credit.pkey",
        "--input",
        "one.csv",
        "--context",
        "score",
    ];
    let output = zkml(&prove, folder);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let verify = [
        "verify",
        "--key",
        "credit.vkey",
        "--proof",
        "credit.proof",
        "--context",
        "score",
    ];
    let verified = answer(&zkml(
        &[&verify[..], &["--outputs", "credit.outputs.json", "--json"]].concat(),
        folder,
    ));
    assert_eq!(verified["valid"], true);
    let outputs: Value =
        serde_json::from_slice(&std::fs::read(folder.join("credit.outputs.json")).unwrap()).unwrap();
    let found = outputs.to_string();
    // The margin of the last leaf is the largest, so it is exact.
    assert!(
        found.contains("2.0") || found.contains(":2,") || found.contains("[2]"),
        "{found}"
    );
}

#[test]
fn what_a_forest_does_not_take_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder);
    let with = |further: &[&str]| {
        zkml(
            &[&["compile", "credit.json", "--calibration", "rows.csv"], further].concat(),
            folder,
        )
    };
    assert_refused(
        &with(&["--pad", "2"]),
        2,
        &["credit.json: a decision forest", "--pad"],
    );
    std::fs::write(folder.join("names.txt"), "low\nhigh\nmiddle\n").unwrap();
    let output = with(&["--classes", "names.txt"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    std::fs::write(folder.join("wide.csv"), "1,2,3\n").unwrap();
    let output = zkml(&["compile", "credit.json", "--calibration", "wide.csv"], folder);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    std::fs::write(folder.join("credit.json"), "{}").unwrap();
    assert_refused(
        &with(&[]),
        1,
        &["credit.json: expected XGBoost's JSON", "forest_to_json.py"],
    );
    assert!(!folder.join("credit.model").exists());
}
