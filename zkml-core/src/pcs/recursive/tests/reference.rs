//! A second prover, written from the statement with dense tables and sums over the whole cube: it must say the same,
//! byte for byte, and it can be told to lie.

use ark_ff::{AdditiveGroup, Field};

use super::super::level::Level;
use super::super::parameters::LevelShape;
use super::*;

/// What a lying prover changes.
#[derive(Clone, Copy, Default)]
struct Lies {
    /// A vector after this level that is not the combination of its rows, and goes on as if it were.
    combination: Option<usize>,
    /// Claims the first value is one more, and makes the first round fit.
    round: bool,
    /// Opens the columns of this level as if they were those of another matrix.
    columns: Option<usize>,
}

/// One row at a time; rows that do not exist are 0.
fn rows(values: &[K], shape: &LevelShape<'_>) -> Vec<Vec<K>> {
    let mut rows: Vec<Vec<K>> = values
        .chunks(shape.code.row_length())
        .map(<[K]>::to_vec)
        .collect();
    rows.resize(1 << shape.variables, vec![K::ZERO; shape.code.row_length()]);
    rows
}

/// `row_a + x (row_b - row_a)` for each pair of a row of the first half and one of the second.
fn at(rows: &[Vec<K>], x: K) -> Vec<Vec<K>> {
    let (low, high) = rows.split_at(rows.len() / 2);
    let row =
        |(low, high): (&Vec<K>, &Vec<K>)| low.iter().zip(high).map(|(a, b)| *a + x * (*b - a)).collect();
    low.iter().zip(high).map(row).collect()
}

fn products(a: &[Vec<K>], b: &[Vec<K>]) -> K {
    a.iter().zip(b).map(|(a, b)| inner_product(a, b)).sum()
}

/// The messages of [`prove`] behind those of [`commit`].
fn prove_by_definition(
    channel: &mut ProverTranscript,
    parameters: &RecursionParameters,
    base: &CodeParameters,
    message: &[K],
    functionals: &[Functional],
    lies: Lies,
) {
    let mut message = message.to_vec();
    let mut running: Option<Vec<K>> = None;
    let mut claims: Vec<Vec<K>> = functionals
        .iter()
        .map(|functional| dense(base, functional))
        .collect();
    let shapes = parameters.shapes(message.len());
    let mut level = Level::new(&shapes[0], &message).unwrap();
    for (index, shape) in shapes.iter().enumerate() {
        let lambdas = channel.challenges("recursion.batch", claims.len());
        let mut weights = running.unwrap_or(vec![K::ZERO; message.len()]);
        for (claim, lambda) in claims.iter().zip(&lambdas) {
            weights
                .iter_mut()
                .zip(claim)
                .for_each(|(sum, w)| *sum += *lambda * w);
        }
        let (mut u, mut w) = (rows(&message, shape), rows(&weights, shape));
        for round in 0..shape.variables {
            // g(X) by three of its values.
            let g = |x: u64| products(&at(&u, K::from(x)), &at(&w, K::from(x)));
            let (zero, one, two) = (g(0), g(1), g(2));
            let square = (two - one - one + zero) * K::from(2u64).inverse().unwrap();
            let lie = if lies.round && index == 0 && round == 0 {
                lambdas[0]
            } else {
                K::ZERO
            };
            channel.send_extension("recursion.rows", &[zero + lie, square]);
            let work = work_by_definition(shape.variables, shape.code.log_codeword);
            channel.grind("recursion.rows.grind", work);
            let challenge = channel.challenge("recursion.rows");
            (u, w) = (at(&u, challenge), at(&w, challenge));
        }
        (message, running) = (u.swap_remove(0), Some(w.swap_remove(0)));
        if lies.combination == Some(index) {
            message[0] += K::from(1u64);
        }
        let next = shapes
            .get(index + 1)
            .map(|next| Level::new(next, &message).unwrap());
        match &next {
            Some(next) => channel.send_digest("recursion.root", &next.root()),
            None => channel.send_extension("recursion.message", &message),
        }
        channel.grind("recursion.grind", shape.code.grinding_bits);
        let positions = channel.positions(
            "recursion.positions",
            shape.code.queries,
            shape.code.codeword_length(),
        );
        let mut cells = level.columns(&positions);
        if lies.columns == Some(index) {
            cells[0] += M61::from(1u64);
        }
        channel.send_base("recursion.columns", &cells);
        for node in level.path(&positions) {
            channel.send_digest("recursion.path", &node);
        }
        claims = positions
            .into_iter()
            .map(|position| dense(shape.code, &Functional::Position(position)))
            .collect();
        if let Some(next) = next {
            level = next;
        }
    }
}

