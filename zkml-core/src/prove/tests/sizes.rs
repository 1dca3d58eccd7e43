//! The estimate of a proof's size, against proofs; what setup says of models that it cannot carry.

use super::case::Case;
use super::fixture::whole_network;
use crate::argument::opening_bytes;
use crate::keys::ProveError;
use crate::privacy::Privacy;
use crate::setup::{SetupOptions, code_cost};

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
        near(case.proof.len(), 20);
        recursive += usize::from(!case.statement.key.recursion.levels.is_empty());
    }
    assert_eq!(recursive, 2);
}

#[test]
fn more_proofs_than_tails_have_room_for_are_no_lack_of_soundness() {
    let model = whole_network(18).with_privacy(Privacy::default());
    let lowered = model.lower().expect("lower");
    let options = SetupOptions {
        proofs_per_key: 1 << 30,
        ..SetupOptions::default()
    };
    let error = code_cost(&model, &lowered, &options).unwrap_err();
    let ProveError::Malformed { place, found, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((place.as_str(), found.as_str()), ("proofs_per_key", "1073741824"));
}
