use std::path::Path;

use ndarray::ArrayD;
use zkml_core::execute::{Executor, execute_reference};
use zkml_core::keys::{CompiledModel, VerifyingKey};
use zkml_core::proof::{Proof, write_file};
use zkml_core::prove::prove;
use zkml_core::setup::{SetupOptions, setup};
use zkml_core::transcript::VerifyError;
use zkml_core::verify::verify;

use super::grid::Grid;
use super::*;

/// `scripts/reference_forest.py` made these: a model, rows, and the margins that XGBoost or scikit-learn gives.
#[derive(serde::Deserialize)]
struct Case {
    name: String,
    rows: Vec<Vec<Option<f32>>>,
    margins: Vec<Vec<f64>>,
    model: serde_json::Value,
}

fn cases() -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/forests.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn case(name: &str) -> (Forest, Vec<ArrayD<f32>>, Vec<Vec<f64>>) {
    let case = cases().into_iter().find(|case| case.name == name).unwrap();
    let forest = Forest::from_json(case.model.to_string().as_bytes()).unwrap();
    let row = |row: &Vec<Option<f32>>| {
        let values = row.iter().map(|value| value.unwrap_or(f32::NAN)).collect();
        ArrayD::from_shape_vec(vec![1, row.len()], values).unwrap()
    };
    (forest, case.rows.iter().map(row).collect(), case.margins)
}

#[test]
fn margins_are_those_of_xgboost_and_scikit_learn() {
    for case in cases() {
        let (forest, rows, margins) = self::case(&case.name);
        for (row, expected) in rows.iter().zip(&margins) {
            let found = forest.margins(row.as_slice().unwrap()).unwrap();
            let close = found
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() <= 1e-5 * b.abs().max(1.0));
            assert!(
                close && found.len() == expected.len(),
                "{}: {found:?} for {expected:?}",
                case.name
            );
        }
    }
}

/// Every case: the integers come to the same leaves, and give the margins up to the rounding of leaves.
#[test]
fn integers_are_close_to_the_forest() {
    for case in cases() {
        let (forest, rows, _) = self::case(&case.name);
        let options = ForestOptions {
            missing: rows.iter().flatten().any(|value| value.is_nan()),
            ..ForestOptions::default()
        };
        let (network, report) = forest.compile(&rows, &options).unwrap();
        assert_eq!(report.clipping.outside, 0, "{}: {report}", case.name);
        assert!(
            report.outputs[0].total().relative_rms() < 1e-3,
            "{}: {report}",
            case.name
        );
        if let Some(classes) = &report.classes {
            assert_eq!(classes.agreement, rows.len(), "{}: {report}", case.name);
        }
        let executor = Executor::new(&network.graph).unwrap();
        for row in &rows[..2] {
            let input = forest.input(&network, row, &options).unwrap();
            let integers = network.quantize_input(&input).unwrap().integers;
            let slow = execute_reference(&network.graph, &integers).unwrap();
            assert_eq!(
                executor.run(&integers).unwrap().values,
                slow.values,
                "{}",
                case.name
            );
        }
    }
}

#[test]
fn forests_are_proved() {
    for (name, missing) in [
        ("xgboost binary", true),
        ("scikit-learn random forest of classes", false),
    ] {
        let (forest, rows, _) = case(name);
        let options = ForestOptions {
            missing,
            feature_bits: 12,
            ..ForestOptions::default()
        };
        let (network, _) = forest.compile(&rows, &options).unwrap();
        let input = forest.input(&network, &rows[0], &options).unwrap();
        let integers = network.quantize_input(&input).unwrap().integers;
        let key = setup(CompiledModel::new(name, network), &SetupOptions::default()).unwrap();
        let mut proof = prove(&key, &integers, b"credit").unwrap();
        verify(key.verifying(), &proof, b"credit").unwrap();
        let margins = proof.public.outputs.as_ref().unwrap()[0].clone();
        let expected = forest.margins(rows[0].as_slice().unwrap()).unwrap();
        let scale = key.model().network.output_scales[0].first();
        for (margin, expected) in margins.iter().zip(expected) {
            assert!(
                (*margin as f64 * scale - expected).abs() < 0.02,
                "{name}: {margin} for {expected}"
            );
        }
        hand_over(name, key.verifying(), &proof);
        proof.public.outputs.as_mut().unwrap()[0][0] += 1;
        assert!(verify(key.verifying(), &proof, b"credit").is_err());
    }
}

/// Leaves a key, its proof and altered messages for the second verifier, as the tests of the core do (`handed.rs`
/// there), in the folder that `ZKML_WRITE_PROOFS` names.
fn hand_over(name: &str, key: &VerifyingKey, proof: &Proof) {
    let mut altered = Vec::new();
    for part in 0..24 {
        let at = proof.messages.len() * part / 24;
        let mut other = proof.clone();
        other.messages[at] ^= 1;
        let check = match verify(key, &other, b"credit") {
            Err(VerifyError::Check { name, .. }) => name,
            Err(VerifyError::NonCanonical { .. }) => "NonCanonical",
            found => panic!("{name}: byte {at} altered: {found:?}"),
        };
        let put = format!("{:02x}", other.messages[at]);
        altered.push(serde_json::json!({ "at": at, "remove": 1, "put": put, "check": check }));
    }
    let Some(folder) = std::env::var_os("ZKML_WRITE_PROOFS") else {
        return;
    };
    let file = |ending: &str| Path::new(&folder).join(format!("forest {name}.{ending}"));
    write_file(file("vkey"), key).unwrap();
    write_file(file("proof"), proof).unwrap();
    std::fs::write(file("context"), b"credit").unwrap();
    let altered = serde_json::to_string_pretty(&altered).unwrap();
    std::fs::write(file("altered.json"), altered).unwrap();
}

