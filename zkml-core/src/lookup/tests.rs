//! The lookup argument against brute force, altered messages, and provers that lie.

use core::convert::Infallible;
use core::slice;

use ark_ff::{AdditiveGroup, Field};
use proptest::prelude::*;

use super::*;
use crate::error::KeyError;
use crate::field::{P, from_i64};
use crate::sumcheck::testing::{Message, Stream, TestProver, TestVerifier, altered, evaluate, places};
use crate::transcript::{ProverChannel, ProverTranscript, VerifierChannel, VerifierTranscript, VerifyError};

/// A statement with everything the prover holds.
#[derive(Debug, Clone)]
struct Case {
    statement: Statement,
    lookups: Vec<Vec<Vec<M61>>>,
    tables: Vec<Vec<Vec<M61>>>,
    multiplicities: Vec<Vec<M61>>,
}

/// Reads a random row of a random table for every row of every lookup. Sizes: `(variables, table)` for lookups,
/// `(variables, arity)` for tables.
fn case(seed: u64, lookups: &[(usize, usize)], tables: &[(usize, usize)]) -> Case {
    let mut stream = Stream(seed);
    let statement = Statement {
        lookups: lookups
            .iter()
            .map(|(variables, table)| LookupShape {
                variables: *variables,
                arity: tables[*table].1,
                table: *table,
            })
            .collect(),
        tables: tables
            .iter()
            .map(|(variables, arity)| TableShape {
                variables: *variables,
                arity: *arity,
            })
            .collect(),
    };
    let values: Vec<Vec<Vec<M61>>> = tables
        .iter()
        .map(|(variables, arity)| {
            (0..*arity)
                .map(|column| {
                    // The second column has small integers of both signs, the third one does if the table is of even size.
                    let value = |row: u64| match column {
                        0 => M61::from_raw(row),
                        2 if variables % 2 == 1 => M61::from_raw(stream.word() % P),
                        _ => from_i64((stream.word() >> 46) as i64 - (1 << 17)),
                    };
                    (0..1u64 << variables).map(value).collect()
                })
                .collect()
        })
        .collect();
    let mut multiplicities: Vec<Vec<M61>> = tables
        .iter()
        .map(|(variables, _)| vec![M61::ZERO; 1 << variables])
        .collect();
    let lookups = lookups
        .iter()
        .map(|(variables, table)| {
            let counts = &mut multiplicities[*table];
            let rows: Vec<usize> = (0..1 << variables)
                .map(|_| stream.word() as usize % counts.len())
                .collect();
            rows.iter().for_each(|row| counts[*row] += M61::ONE);
            values[*table]
                .iter()
                .map(|column| rows.iter().map(|row| column[*row]).collect())
                .collect()
        })
        .collect();
    Case {
        statement,
        lookups,
        tables: values,
        multiplicities,
    }
}

fn lift(column: &[M61]) -> Vec<K> {
    column.iter().map(|x| K::from_base_prime_field(*x)).collect()
}

fn slices(columns: &[Vec<Vec<M61>>]) -> Vec<Vec<LookedUp<'_>>> {
    columns
        .iter()
        .map(|columns| columns.iter().map(|column| column.as_slice().into()).collect())
        .collect()
}

/// The claims of a single statement.
fn only(claims: Vec<Claims<K>>) -> Claims<K> {
    let [claims] = <[Claims<K>; 1]>::try_from(claims).unwrap();
    claims
}

