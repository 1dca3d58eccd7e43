//! Several statements over one transcript.

use super::*;

/// The messages of several statements, and the verdict on them.
fn together(cases: &[Case]) -> Result<Vec<Claims<K>>, VerifyError> {
    let statements: Vec<Statement> = cases.iter().map(|case| case.statement.clone()).collect();
    let mut channel = TestProver::default();
    let tree = |index: usize, compression: &Compression| -> Result<_, Infallible> {
        Ok(Fractions::new(
            &statements[index],
            compression,
            cases[index].witness(),
        ))
    };
    let claims = prove(&mut channel, &statements, tree).unwrap();
    let mut channel = TestVerifier::new(channel.messages);
    let table = |table: usize, column: usize, point: &[K]| cases[0].table_evaluation(table, column, point);
    let verified = verify(&mut channel, &statements, &table)?;
    assert_eq!(verified, claims);
    Ok(verified)
}

#[test]
fn each_of_several_statements_is_shown_by_itself() {
    let tables = [(3, 1)];
    let cases = [&[(4, 0)][..], &[(2, 0), (5, 0)], &[(13, 0)]].map(|lookups| case(1, lookups, &tables));
    let claims = together(&cases).unwrap();
    for (case, claims) in cases.iter().zip(claims) {
        let column = &case.lookups[0][0];
        let suffix = claims.suffix(column.len().ilog2() as usize);
        assert_eq!(claims.lookups[0][0], evaluate(&lift(column), suffix));
    }
    // All counts together are right; those of two statements are not.
    let mut moved = cases.clone();
    moved[0].multiplicities[0][0] += M61::ONE;
    moved[2].multiplicities[0][0] -= M61::ONE;
    assert_eq!(placed(together(&moved)), FALSE_SUM);
    for index in 0..cases.len() {
        let mut wrong = cases.clone();
        wrong[index].lookups[0][0][1] = M61::from_raw(8);
        assert_eq!(placed(together(&wrong)), FALSE_SUM);
    }
}

#[test]
fn the_error_of_several_statements_is_that_of_the_largest() {
    let statement = |variables| case(1, &[(variables, 0)], &[(3, 1)]).statement;
    let bits = |statements: &[Statement]| -> Vec<f64> {
        soundness(statements).iter().map(|term| term.bits).collect()
    };
    let largest = bits(&[statement(14)]);
    assert_eq!(bits(&[statement(9), statement(14), statement(14)]), largest);
}
