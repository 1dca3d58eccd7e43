//! The estimate of a proof's size, against proofs.

use super::case::Case;
use crate::argument::opening_bytes;

#[test]
fn the_estimated_bytes_are_those_of_an_opening() {
    let mut recursive = 0;
    for case in Case::all().into_iter().chain(Case::large()) {
        let estimated = opening_bytes(case.statement);
        let near = |found: usize, percent: usize| {
            assert!(
                estimated.abs_diff(found) * 100 <= found * percent,
                "{}: {estimated} bytes, found {found}",
                case.name
            );
        };
        let events = case.events(case.proof);
        let of_opening = events.iter().filter(|event| {
            let parts = ["opening.", "recursion."];
            event.kind.is_message() && parts.iter().any(|part| event.label.starts_with(part))
        });
        near(of_opening.map(|event| event.length).sum(), 5);
        // The opening is most of a proof.
        near(case.proof.len(), 15);
        recursive += usize::from(!case.statement.key.recursion.levels.is_empty());
    }
    assert_eq!(recursive, 2);
}