impl Case {
    fn witness(&self) -> Witness<'_> {
        Witness {
            lookups: slices(&self.lookups),
            tables: slices(&self.tables),
            multiplicities: self.multiplicities.iter().map(Vec::as_slice).collect(),
        }
    }

    fn prove_on(&self, channel: &mut impl ProverChannel) -> Claims<K> {
        let tree = |_: usize, compression: &Compression| -> Result<_, Infallible> {
            Ok(Fractions::new(&self.statement, compression, self.witness()))
        };
        only(prove(channel, slice::from_ref(&self.statement), tree).unwrap())
    }

    fn prove(&self) -> (Claims<K>, Vec<Message>) {
        let mut channel = TestProver::default();
        let claims = self.prove_on(&mut channel);
        (claims, channel.messages)
    }

    fn table_evaluation(&self, table: usize, column: usize, point: &[K]) -> K {
        evaluate(&lift(&self.tables[table][column]), point)
    }

    fn verify_on<C: VerifierChannel<Scalar = K>>(&self, channel: &mut C) -> Result<Claims<K>, VerifyError> {
        let claims = verify(
            channel,
            slice::from_ref(&self.statement),
            &|table, column, point| self.table_evaluation(table, column, point),
        );
        claims.map(only)
    }

    fn verify(&self, messages: Vec<Message>) -> Result<Claims<K>, VerifyError> {
        let mut channel = TestVerifier::new(messages);
        let claims = self.verify_on(&mut channel)?;
        assert!(channel.finished());
        Ok(claims)
    }

    /// Whether the claims are the evaluations of the committed columns: what the caller proves afterwards.
    fn claims_hold(&self, claims: &Claims<K>) -> bool {
        let value = |column: &Vec<M61>| evaluate(&lift(column), claims.suffix(column.len().ilog2() as usize));
        let columns = self
            .lookups
            .iter()
            .map(|columns| columns.iter().map(value).collect::<Vec<K>>());
        claims.lookups == columns.collect::<Vec<_>>()
            && claims.multiplicities == self.multiplicities.iter().map(value).collect::<Vec<K>>()
    }

    /// The sum of all fractions, each with its own inverse, and the product of the denominators.
    fn brute_force(&self, compression: &Compression) -> (K, K) {
        let denominator = |table: usize, columns: &[Vec<M61>], row: usize| {
            let mut value = compression.alpha - compression.gamma * K::from(table as u64 + 1);
            for (power, column) in columns.iter().enumerate() {
                value -= compression.beta.pow([power as u64]) * K::from_base_prime_field(column[row]);
            }
            value
        };
        let (mut sum, mut product) = (K::ZERO, K::ONE);
        for (shape, columns) in self.statement.lookups.iter().zip(&self.lookups) {
            for row in 0..1 << shape.variables {
                let q = denominator(shape.table, columns, row);
                sum += q.inverse().unwrap();
                product *= q;
            }
        }
        for (table, columns) in self.tables.iter().enumerate() {
            for (row, count) in self.multiplicities[table].iter().enumerate() {
                let q = denominator(table, columns, row);
                sum -= q.inverse().unwrap() * K::from_base_prime_field(*count);
                product *= q;
            }
        }
        (sum, product)
    }
}

fn failed(result: Result<Claims<K>, VerifyError>) -> &'static str {
    match result {
        Err(VerifyError::Check { name, .. }) => name,
        other => panic!("a check should have failed: {other:?}"),
    }
}

/// The check that failed, and where.
fn placed<T: core::fmt::Debug>(result: Result<T, VerifyError>) -> String {
    match result {
        Err(VerifyError::Check { name, place }) => format!("{name}: {place}"),
        other => panic!("a check should have failed: {other:?}"),
    }
}

/// The tree is honest, and its sum is not 0.
const FALSE_SUM: &str = "lookup.layer: layer 0";

/// `(variables, table)` of lookups or `(variables, arity)` of tables.
type Sizes = Vec<(usize, usize)>;

