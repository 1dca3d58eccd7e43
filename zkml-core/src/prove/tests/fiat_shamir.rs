//! What is bound, in which order: every challenge depends on the whole statement and on every message before it.

use super::case::{Case, Lie, Prover};
use super::fixture::{CONTEXT, fixture, input_of, judge, outputs_of};
use crate::field::K;
use crate::keys::VerifyingKey;
use crate::pcs::CodeParameters;
use crate::pcs::soundness::PROXIMITY_GRINDING_BITS;
use crate::proof::Proof;
use crate::transcript::{Event, Kind, LABELS, Label, Occurs, State, VerifyError};

/// Does a fixture's proof have the item? They are plain answers (`P`), answers to a private input by private weights
/// (`Z`), those with everything private (`S`), and the setup proofs of keys with public (`p`) and private (`z`) weights.
fn occurs(item: &Label, letter: char) -> bool {
    let cases = match item.occurs {
        Occurs::Always | Occurs::Combination => "PZSpz",
        Occurs::Answer => "PZS",
        Occurs::PublicInput => "P",
        Occurs::PrivateInput => "ZS",
        Occurs::PublicOutput => "PZ",
        Occurs::PrivateOutput | Occurs::CommittedInput | Occurs::CommittedOutput => "S",
        Occurs::Hidden => "ZSz",
        Occurs::Recursion => "",
        // Small networks need no work before the lookups.
        Occurs::Circuit => "",
    };
    cases.contains(letter)
}

/// Bits of a proof of work.
fn work_bits(code: &CodeParameters, label: &str) -> u32 {
    match label {
        "opening.proximity.grind" | "opening.combine.grind" => PROXIMITY_GRINDING_BITS,
        _ => code.grinding_bits,
    }
}

fn events(case: &Case) -> Vec<Event> {
    case.events(case.proof)
}

/// Is something drawn?
fn draws(event: &Event) -> bool {
    matches!(event.kind, Kind::Challenge | Kind::Positions)
}

#[test]
fn the_items_of_the_protocol_are_the_listed_ones_in_order() {
    for (case, letter) in Case::all().iter().zip("PZSpz".chars()) {
        let mut seen: Vec<(Kind, &str)> = Vec::new();
        for event in events(case) {
            if !seen.contains(&(event.kind, event.label)) {
                seen.push((event.kind, event.label));
            }
        }
        let listed = LABELS.iter().filter(|item| occurs(item, letter));
        let listed: Vec<(Kind, &str)> = listed.map(|item| (item.kind, item.label)).collect();
        assert_eq!(seen, listed, "{}", case.name);
    }
}

#[test]
fn the_statement_and_the_trace_are_bound_before_the_first_challenge() {
    for case in Case::all() {
        let events = events(&case);
        let first = events.iter().position(draws).expect("one");
        let mut bound: Vec<(&str, usize)> = case
            .bindings()
            .iter()
            .map(|(label, bytes)| (*label, bytes.len()))
            .collect();
        bound.push(("trace.root", 32));
        bound.extend(
            case.statement
                .separate
                .iter()
                .map(|tensors| (tensors.label(), 32)),
        );
        bound.push(("trace.harden", 0));
        let before: Vec<(&str, usize)> = events[..first]
            .iter()
            .map(|event| (event.label, event.length))
            .collect();
        assert_eq!(before, bound, "{}", case.name);
        // Nothing is absorbed later on but messages.
        assert!(events[first..].iter().all(|event| event.kind != Kind::Absorb));
    }
    let lengths = |case: &Case| {
        case.bindings()
            .iter()
            .map(|item| item.1.len())
            .collect::<Vec<_>>()
    };
    let public = &fixture().proof.public;
    let sizes = public.input.iter().chain(public.outputs.iter().flatten());
    let sizes: Vec<usize> = sizes.map(|values| 8 * values.len()).collect();
    let [plain, hidden, secret, setups @ ..] = Case::all();
    let [input, logits, class] = sizes[..] else {
        panic!("{sizes:?}")
    };
    assert_eq!(
        lengths(&plain),
        [32, 32, 32, 32, 8, input, logits, class, CONTEXT.len()]
    );
    assert_eq!(
        lengths(&hidden),
        [32, 32, 32, 32, 8, 0, logits, class, CONTEXT.len()]
    );
    assert_eq!(lengths(&secret), [32, 32, 32, 32, 8, 0, 0, CONTEXT.len()]);
    // The digest of the key binds everything else that a setup proof speaks of.
    setups.iter().for_each(|setup| assert_eq!(lengths(setup), [32]));
}

