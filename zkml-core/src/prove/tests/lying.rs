//! Provers that send one false message and go on honestly: challenges fit the false message, unlike in a proof that is
//! altered after it was made.
//!
//! In zero knowledge the false value is hidden under its pad like any other, and the prover closes the argument as
//! honestly as it can: its own replay of the verifier's code says which constraint is violated, and the closing check
//! must notice.

use super::case::{Case, Lie, Prover};
use crate::transcript::VerifyError;

/// A message of the argument.
struct Message {
    label: &'static str,
    /// What may reject a false one: the check itself, or in zero knowledge the first violated constraint.
    checks: &'static [&'static str],
}

const fn message(label: &'static str, checks: &'static [&'static str]) -> Message {
    Message { label, checks }
}

/// Every message that is judged by equations between values that zero knowledge hides.
const HIDDEN: &[Message] = &[
    message("lookup.root", &["lookup.denominator_nonzero"]),
    message("lookup.layer", &["lookup.layer"]),
    message("lookup.round", &["lookup.layer"]),
    message("lookup.columns", &["lookup.denominator"]),
    message("lookup.multiplicities", &["lookup.numerator"]),
    // A false value of a virtual column is found by its sumcheck or the public column that it shows, of a given one
    // where it is opened.
    message("reduce.term", &["reduce.stage", "reduce.public", "opening.merge"]),
    message("reduce.stage", &["reduce.stage"]),
    message("reduce.operand", &["reduce.stage"]),
    message("opening.merge", &["opening.merge"]),
    message("opening.values", &["opening.merge"]),
    message("opening.proximity", &["opening.inner_product"]),
    message("opening.mask", &["opening.inner_product"]),
    message("opening.combination", &["opening.inner_product"]),
];

/// Every message that is judged in the clear.
const CLEAR: &[Message] = &[
    message("trace.root", &["opening.merkle"]),
    message("input.root", &["opening.merkle"]),
    message("output.root", &["opening.merkle"]),
    message("closing.masked", &["closing.constraints"]),
    message("opening.salt", &["opening.merkle"]),
    message("opening.columns", &["opening.merkle"]),
    message("opening.path", &["opening.merkle"]),
];

/// Messages before the false one, and the false element.
const PLACES: &[(usize, usize)] = &[
    (0, 0),
    (0, 1),
    (0, 2),
    (1, 3),
    (2, 0),
    (3, 1),
    (5, 0),
    (9, 7),
    (20, 1),
];

fn failed(verdict: Result<(), VerifyError>) -> Result<&'static str, String> {
    match verdict {
        Err(VerifyError::Check { name, .. }) => Ok(name),
        other => Err(format!("{other:?}")),
    }
}

/// How many lies were told about each message of `case`; all of them must be rejected by their checks.
fn lies(case: &Case, places: &[(usize, usize)]) -> Vec<(&'static str, usize)> {
    let prover = Prover::new(case);
    let mut problems = Vec::new();
    let mut counts = Vec::new();
    for (message, judged_hidden) in HIDDEN
        .iter()
        .map(|message| (message, true))
        .chain(CLEAR.iter().map(|message| (message, false)))
    {
        let Message { label, checks } = message;
        let mut told = 0;
        for &(before, element) in places {
            let mut lie = Lie::new(label, before, element);
            let proof = prover.prove(&mut lie);
            let verdict = case.verdict(&proof.messages);
            if !lie.told {
                verdict.expect("nothing was false");
                // Later places of the same message may still exist.
                continue;
            }
            told += 1;
            let check = match failed(verdict) {
                // Behind the closing check stands the constraint that is violated.
                Ok("closing.constraints") if judged_hidden && case.is_hidden() => {
                    proof.violated.first().copied()
                }
                // A message in the clear violates none.
                Ok(name) if proof.violated.is_empty() => Some(name),
                Ok(name) => {
                    problems.push(format!(
                        "{label} {before} {element}: {name}, {:?}",
                        proof.violated
                    ));
                    continue;
                }
                Err(problem) => {
                    problems.push(format!("{label} {before} {element}: {problem}"));
                    continue;
                }
            };
            if !check.is_some_and(|check| checks.contains(&check)) {
                problems.push(format!("{label} {before} {element}: {check:?}"));
            }
        }
        counts.push((*label, told));
    }
    assert!(problems.is_empty(), "{}: {}", case.name, problems.join("\n"));
    counts
}

