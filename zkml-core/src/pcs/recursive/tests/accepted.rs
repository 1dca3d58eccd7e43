//! Honest recursions, and what they cost.

use super::*;
use crate::pcs::TARGET_BITS;
use crate::transcript::ErrorTerm;
use crate::transcript::Kind;
use crate::transcript::term::total;

#[test]
fn honest_recursions_are_accepted() {
    let shapes: [&[(u32, u32, usize)]; 9] = [
        &[(1, 3, 8)],
        &[(1, 4, 5)],
        &[(3, 5, 4)],
        &[(4, 6, 20)],
        &[(5, 8, 30)],
        &[(4, 6, 9), (1, 3, 3)],
        &[(5, 7, 9), (4, 7, 8)],
        &[(4, 8, 9), (3, 6, 8), (2, 4, 5)],
        &[(5, 6, 9), (3, 5, 32), (2, 6, 8), (1, 5, 2)],
    ];
    for shape in shapes {
        let parameters = levels(shape);
        // Tails of 0, 1, 2 and more rows, up to the whole cube.
        for tail in [0, 32, 64, 96, 128] {
            for (points, queries) in [(1, 6), (0, 5), (3, 1)] {
                let scene = Scene::new(code(7, tail, 10, queries), parameters.clone(), points);
                let (proof, _) = scene.prove();
                assert_eq!(scene.verify(&proof), Ok(()), "{shape:?} {tail} {points}");
            }
        }
    }
    // A number of rows for every last bit of the cube.
    for tail in 0..=16 {
        let scene = Scene::new(code(5, 2 * tail, 8, 5), levels(&[(1, 4, 5)]), 1);
        assert_eq!(scene.verify(&scene.prove().0), Ok(()), "{tail}");
    }
}

#[test]
fn functionals_in_any_order_and_twice_and_none() {
    let scene = rich_scene();
    let mut random = Random(3);
    let mut point = || (0..7).map(|_| random.element()).collect::<Vec<K>>();
    let lists = [
        vec![],
        vec![Functional::Eq(point())],
        vec![
            Functional::Position(1023),
            Functional::Eq(point()),
            Functional::Position(0),
            Functional::Position(1023),
            Functional::Eq(point()),
            Functional::Position(512),
        ],
    ];
    for functionals in lists {
        let mut channel = ProverTranscript::new(DOMAIN);
        let committed = commit(&mut channel, &scene.parameters, &scene.message).unwrap();
        prove(
            &mut channel,
            &scene.parameters,
            &scene.base,
            committed,
            &functionals,
        )
        .unwrap();
        let proof = channel.into_proof();
        let values = scene.values(&functionals);
        let verify_values = |values: &[K]| {
            let mut channel = VerifierTranscript::new(DOMAIN, &proof);
            let length = scene.message.len();
            let vector = read_vector(&mut channel, &scene.parameters, length).unwrap();
            let claims: Vec<(Functional, K)> =
                functionals.iter().cloned().zip(values.iter().copied()).collect();
            verify(&mut channel, &scene.parameters, &scene.base, vector, claims)?;
            channel.finish()
        };
        assert_eq!(verify_values(&values), Ok(()));
        for index in 0..values.len() {
            let mut other = values.clone();
            other[index] += K::from(1u64);
            assert_check(verify_values(&other), "recursion.inner_product");
        }
    }
}

#[test]
fn messages_come_in_the_order_that_makes_them_count() {
    let (root, message) = (
        (Kind::Digest, "recursion.root"),
        (Kind::Extension, "recursion.message"),
    );
    // Rows of the levels: 5, 4, 4, without work before their challenges.
    assert_order(
        &rich_scene(),
        &[(3, false, root), (2, false, root), (2, false, message)],
    );
    // Rows of the levels: 5, 4.
    assert_order(&scene_with_work(), &[(3, true, root), (2, false, message)]);
}