/// The last `before` comes before the first `after`; both occur.
fn precedes(case: &Case, events: &[Event], before: (Kind, &str), after: (Kind, &str)) {
    let is = |wanted: (Kind, &str)| {
        let wanted: (Kind, String) = (wanted.0, wanted.1.to_owned());
        move |event: &Event| (event.kind, event.label) == (wanted.0, wanted.1.as_str())
    };
    let last = events.iter().rposition(is(before));
    let first = events.iter().position(is(after));
    assert!(
        last.is_some() && first.is_some() && last < first,
        "{}: {before:?} at {last:?}, {after:?} at {first:?}",
        case.name
    );
}

#[test]
fn claims_are_fixed_before_the_challenges_that_judge_them() {
    use Kind::{Challenge, Digest, Extension, Grind, Nonce, Positions, Scalars};
    for case in Case::all() {
        let events = events(&case);
        for (before, after) in [
            ((Digest, "trace.root"), (Challenge, "lookup.alpha")),
            ((Scalars, "lookup.columns"), (Challenge, "equality.point")),
            ((Scalars, "lookup.multiplicities"), (Challenge, "equality.point")),
            ((Challenge, "equality.point"), (Scalars, "reduce.term")),
            ((Scalars, "reduce.term"), (Challenge, "opening.batch")),
            ((Scalars, "reduce.operand"), (Challenge, "opening.batch")),
            ((Scalars, "opening.values"), (Grind, "opening.proximity.grind")),
            (
                (Nonce, "opening.proximity.grind"),
                (Challenge, "opening.proximity"),
            ),
            ((Challenge, "opening.proximity"), (Scalars, "opening.proximity")),
            ((Scalars, "opening.proximity"), (Grind, "opening.combine.grind")),
            ((Nonce, "opening.combine.grind"), (Challenge, "opening.combine")),
            (
                (Extension, "opening.combination"),
                (Positions, "opening.positions"),
            ),
            ((Grind, "opening.grind"), (Nonce, "opening.grind")),
            ((Nonce, "opening.grind"), (Positions, "opening.positions")),
            ((Positions, "opening.positions"), (Digest, "opening.salt")),
        ] {
            precedes(&case, &events, before, after);
        }
        // In every round the polynomial comes before its challenge.
        for label in ["lookup.round", "opening.merge"] {
            let turns: Vec<Kind> = events
                .iter()
                .filter(|event| event.label == label)
                .map(|event| event.kind)
                .collect();
            let first = turns.iter().position(|kind| *kind == Scalars).expect("a message");
            assert!(
                turns[first..].chunks(2).all(|turn| turn == [Scalars, Challenge]),
                "{}: {label}",
                case.name
            );
        }
    }
}

#[test]
fn in_zero_knowledge_masks_and_claims_are_fixed_before_what_they_are_judged_by() {
    use Kind::{Challenge, Digest, Extension, Grind, Nonce, Positions, Scalars};
    for case in Case::all().iter().filter(|case| case.is_hidden()) {
        let events = events(case);
        let first = events.iter().find(|event| draws(event)).expect("a challenge");
        // Pads and masks are committed with the trace.
        precedes(case, &events, (Digest, "trace.root"), (first.kind, first.label));
        for (before, after) in [
            // A false claim could otherwise be made up for by the mask's claim, or by the mask.
            ((Scalars, "opening.values"), (Challenge, "opening.combine")),
            ((Scalars, "opening.values"), (Challenge, "opening.blind")),
            ((Scalars, "opening.proximity"), (Challenge, "opening.blind")),
            ((Scalars, "opening.mask"), (Grind, "opening.combine.grind")),
            ((Scalars, "opening.mask"), (Challenge, "opening.combine")),
            ((Scalars, "opening.mask"), (Challenge, "opening.blind")),
            ((Challenge, "opening.blind"), (Extension, "opening.combination")),
            // All constraints are known before they are combined: the last one is the combination's.
            ((Extension, "opening.combination"), (Challenge, "closing.batch")),
            ((Challenge, "closing.batch"), (Extension, "closing.masked")),
            // The closing polynomial is fixed before the point at which it is evaluated.
            ((Extension, "closing.masked"), (Challenge, "closing.point")),
            ((Challenge, "closing.point"), (Extension, "closing.response")),
            // What the columns are compared with is fixed before it is joined and the columns are drawn.
            ((Extension, "opening.combination"), (Challenge, "opening.join")),
            ((Extension, "closing.response"), (Grind, "opening.grind")),
            // Nothing is said between these two draws.
            ((Nonce, "opening.grind"), (Challenge, "opening.join")),
            ((Challenge, "opening.join"), (Positions, "opening.positions")),
        ] {
            precedes(case, &events, before, after);
        }
        // No scalar is hidden by a pad after the pads' constraints are combined.
        precedes(
            case,
            &events,
            (Scalars, "opening.mask"),
            (Challenge, "closing.batch"),
        );
        let batch = events
            .iter()
            .position(|event| event.label == "closing.batch")
            .expect("one");
        assert!(events[batch..].iter().all(|event| event.kind != Scalars));
    }
}

