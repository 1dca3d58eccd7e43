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

/// Missing values go where the tree says: an empty cell, a word for it, NaN in an array.
#[test]
fn missing_values_take_the_default_direction() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder);
    // Without an age to the left, without an income to the right.
    let forest = std::fs::read_to_string(folder.join("credit.json")).unwrap();
    let forest = forest.replace("\"default_left\":[0,0,0,0,0]", "\"default_left\":[1,0,0,0,0]");
    std::fs::write(folder.join("credit.json"), forest).unwrap();
    let rows = "age,income\n22,31000\n,90000\n40,51998\n40,NA\n71,18000\n55,140000\n";
    std::fs::write(folder.join("rows.csv"), rows).unwrap();
    let compile = [
        "compile",
        "credit.json",
        "--calibration",
        "rows.csv",
        "--public",
        "--json",
    ];
    let compiled = answer(&zkml(&compile, folder));
    assert_eq!(
        (&compiled["missing_values"], &compiled["features"]),
        (&true.into(), &2.into())
    );
    assert_eq!(compiled["accuracy"]["classes"]["agreement"], 6);
    answer(&zkml(&["setup", "credit.model", "--json"], folder));

    std::fs::write(folder.join("no_age.csv"), ",140000\n").unwrap();
    std::fs::write(folder.join("no_income.csv"), "age,income\n55,null\n").unwrap();
    std::fs::write(folder.join("low.csv"), "55,2e4\n").unwrap();
    let array = ndarray::arr1(&[f32::NAN, f32::NAN]).into_dyn();
    ndarray_npy::write_npy(folder.join("nothing.npy"), &array).unwrap();
    // The largest leaf is 2, in 32,512 steps.
    for (input, expected) in [
        ("no_age.csv", -1.5),
        ("no_income.csv", 2.0),
        ("low.csv", -0.25),
        ("nothing.npy", -1.5),
    ] {
        let prove = [
            "prove",
            "--key",
            "credit.pkey",
            "--force",
            "--json",
            "--input",
            input,
        ];
        let proved = answer(&zkml(&prove, folder));
        let margin = proved["answers"][0]["values"][0].as_f64().unwrap();
        assert!((margin - expected).abs() < 1e-3, "{input}: {margin}");
        assert_eq!(proved["input_clipping"]["outside_calibration"], 0, "{input}");
        let verify = [
            "verify",
            "--key",
            "credit.vkey",
            "--proof",
            "credit.proof",
            "--input",
        ];
        let verified = zkml(&[&verify[..], &[input]].concat(), folder);
        assert_eq!(verified.status.code(), Some(0), "{}", text(&verified.stderr));
        // A missing age is another input than any age.
        let other = zkml(&[&verify[..], &["one.csv"]].concat(), folder);
        assert_refused(&other, 1, &["rejected: ", "of the proof's input is"]);
    }
    std::fs::write(folder.join("text.csv"), "age,income\n55,much\n").unwrap();
    let prove = ["prove", "--key", "credit.pkey", "--force", "--input", "text.csv"];
    let words = ["text.csv, line 2, column `income`: expected a number, found `much`"];
    assert_refused(&zkml(&prove, folder), 1, &words);
}

/// A forest that was compiled without them says how to get one that takes them.
#[test]
fn missing_values_are_refused_where_no_one_asked_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder);
    let compile = [
        "compile",
        "credit.json",
        "--calibration",
        "rows.csv",
        "--public",
        "--json",
    ];
    let compiled = answer(&zkml(&compile, folder));
    assert_eq!(compiled["missing_values"], false);
    answer(&zkml(&["setup", "credit.model", "--json"], folder));
    std::fs::write(folder.join("no_income.csv"), "age,income\n55,\n").unwrap();
    let array = ndarray::arr1(&[f32::NAN, 9.0]).into_dyn();
    ndarray_npy::write_npy(folder.join("no_age.npy"), &array).unwrap();
    for (input, found) in [
        (
            "no_income.csv",
            "line 2, column `income`: expected a number, found nothing",
        ),
        ("no_age.npy", "expected finite numbers, found NaN at [0]"),
    ] {
        let output = zkml(&["prove", "--key", "credit.pkey", "--input", input], folder);
        assert_refused(&output, 1, &[found, "`zkml compile FOREST.json --missing`"]);
    }
    // Asked for, they are taken although no calibration row has any.
    let asked = answer(&zkml(&[&compile[..], &["--missing", "--force"]].concat(), folder));
    assert_eq!(asked["missing_values"], true);
    let network = zkml(
        &[
            "compile",
            "lenet",
            "--missing",
            "--weights",
            "w",
            "--calibration",
            "c",
        ],
        folder,
    );
    assert_refused(&network, 2, &["--missing: expected a decision forest"]);
}