/// The messages of a proof are those of these levels: rounds, whether work precedes their challenges, and what comes
/// after them.
fn assert_order(scene: &Scene, levels: &[(usize, bool, (Kind, &'static str))]) {
    let (proof, events) = scene.prove();
    let mut names: Vec<(Kind, &str)> = events.iter().map(|event| (event.kind, event.label)).collect();
    names.dedup();
    let mut expected = vec![
        (Kind::Digest, "recursion.root"),
        (Kind::Positions, "positions"),
        (Kind::Challenge, "point"),
        (Kind::Extension, "values"),
    ];
    for (rounds, work, next) in levels {
        expected.push((Kind::Challenge, "recursion.batch"));
        for _ in 0..*rounds {
            expected.push((Kind::Extension, "recursion.rows"));
            if *work {
                expected.push((Kind::Grind, "recursion.rows.grind"));
                expected.push((Kind::Nonce, "recursion.rows.grind"));
            }
            expected.push((Kind::Challenge, "recursion.rows"));
        }
        expected.push(*next);
        expected.extend([
            (Kind::Grind, "recursion.grind"),
            (Kind::Nonce, "recursion.grind"),
            (Kind::Positions, "recursion.positions"),
            (Kind::Base, "recursion.columns"),
            (Kind::Digest, "recursion.path"),
        ]);
    }
    assert_eq!(names, expected);
    let mut channel = VerifierTranscript::recording(DOMAIN, &proof);
    assert_eq!(scene.verify_on(&mut channel), Ok(()));
    assert_eq!(channel.events(), events);
}

#[test]
fn the_choice_is_as_small_as_it_says_and_fits() {
    for (base, grinding_bits) in [
        (code(11, 400, 13, 20), 12),
        (code(13, 1000, 15, 20), 8),
        (code(13, 0, 15, 20), 0),
    ] {
        let goal = RecursionGoal {
            grinding_bits,
            ..RecursionGoal::default()
        };
        let parameters = RecursionParameters::choose(base.message_length(), &goal);
        assert!(!parameters.levels.is_empty());
        let length = parameters.padded_length(base.message_length());
        assert_eq!(parameters.validate(length), Ok(()));
        let base = CodeParameters {
            tail: length - base.row_length(),
            ..base
        };
        let mut scene = Scene::new(base, parameters, 1);
        for level in &mut scene.parameters.levels {
            assert!(level.query_bits() >= TARGET_BITS);
            // The work is not what is tested.
            level.grinding_bits = 1;
        }
        let (proof, _) = scene.prove();
        assert_eq!(scene.verify(&proof), Ok(()));
        let found = proof.len() - 16 * (scene.base.queries + 1);
        let expected = scene.parameters.bytes(length);
        assert!(
            // Nodes depend on the positions.
            found.abs_diff(expected) < expected / 20,
            "{found} bytes, expected {expected}"
        );
        assert!(found < 16 * length);
        let cost = scene.parameters.cost(length);
        assert!(cost.encoded_cells >= 2 * 4 * length && cost.encoded_cells < 2 * 24 * length);
    }
    // What is short is sent.
    let goal = RecursionGoal::default();
    assert_eq!(
        RecursionParameters::choose(100, &goal),
        RecursionParameters::default()
    );
    let none = RecursionParameters::default();
    assert_eq!((none.bytes(100), none.padded_length(100)), (1600, 100));
    assert_eq!(none.cost(100).encoded_cells, 0);
    assert!(soundness::recursion_terms(&none, 100).is_empty());
}

#[test]
fn a_large_recursion_is_a_hundred_kilobytes() {
    let goal = RecursionGoal {
        grinding_bits: 20,
        ..RecursionGoal::default()
    };
    let length = (1 << 17) + 9_000;
    let parameters = RecursionParameters::choose(length, &goal);
    let cost = parameters.cost(length);
    assert!((90_000..140_000).contains(&cost.bytes), "{cost:?} {parameters:?}");
    assert!((2..=3).contains(&parameters.levels.len()));
    let padded = parameters.padded_length(length);
    assert!(total(&soundness::recursion_terms(&parameters, padded)) > 101.0);
}

#[test]
fn soundness_terms_are_what_the_formulas_give() {
    let parameters = RecursionParameters {
        levels: vec![
            CodeParameters::for_target(11, 0, 15, 20, TARGET_BITS).unwrap(),
            CodeParameters::for_target(8, 0, 11, 10, TARGET_BITS).unwrap(),
        ],
    };
    // 69 rows, then 8.
    let terms = soundness::recursion_terms(&parameters, 69 << 11);
    let bits = |name: &str| {
        let found = terms.iter().find(|term| term.name == name);
        found.unwrap_or_else(|| panic!("{name} in {terms:?}")).bits
    };
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
    for (name, level) in [
        ("recursion: queries of level 1", &parameters.levels[0]),
        ("recursion: queries of level 2", &parameters.levels[1]),
    ] {
        let rate = (level.row_length() as f64 + 1.0) / level.codeword_length() as f64;
        let expected = level.queries as f64 * -((1.0 + rate) / 2.0).log2() + f64::from(level.grinding_bits);
        assert!(near(bits(name), expected));
        assert!((TARGET_BITS..TARGET_BITS + 1.0).contains(&expected));
    }
    // 7 challenges after 6 bits of work each, and 3 after 1.
    for (name, points, work) in [
        (
            "recursion: proximity of level 1, 6 bits of them grinding",
            7 << 15,
            6.0,
        ),
        (
            "recursion: proximity of level 2, 1 bits of them grinding",
            3 << 11,
            1.0,
        ),
    ] {
        assert!(near(bits(name), 122.0 - f64::from(points).log2() + work));
    }
    assert!(near(bits("recursion: subspace"), 122.0 - 10f64.log2()));
    assert!(near(bits("recursion: rows"), 122.0 - 20f64.log2()));
    assert!(near(bits("recursion: batching"), 121.0));
    assert_eq!(terms.len(), 7);
    assert!(total(&terms) > 102.0 && total(&terms) < 104.0);
}

/// The only level of a recursion over `rows` rows.
fn proximity_of(log_row: u32, log_codeword: u32, rows: usize) -> ErrorTerm {
    let parameters = levels(&[(log_row, log_codeword, 1)]);
    let terms = soundness::recursion_terms(&parameters, rows << log_row);
    let found = terms.into_iter().find(|term| term.name.contains("proximity"));
    found.unwrap()
}

#[test]
fn work_before_the_challenges_of_rows_is_the_least_that_suffices() {
    for log_codeword in 3..=30 {
        for rows in 2usize..=300 {
            let parameters = levels(&[(1, log_codeword, 1)]);
            let shapes = parameters.shapes(rows << 1);
            // The least cube that holds the rows.
            let variables = (0..).find(|variables| 1 << variables >= rows).unwrap();
            assert_eq!(shapes[0].variables, variables);
            let work = soundness::rows_grinding_bits(&shapes[0]);
            assert_eq!(
                work,
                work_by_definition(variables, log_codeword),
                "{log_codeword} {rows}"
            );
            let ErrorTerm { name, bits, .. } = proximity_of(1, log_codeword, rows);
            let alone = 122.0 - (variables as f64).log2() - f64::from(log_codeword);
            assert!((bits - alone - f64::from(work)).abs() < 1e-9);
            assert_eq!(work == 0, alone > 110.0 - 1e-9, "{name}");
            assert_eq!(name.contains("grinding"), work > 0);
            // No more than a bit above the aim, if there is work; all of them reach it below the cap.
            assert!(work == 0 || bits < 111.0, "{bits}");
            assert!(bits > 110.0 - 1e-9 || work == soundness::MAX_ROWS_GRINDING_BITS);
        }
    }
}

#[test]
fn a_vector_of_four_million_is_sound_with_rows_of_2_to_18() {
    // 2^22 coordinates and a row of tail are 17 rows: 5 challenges. Without work that is 99.7 bits.
    let ErrorTerm { name, bits, .. } = proximity_of(18, 20, 17);
    assert_eq!(name, "recursion: proximity of level 1, 11 bits of them grinding");
    assert!((bits - (99.68 + 11.0)).abs() < 0.01, "{bits}");
    let goal = |target_bits| CodeParameters::for_target(18, 0, 20, 20, target_bits).unwrap();
    let parameters = RecursionParameters {
        levels: vec![
            goal(TARGET_BITS),
            CodeParameters::for_target(11, 0, 15, 20, TARGET_BITS).unwrap(),
        ],
    };
    let terms = soundness::recursion_terms(&parameters, 17 << 18);
    assert!(total(&terms) > 102.9, "{terms:?}");
    // Beyond the cap the account says so: 31 challenges on codewords of 2^30.
    let ErrorTerm { name, bits, .. } = proximity_of(1, 30, 1 << 31);
    assert!(name.ends_with("20 bits of them grinding"));
    assert!((bits - (122.0 - 30.0 - 31f64.log2() + 20.0)).abs() < 1e-9 && bits < 110.0);
}