impl Scene {
    /// [`Scene::prove`] with the second prover.
    fn prove_by_definition(&self, lies: Lies) -> Vec<u8> {
        let mut channel = ProverTranscript::new(DOMAIN);
        commit(&mut channel, &self.parameters, &self.message).unwrap();
        let drawn = channel.positions("positions", self.base.queries, self.base.codeword_length());
        let functionals = self.functionals(|| channel.challenge("point"), || drawn);
        let mut values = self.values(&functionals);
        if lies.round {
            values[0] += K::from(1u64);
        }
        channel.send_extension("values", &values);
        prove_by_definition(
            &mut channel,
            &self.parameters,
            &self.base,
            &self.message,
            &functionals,
            lies,
        );
        channel.into_proof()
    }
}

#[test]
fn both_provers_say_the_same() {
    let shapes: [&[(u32, u32, usize)]; 6] = [
        &[(1, 4, 5)],
        &[(5, 14, 30), (3, 6, 20)],
        &[(5, 8, 30)],
        &[(4, 6, 9), (1, 3, 3)],
        &[(4, 8, 9), (3, 6, 8), (2, 4, 5)],
        &[(5, 6, 9), (3, 5, 32), (2, 6, 8), (1, 5, 2)],
    ];
    for shape in shapes {
        for tail in [0, 32, 64, 96, 128] {
            let scene = Scene::new(code(7, tail, 10, 9), levels(shape), 2);
            let (proof, _) = scene.prove();
            assert_eq!(
                scene.prove_by_definition(Lies::default()),
                proof,
                "{shape:?} {tail}"
            );
        }
    }
}

/// The inner product of some level is false.
fn assert_false_product(scene: &Scene, lies: Lies) {
    let proof = scene.prove_by_definition(lies);
    assert_check(scene.verify(&proof), "recursion.inner_product");
}

#[test]
fn a_vector_that_is_not_the_combination_is_rejected() {
    // Enough columns that one of them is where the two codewords differ.
    let scene = Scene::new(
        code(7, 32, 10, 9),
        levels(&[(5, 8, 200), (3, 6, 50), (1, 4, 14)]),
        2,
    );
    for index in 0..3 {
        let lies = Lies {
            combination: Some(index),
            ..Lies::default()
        };
        // The running claim on the altered vector is false from there on, and so are those of the columns.
        assert_false_product(&scene, lies);
    }
}

#[test]
fn a_round_that_fits_a_false_value_is_rejected() {
    let scene = rich_scene();
    let lies = Lies {
        round: true,
        ..Lies::default()
    };
    assert_false_product(&scene, lies);
}

#[test]
fn columns_of_another_matrix_are_rejected_at_their_level() {
    let scene = rich_scene();
    for index in 0..3 {
        let lies = Lies {
            columns: Some(index),
            ..Lies::default()
        };
        match scene.verify(&scene.prove_by_definition(lies)) {
            Err(VerifyError::Check { name, place }) => {
                assert_eq!(
                    (name, place),
                    ("recursion.merkle", format!("level {}", index + 1))
                );
            }
            other => panic!("{other:?}"),
        }
    }
}