#[test]
fn work_before_the_lookups_is_done_over_all_that_they_speak_of() {
    use Kind::{Challenge, Digest, Grind, Harden, Nonce};
    for case in Case::large() {
        let events = events(&case);
        for (before, after) in [
            ((Digest, "trace.root"), (Harden, "trace.harden")),
            ((Harden, "trace.harden"), (Grind, "lookup.grind")),
            ((Grind, "lookup.grind"), (Nonce, "lookup.grind")),
            ((Nonce, "lookup.grind"), (Challenge, "lookup.alpha")),
        ] {
            precedes(&case, &events, before, after);
        }
        let first = events.iter().find(|event| draws(event)).map(|event| event.label);
        assert_eq!(first, Some("lookup.alpha"), "{}", case.name);
    }
}

/// An item of the transcript with what is absorbed for it.
#[derive(Clone)]
struct Item {
    event: Event,
    bytes: Vec<u8>,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
enum Drawn {
    Challenge(K),
    Positions(Vec<usize>),
}

/// The items of a proof.
fn items(case: &Case, proof: &[u8]) -> Vec<Item> {
    let mut bound = case.bindings().into_iter();
    let item = |event: Event| {
        let bytes = match event.kind {
            Kind::Absorb => {
                let (label, bytes) = bound.next().expect("a bound item");
                assert_eq!((label, bytes.len()), (event.label, event.length), "{}", case.name);
                bytes
            }
            kind if kind.is_message() => proof[event.offset..event.offset + event.length].to_vec(),
            _ => Vec::new(),
        };
        Item { event, bytes }
    };
    let items = case.events(proof).into_iter().map(item).collect();
    assert!(bound.next().is_none(), "{}: all is bound", case.name);
    items
}

/// Puts one item into a transcript.
fn say(case: &Case, state: &mut State, item: &Item, honest: bool) -> Option<Drawn> {
    let code = &case.statement.key.code;
    let label = item.event.label;
    match item.event.kind {
        Kind::Challenge => return Some(Drawn::Challenge(state.challenge(label))),
        Kind::Positions => {
            let positions = state.positions(label, code.queries, code.codeword_length());
            return Some(Drawn::Positions(positions));
        }
        Kind::Harden => state.harden(label, case.statement.hardening),
        Kind::Grind => state.begin_grind(label, work_bits(code, label)),
        kind => {
            if honest && kind == Kind::Nonce {
                // The replay's state is the verifier's: the nonce fits it.
                let nonce = u64::from_le_bytes(item.bytes[..].try_into().expect("8 bytes"));
                assert!(state.nonce_works(nonce, work_bits(code, label)), "{}", case.name);
            }
            state.absorb(kind, label, &item.bytes);
        }
    }
    None
}

#[test]
fn the_challenges_follow_from_the_listed_items_alone() {
    for case in Case::all() {
        let mut lie = Lie::default();
        let told = Prover::new(&case).prove(&mut lie);
        let mut state = State::new(case.statement.protocol());
        let items = items(&case, &told.messages);
        let drawn = items.iter().filter_map(|item| say(&case, &mut state, item, true));
        let challenges: Vec<K> = drawn
            .filter_map(|drawn| match drawn {
                Drawn::Challenge(challenge) => Some(challenge),
                Drawn::Positions(_) => None,
            })
            .collect();
        assert_eq!(challenges, lie.heard, "{}", case.name);
    }
}

#[test]
fn every_absorbed_item_changes_every_later_challenge() {
    for case in Case::all() {
        let items = items(&case, case.proof);
        let last = items
            .iter()
            .rposition(|item| draws(&item.event))
            .expect("positions");
        // The state before each item, and what is drawn there.
        let mut state = State::new(case.statement.protocol());
        let mut states = Vec::new();
        let mut drawn = Vec::new();
        for item in &items {
            states.push(state.clone());
            drawn.push(say(&case, &mut state, item, true));
        }
        let mut changed = 0;
        for (index, item) in items[..last].iter().enumerate() {
            if item.event.kind != Kind::Absorb && !item.event.kind.is_message() {
                continue;
            }
            let place = || format!("{}: item {index}, {}", case.name, item.event.label);
            let judge = |alteration: &str, mut state: State| {
                let rest = items.iter().zip(&drawn).take(last + 1).skip(index + 1);
                for (later, honest) in rest {
                    let found = say(&case, &mut state, later, false);
                    assert_eq!(found.is_some(), honest.is_some());
                    assert!(
                        found.is_none() || found != *honest,
                        "{} {alteration}: {} is drawn all the same",
                        place(),
                        later.event.label
                    );
                }
            };
            judge("removed", states[index].clone());
            // A bit of it, its length, its label.
            let mut altered = item.clone();
            match altered.bytes.len() {
                0 => altered.bytes.push(0),
                length => altered.bytes[(index * 7) % length] ^= 1 << (index % 8),
            }
            let mut longer = item.clone();
            longer.bytes.push(0);
            let mut renamed = item.clone();
            renamed.event.label = "other";
            for (alteration, altered) in [("altered", altered), ("longer", longer), ("renamed", renamed)] {
                let mut state = states[index].clone();
                say(&case, &mut state, &altered, false);
                judge(alteration, state);
            }
            changed += 1;
        }
        assert!(changed > 50, "{}: {changed} items", case.name);
        // What comes after the last challenge is judged by the roots, which came before the first.
        for item in &items[last + 1..] {
            assert!(
                ["opening.salt", "opening.columns", "opening.path"].contains(&item.event.label),
                "{}: {}",
                case.name,
                item.event.label
            );
        }
    }
}

/// The first equation that a challenge enters (layer 0 of the lookup has none) fails when the challenges are others.
fn challenges_differ(key: &VerifyingKey, proof: &Proof, context: &[u8], what: &str) {
    let error = judge(key, proof, context).expect_err(what);
    let expected = VerifyError::Check {
        name: "lookup.layer",
        place: "layer 1".into(),
    };
    assert_eq!(error, expected, "{what}");
}

#[test]
fn every_bound_item_changes_the_challenges() {
    let f = fixture();
    let (key, proof) = (&f.key.verifying, &f.proof);
    for context in [&b""[..], b"Context", b"context\0", b"contex"] {
        challenges_differ(key, proof, context, "context");
    }
    let mut altered = proof.clone();
    let cell = &mut input_of(&mut altered.public)[5];
    *cell = 0i64.max(-*cell) - 1;
    challenges_differ(key, &altered, CONTEXT, "input");
    let mut altered = proof.clone();
    outputs_of(&mut altered.public)[0][3] += 1;
    challenges_differ(key, &altered, CONTEXT, "output");
    let mut altered = proof.clone();
    let class = &mut outputs_of(&mut altered.public)[1][0];
    *class = (*class + 1) % 10;
    challenges_differ(key, &altered, CONTEXT, "second output");
    let mut altered = proof.clone();
    altered.messages[17] ^= 4;
    challenges_differ(key, &altered, CONTEXT, "trace root");

    // Of the key, what nothing else would notice: names, the weights' root, what the integers mean, the work.
    type Alter<'a> = (&'a str, &'a dyn Fn(&mut VerifyingKey));
    let alterations: [Alter<'_>; 8] = [
        ("name", &|key| key.network.name.push('x')),
        ("node name", &|key| key.network.graph.nodes[1].name.push('x')),
        ("class name", &|key| {
            key.network.classes = (0..10).map(|class| class.to_string()).collect()
        }),
        ("preprocessing", &|key| {
            key.network.preprocessing = Some(Default::default())
        }),
        ("weight root", &|key| key.weights.commitments.roots[0][0] ^= 1),
        ("scale", &|key| key.network.output_scales[0].scales[0] *= 2.0),
        ("previous", &|key| key.weights.previous = Some([1; 32])),
        ("grinding", &|key| key.weights.code.grinding_bits += 1),
    ];
    for (what, alter) in alterations {
        let mut altered = key.clone();
        alter(&mut altered);
        let proof = Proof {
            key: altered.digest().expect("digest"),
            ..proof.clone()
        };
        challenges_differ(&altered, &proof, CONTEXT, what);
    }
}

#[test]
fn values_cannot_move_between_input_and_outputs() {
    // The same bytes cut otherwise are other statements: lengths are bound, and the circuit implies them.
    let f = fixture();
    let mut moved = f.proof.clone();
    let value = outputs_of(&mut moved.public)[0].remove(0);
    input_of(&mut moved.public).push(value);
    let error = judge(&f.key.verifying, &moved, CONTEXT);
    assert!(matches!(error, Err(VerifyError::PublicValue { .. })), "{error:?}");
}