/// Values that do not round to the integer of the threshold are compared exactly. Among those that do, the rows decide.
#[test]
fn comparisons_follow_the_rows() {
    for (low, high, bits) in [
        (0.0, 100.0, 16),
        (-3.0, 1000.0, 12),
        (5.0, 5.0, 8),
        (-1e6, 1e6, 16),
    ] {
        let grid = Grid::of((low, high), bits, Vec::new());
        let half = 1i64 << (bits - 1);
        for part in 0..=50 {
            let threshold = (low + (high - low) * f64::from(part) / 50.0) as f32;
            let integer = grid.threshold(threshold);
            assert!((-half..half).contains(&integer), "{low} {high} {bits}: {integer}");
            // On the grid.
            for near in -2..=2 {
                let x = ((integer + near) as f64 * grid.step + grid.offset) as f32;
                let on_grid = ((f64::from(x) - grid.offset) / grid.step).round_ties_even() as i64;
                assert_eq!(x < threshold, on_grid < integer, "{x} {threshold}");
            }
        }
    }
    // XGBoost takes values of the rows as thresholds: the value itself goes right, whatever it rounds to.
    let seen: Vec<f32> = (0..1000u16).map(|i| f32::from(i) * 0.37).collect();
    let grid = Grid::of((0.0, 370.0), 12, seen.clone());
    for threshold in &seen {
        let integer = grid.threshold(*threshold);
        for x in &seen {
            let rounded = ((f64::from(*x) - grid.offset) / grid.step).round_ties_even() as i64;
            assert_eq!(x < threshold, rounded < integer, "{x} {threshold}");
        }
    }
}

#[test]
fn what_is_no_forest_is_named() {
    let model = |change: &dyn Fn(&mut serde_json::Value)| {
        let case = cases()
            .into_iter()
            .find(|case| case.name == "xgboost binary")
            .unwrap();
        let mut model = case.model;
        change(&mut model);
        Forest::from_json(model.to_string().as_bytes())
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    let tree = "/learner/gradient_booster/model/trees/0";
    let set = |model: &mut serde_json::Value, at: &str, value: serde_json::Value| {
        *model.pointer_mut(at).unwrap() = value;
    };
    let categorical = model(&|model| set(model, &format!("{tree}/split_type/0"), 1.into()));
    assert!(
        categorical.starts_with("tree 0, node 0: expected a numerical split"),
        "{categorical}"
    );
    let linear = model(&|model| set(model, "/learner/gradient_booster/name", "gblinear".into()));
    assert!(
        linear.contains("expected gbtree or dart, found \"gblinear\""),
        "{linear}"
    );
    let cycle = model(&|model| set(model, &format!("{tree}/left_children/0"), 0.into()));
    assert!(
        cycle.contains("expected a tree, found a node with two parents"),
        "{cycle}"
    );
    let outside = model(&|model| set(model, &format!("{tree}/right_children/0"), 1_000_000.into()));
    assert!(
        outside.contains("expected children among the tree's nodes, found 1000000"),
        "{outside}"
    );
    let feature = model(&|model| set(model, &format!("{tree}/split_indices/0"), 77.into()));
    assert!(feature.contains("found feature 77 of"), "{feature}");
    let base = model(&|model| set(model, "/learner/learner_model_param/base_score", "1.5".into()));
    assert!(base.contains("base_score: expected a finite number"), "{base}");
    let survival = model(&|model| set(model, "/learner/objective/name", "survival:cox".into()));
    assert!(survival.contains("found \"survival:cox\""), "{survival}");
    assert!(
        Forest::from_json(b"\x80\x04pickle")
            .unwrap_err()
            .to_string()
            .contains("forest_to_json.py")
    );
    #[cfg(unix)]
    assert!(
        Forest::open("/dev/zero")
            .unwrap_err()
            .to_string()
            .contains("expected a regular file, found a character device")
    );
    assert!(
        Forest::open("missing.json")
            .unwrap_err()
            .to_string()
            .starts_with("cannot read missing.json")
    );
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let (forest, rows, _) = case("scikit-learn random forest of classes");
    let compile = |rows: &[ArrayD<f32>], options| {
        forest
            .compile(rows, &options)
            .map(|_| ())
            .unwrap_err()
            .to_string()
    };
    assert!(compile(&[], ForestOptions::default()).contains("at least one row"));
    let wide = ArrayD::zeros(vec![1, 99]);
    assert!(compile(&[wide], ForestOptions::default()).contains("found [1, 99]"));
    let mut missing = rows[0].clone();
    missing[[0, 0]] = f32::NAN;
    let error = compile(&[missing], ForestOptions::default());
    assert!(error.contains("missing: true"), "{error}");
    let bits = ForestOptions {
        feature_bits: 20,
        ..ForestOptions::default()
    };
    assert!(compile(&rows, bits).contains("expected 8 to 16, found 20"));
}