/// Random sizes: up to four tables, up to four lookups, blocks of no variables included.
fn sizes() -> impl Strategy<Value = (Sizes, Sizes)> {
    prop::collection::vec((0usize..5, 1usize..4), 1..4).prop_flat_map(|tables| {
        let count = tables.len();
        (prop::collection::vec((0usize..6, 0..count), 0..5), Just(tables))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn honest_proofs_pass((lookups, tables) in sizes(), seed: u64) {
        let case = case(seed, &lookups, &tables);
        let (claims, messages) = case.prove();
        prop_assert!(case.claims_hold(&claims));
        prop_assert_eq!(case.verify(messages), Ok(claims));
    }

    #[test]
    fn the_root_is_the_sum_of_all_fractions((lookups, tables) in sizes(), seed: u64, wrong: bool) {
        let mut case = case(seed, &lookups, &tables);
        if wrong {
            case.multiplicities[0][0] += M61::ONE;
        }
        let mut channel = TestProver::default();
        let compression = Compression::draw(|label| channel.challenge(label));
        let (sum, product) = case.brute_force(&compression);
        let messages = case.prove().1;
        prop_assert_eq!(sum == K::ZERO, !wrong);
        prop_assert_eq!(&messages[0].1, &vec![product, product.inverse().unwrap()]);
        // The first layer shows the sum; a tree of one leaf has none.
        if let ("lookup.layer", values) = &messages[1] {
            let [p0, p1, q0, q1] = values[..] else { panic!("four values") };
            prop_assert_eq!(p0 * q1 + p1 * q0, sum * product);
        }
    }

    #[test]
    fn blocks_are_aligned_and_disjoint((lookups, tables) in sizes(), seed: u64) {
        let statement = case(seed, &lookups, &tables).statement;
        let stack = Stack::new(&statement);
        let mut end = 0;
        for block in &stack.blocks {
            prop_assert_eq!(block.offset, end);
            prop_assert_eq!(block.offset % (1 << block.variables), 0);
            end += 1 << block.variables;
        }
        prop_assert_eq!(stack.blocks.len(), lookups.len() + tables.len());
        prop_assert!(end <= 1 << stack.variables && 1 << stack.variables < 2 * end);
        // The weight of a block is the sum of eq(point, cell) over its cells.
        let point = Stream(seed).elements(stack.variables);
        for block in &stack.blocks {
            let mut indicator = vec![K::ZERO; 1 << stack.variables];
            indicator[block.offset as usize..][..1 << block.variables].fill(K::ONE);
            prop_assert_eq!(block.weight(&point), evaluate(&indicator, &point));
        }
    }

    #[test]
    fn any_altered_scalar_is_caught((lookups, tables) in sizes(), seed: u64) {
        let case = case(seed, &lookups, &tables);
        let (_, messages) = case.prove();
        for place in places(&messages) {
            let result = case.verify(altered(&messages, place));
            match messages[place.0].0 {
                "lookup.root" => prop_assert_eq!(failed(result), "lookup.denominator_nonzero"),
                "lookup.round" => prop_assert_eq!(failed(result), "lookup.layer"),
                "lookup.layer" => prop_assert_eq!(failed(result), "lookup.layer"),
                // The numerators do not see the columns.
                "lookup.columns" => prop_assert_eq!(failed(result), "lookup.denominator"),
                "lookup.multiplicities" => prop_assert_eq!(failed(result), "lookup.numerator"),
                label => prop_assert!(false, "unknown message {}", label),
            }
        }
    }
}

/// Two lookups into one table and one into another; sizes that do not add up to a power of two.
fn example() -> Case {
    case(1, &[(3, 0), (2, 0), (4, 1)], &[(3, 1), (2, 2)])
}

#[test]
fn a_value_outside_the_table_is_caught() {
    let mut case = example();
    case.lookups[0][0][5] = M61::from(8u64);
    assert_eq!(placed(case.verify(case.prove().1)), FALSE_SUM);
}

#[test]
fn a_false_function_value_is_caught() {
    let mut case = example();
    case.lookups[2][1][7] += M61::ONE;
    assert_eq!(placed(case.verify(case.prove().1)), FALSE_SUM);
}

#[test]
fn columns_of_a_row_swapped_are_caught() {
    let mut case = example();
    case.lookups[2].swap(0, 1);
    assert_eq!(placed(case.verify(case.prove().1)), FALSE_SUM);
}

#[test]
fn a_wrong_multiplicity_is_caught() {
    let mut case = example();
    case.multiplicities[1][2] += M61::ONE;
    assert_eq!(placed(case.verify(case.prove().1)), FALSE_SUM);
}

#[test]
fn swapped_multiplicities_are_caught() {
    let mut case = example();
    let counts = &mut case.multiplicities[0];
    let other = counts.iter().position(|count| *count != counts[0]).unwrap();
    counts.swap(0, other);
    assert_eq!(placed(case.verify(case.prove().1)), FALSE_SUM);
}

#[test]
fn a_row_of_another_table_is_caught() {
    // Table 1 is as wide as table 0 and has more rows: its row 7 is not in table 0.
    let mut case = case(2, &[(3, 0), (3, 1)], &[(2, 1), (3, 1)]);
    case.lookups[0][0][0] = M61::from(7u64);
    case.multiplicities[1][7] += M61::ONE;
    assert_eq!(placed(case.verify(case.prove().1)), FALSE_SUM);
}

#[test]
fn a_lookup_in_the_wrong_table_is_caught() {
    // Both tables have the same rows; only the table's number tells them apart.
    let honest = case(3, &[(3, 0), (3, 1)], &[(2, 1), (2, 1)]);
    let mut wrong = honest.clone();
    wrong.statement.lookups[0].table = 1;
    let (_, messages) = wrong.prove();
    assert_eq!(placed(wrong.verify(messages.clone())), FALSE_SUM);
    assert_eq!(placed(honest.verify(messages)), FALSE_SUM);
}

#[test]
fn a_prover_who_bends_the_first_layer_to_a_sum_of_zero_is_caught_at_the_second() {
    let mut case = example();
    case.multiplicities[0][0] += M61::ONE;
    let mut messages = case.prove().1;
    let ("lookup.layer", values) = &mut messages[1] else {
        panic!("the first layer has no rounds")
    };
    let [_, p1, q0, q1] = values[..] else {
        panic!("four values")
    };
    values[0] = -p1 * q0 * q1.inverse().unwrap();
    assert_eq!(placed(case.verify(messages)), "lookup.layer: layer 1");
}

#[test]
fn a_zero_denominator_is_caught() {
    let case = example();
    let mut messages = case.prove().1;
    messages[0].1 = vec![K::ZERO; 2];
    assert_eq!(failed(case.verify(messages)), "lookup.denominator_nonzero");
}

#[test]
fn claims_of_a_lying_prover_do_not_hold() {
    // The columns in the argument are not the committed ones: it passes, but its claims are false.
    let committed = example();
    let mut shown = committed.clone();
    shown.multiplicities[0][0] += M61::ONE;
    shown.lookups[0][0][0] = shown.tables[0][0][0];
    let old = committed.lookups[0][0][0].value as usize;
    shown.multiplicities[0][old] -= M61::ONE;
    let (claims, messages) = shown.prove();
    assert_eq!(shown.verify(messages), Ok(claims.clone()));
    assert!(old == 0 || !committed.claims_hold(&claims));
    assert_ne!(old, 0, "choose another seed");
}

#[test]
fn edge_sizes_pass() {
    type Slice<'a> = &'a [(usize, usize)];
    let cases: [(Slice<'_>, Slice<'_>); 9] = [
        (&[], &[]),
        (&[], &[(0, 1)]),
        (&[], &[(3, 2)]),
        (&[(0, 0)], &[(0, 1)]),
        (&[(5, 0)], &[(0, 3)]),
        (&[(0, 0)], &[(5, 1)]),
        (&[(3, 0), (3, 0), (3, 0)], &[(3, 1)]),
        // Large enough for more than one thread, with few and with many fillers.
        (&[(13, 0), (12, 1)], &[(8, 2), (11, 1)]),
        (&[(14, 0)], &[(6, 3)]),
    ];
    for (lookups, tables) in cases {
        let case = case(4, lookups, tables);
        let (claims, messages) = case.prove();
        assert_eq!(case.verify(messages), Ok(claims), "{lookups:?} {tables:?}");
    }
}

/// Proves a layer, made by `layer` from its challenge; checks what is sent and what is claimed of the level `below`.
fn check_layer<'a>(below: &layer::Level, point: &[K], layer: impl FnOnce(K) -> Layer<'a>) {
    let (p, q) = (&below.numerators, &below.denominators);
    let half = p.len() / 2;
    let sum = |i: usize| (p[i] * q[i + half] + p[i + half] * q[i], q[i] * q[i + half]);
    let above: (Vec<K>, Vec<K>) = (0..half).map(sum).unzip();
    let level = below.above().unwrap();
    assert_eq!((&level.numerators, &level.denominators), (&above.0, &above.1));

    let (numerator, denominator) = (evaluate(&above.0, point), evaluate(&above.1, point));
    let mut channel = TestProver::default();
    let claim = prover::LevelClaim {
        point: point.to_vec(),
        numerator,
        denominator,
    };
    let lambda = channel.challenge("lookup.lambda");
    let next: Result<_, Infallible> = prover::prove_layer(&mut channel, claim, lambda, layer(lambda));
    let next = next.unwrap();
    assert_eq!(next.numerator, evaluate(p, &next.point));
    assert_eq!(next.denominator, evaluate(q, &next.point));
    let mut channel = TestVerifier::new(channel.messages);
    let level = verifier::Level {
        point: point.to_vec(),
        numerator,
        denominator,
    };
    let level = verifier::next_level(&mut channel, level, point.len()).unwrap();
    let expected = (next.point, next.numerator, next.denominator);
    assert_eq!((level.point, level.numerator, level.denominator), expected);
}

#[test]
fn a_layer_passes_at_any_point() {
    // A zero coordinate takes the slow path.
    let mut stream = Stream(11);
    let (zero, other) = (K::ZERO, stream.element());
    for point in [
        vec![other, zero, K::ONE],
        vec![zero, zero, zero],
        vec![zero],
        vec![],
    ] {
        let cells = 2 << point.len();
        let (numerators, denominators) = (stream.elements(cells), stream.elements(cells));
        let below = layer::Level {
            numerators: numerators.clone(),
            denominators: denominators.clone(),
        };
        let same = layer::Level {
            numerators,
            denominators,
        };
        check_layer(&below, &point, |lambda| Layer::new(same, &point, lambda));
    }
}

#[test]
fn statements_that_no_circuit_has_are_refused() {
    let lookup = |variables, arity, table| LookupShape {
        variables,
        arity,
        table,
    };
    let table = |variables, arity| TableShape { variables, arity };
    let statements = [
        Statement {
            lookups: vec![lookup(2, 1, 1)],
            tables: vec![table(2, 1)],
        },
        Statement {
            lookups: vec![lookup(2, 2, 0)],
            tables: vec![table(2, 1)],
        },
        Statement {
            lookups: vec![lookup(2, 0, 0)],
            tables: vec![table(2, 0)],
        },
        Statement {
            lookups: vec![],
            tables: vec![table(2, 0)],
        },
        Statement {
            lookups: vec![lookup(200, 1, 0)],
            tables: vec![table(2, 1)],
        },
        Statement {
            lookups: vec![lookup(MAX_VARIABLES, 1, 0)],
            tables: vec![table(2, 1)],
        },
        Statement {
            lookups: vec![],
            tables: vec![table(usize::MAX, 1)],
        },
    ];
    for statement in statements {
        let result = verify(
            &mut TestVerifier::new(vec![]),
            slice::from_ref(&statement),
            &|_, _, _| K::ZERO,
        );
        assert!(
            matches!(result, Err(VerifyError::Key(KeyError::Lookup(_)))),
            "{statement:?}"
        );
        // Neither the layout nor the account of errors fails on it.
        let _ = (Stack::new(&statement), soundness(slice::from_ref(&statement)));
    }
}

#[test]
fn every_byte_of_a_proof_counts() {
    let case = example();
    let mut channel = ProverTranscript::new("lookup test");
    let claims = case.prove_on(&mut channel);
    let proof = channel.into_proof();
    let verify = |proof: &[u8]| {
        let mut channel = VerifierTranscript::new("lookup test", proof);
        case.verify_on(&mut channel)
            .and_then(|claims| channel.finish().map(|()| claims))
    };
    assert_eq!(verify(&proof), Ok(claims));
    for length in 0..proof.len() {
        assert!(
            matches!(verify(&proof[..length]), Err(VerifyError::Truncated { .. })),
            "{length} bytes"
        );
    }
    let mut longer = proof.clone();
    longer.push(0);
    assert!(matches!(
        verify(&longer),
        Err(VerifyError::TrailingBytes { found: 1, .. })
    ));
    for at in 0..proof.len() {
        let mut wrong = proof.clone();
        wrong[at] ^= 1;
        assert!(verify(&wrong).is_err(), "byte {at}");
    }
}

#[test]
fn soundness_counts_rows_and_layers() {
    let statement = example().statement;
    let terms = soundness(slice::from_ref(&statement));
    let (rows, variables) = (8.0 + 4.0 + 16.0 + 8.0 + 4.0, 6.0);
    assert!((terms[0].bits - (122.0 - f64::log2(rows))).abs() < 1e-9);
    assert!((terms[1].bits - (122.0 - f64::log2(variables * (variables + 1.0)))).abs() < 1e-9);
}

mod definition;
mod order;
mod several;