#[test]
fn every_false_message_is_rejected_by_its_check() {
    for (label, told) in lies(&Case::plain(), PLACES) {
        // A plain proof has no mask, closes nothing, and commits to nothing apart.
        let absent = ["opening.mask", "closing.masked", "input.root", "output.root"].contains(&label);
        assert_eq!(told == 0, absent, "{label}: {told} lies");
        assert!(absent || told >= 3, "{label}: {told} lies");
    }
}

#[test]
fn every_false_message_in_zero_knowledge_violates_its_constraint_and_is_rejected() {
    for (label, told) in lies(&Case::hidden(), PLACES) {
        let absent = ["input.root", "output.root"].contains(&label);
        // Only the element differs where there is one such message.
        assert!(absent && told == 0 || told >= 3, "{label}: only {told} lies");
    }
    for (label, told) in lies(&Case::secret(), &PLACES[..4]) {
        assert!(told >= 1, "{label}: only {told} lies");
    }
}

#[test]
fn every_false_message_of_a_setup_proof_is_rejected_by_its_check() {
    let [_, _, _, plain, hidden] = Case::all();
    for case in [plain, hidden].into_iter().chain(Case::chunked()) {
        let told: usize = lies(&case, &PLACES[..4]).iter().map(|(_, told)| told).sum();
        assert!(told >= 30, "{}: only {told} lies", case.name);
    }
}

/// The verdict on a proof in zero knowledge with a false element of `label`, and the constraints it violates.
fn verdict(
    case: &Case,
    prover: &Prover<'_>,
    mut lie: Lie,
) -> (Result<&'static str, String>, Vec<&'static str>) {
    let proof = prover.prove(&mut lie);
    assert!(lie.told, "{}", lie.label);
    (failed(case.verdict(&proof.messages)), proof.violated)
}

#[test]
fn a_false_coefficient_behind_a_row_is_rejected_by_the_columns() {
    // No equation speaks of the tails of the row combination and of the closing answer; the code does.
    let case = Case::hidden();
    let prover = Prover::new(&case);
    let code = &case.statement.key.code;
    let masking = case.statement.masking.expect("zero knowledge");
    let after_pads = masking.pads_in(0);
    for (label, element) in [
        ("opening.combination", code.row_length()),
        ("opening.combination", code.row_length() + masking.tail),
        ("opening.combination", code.message_length() - 1),
        ("closing.response", after_pads),
        ("closing.response", after_pads + masking.tail - 1),
        ("closing.response", masking.response_length() - 1),
    ] {
        let (check, violated) = verdict(&case, &prover, Lie::new(label, 0, element));
        assert_eq!(check, Ok("opening.column"), "{label} {element}");
        assert!(violated.is_empty(), "{label} {element}");
    }
}

#[test]
fn a_false_answer_to_the_closing_challenge_is_rejected_by_the_constraints() {
    let case = Case::hidden();
    let prover = Prover::new(&case);
    let masking = case.statement.masking.expect("zero knowledge");
    for element in [0, 1, 2, masking.pads_in(0) / 2, masking.pads_in(0) - 1] {
        let (check, violated) = verdict(&case, &prover, Lie::new("closing.response", 0, element));
        assert_eq!(check, Ok("closing.constraints"), "{element}");
        assert!(violated.is_empty(), "{element}");
    }
}

#[test]
fn a_closing_answer_bent_to_fit_a_false_message_is_rejected_by_the_columns() {
    // The other half of the closing check: the answer is made so that the equation holds, but it is no longer what the
    // committed pads and masks give.
    let case = Case::hidden();
    let prover = Prover::new(&case);
    for message in HIDDEN {
        let mut lie = Lie::new(message.label, 0, 0);
        lie.bent = true;
        let (check, violated) = verdict(&case, &prover, lie);
        assert_eq!(check, Ok("opening.column"), "{}", message.label);
        assert!(
            violated.first().is_some_and(|name| message.checks.contains(name)),
            "{}: {violated:?}",
            message.label
        );
    }
    // Nothing false, nothing to bend: the proof is an honest one.
    let mut honest = Lie::default();
    honest.bent = true;
    let proof = prover.prove(&mut honest);
    assert_eq!(case.verdict(&proof.messages), Ok(()));
}
