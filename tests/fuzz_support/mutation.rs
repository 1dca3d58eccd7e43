//! Altered proofs, by structure: which message, which element, what is done to it. The choices are bytes, so that a
//! fuzzer can steer them and a random generator can as well.

use std::fmt;

use zkml::field::{pack, unpack};
use zkml::transcript::{Event, Kind};

use super::{Fixture, Proved};

/// The modulus.
const P: u64 = (1 << 61) - 1;

/// Bytes that choose; zeros when they are used up.
#[derive(Debug)]
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub fn word(&mut self, bytes: usize) -> u64 {
        let (taken, rest) = self.0.split_at(bytes.min(self.0.len()));
        self.0 = rest;
        taken.iter().fold(0, |word, &byte| word << 8 | u64::from(byte))
    }

    pub fn below(&mut self, bound: usize) -> usize {
        let bytes = if bound <= 1 << 8 { 1 } else { 3 };
        (self.word(bytes) % bound.max(1) as u64) as usize
    }
}

/// What is done to one element of a message, or to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    FlipBit,
    Zero,
    One,
    PlusOne,
    MinusOne,
    Negate,
    PlusModulus,
    RandomElement,
    RandomBytes,
    SwapWithNext,
    SwapMessages,
    CopyFromMessage,
    CopyFromOtherProof,
    MessageFromOtherProof,
    Truncate,
    Extend,
    Duplicate,
    Remove,
}

pub const ACTIONS: [Action; 18] = [
    Action::FlipBit,
    Action::Zero,
    Action::One,
    Action::PlusOne,
    Action::MinusOne,
    Action::Negate,
    Action::PlusModulus,
    Action::RandomElement,
    Action::RandomBytes,
    Action::SwapWithNext,
    Action::SwapMessages,
    Action::CopyFromMessage,
    Action::CopyFromOtherProof,
    Action::MessageFromOtherProof,
    Action::Truncate,
    Action::Extend,
    Action::Duplicate,
    Action::Remove,
];

/// One step of a mutation, for reports.
#[derive(Debug, Clone)]
pub struct Step {
    pub place: &'static str,
    pub offset: usize,
    pub what: String,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.place, self.offset, self.what)
    }
}

/// Bytes of one element of a message of that kind; packed elements are taken eight bytes at a time.
pub fn element_size(kind: Kind) -> usize {
    match kind {
        Kind::Scalars | Kind::Extension => 16,
        Kind::Base | Kind::Nonce => 8,
        _ => 32,
    }
}

fn is_field(kind: Kind) -> bool {
    matches!(kind, Kind::Scalars | Kind::Extension | Kind::Base)
}

/// The fixture's proof, altered in one to three places. Now and then it comes out as it was.
pub fn mutate(fixture: &Fixture, choices: &mut Choices<'_>) -> (Proved, Vec<Step>) {
    let mut proved = fixture.proved.clone();
    let count = 1 + choices.below(8).saturating_sub(5);
    let steps = (0..count)
        .map(|_| match choices.below(32) {
            0 => mutate_public(fixture, &mut proved, choices),
            1 => mutate_binding(fixture, &mut proved, choices),
            _ => {
                let honest = Messages {
                    bytes: &fixture.proved.proof.messages,
                    events: &fixture.messages,
                    other: &fixture.other.proof.messages,
                };
                mutate_messages(&honest, &mut proved.proof.messages, choices)
            }
        })
        .collect();
    (proved, steps)
}

/// The setup proof of the fixture's key, altered in one to three places.
pub fn mutate_setup(fixture: &Fixture, choices: &mut Choices<'_>) -> (Vec<u8>, Vec<Step>) {
    let honest = Messages {
        bytes: &fixture.key.verifying().weights.setup_proof,
        events: &fixture.setup_messages,
        other: &fixture.other_setup,
    };
    let mut bytes = honest.bytes.to_vec();
    let count = 1 + choices.below(8).saturating_sub(5);
    let steps = (0..count)
        .map(|_| mutate_messages(&honest, &mut bytes, choices))
        .collect();
    (bytes, steps)
}

/// A valid proof, its messages, and another valid proof of the same kind.
struct Messages<'a> {
    bytes: &'a [u8],
    events: &'a [Event],
    other: &'a [u8],
}

fn mutate_public(fixture: &Fixture, proved: &mut Proved, choices: &mut Choices<'_>) -> Step {
    let other = &fixture.other.proof.public;
    let public = &mut proved.proof.public;
    let tensors = public.outputs.as_ref().map_or(0, Vec::len);
    let tensor = choices.below(2 + tensors);
    let action = choices.below(10);
    let tensor_at = |outputs: &Option<Vec<Vec<i64>>>| outputs.as_ref()?.get(tensor.checked_sub(2)?).cloned();
    let (place, values, other) = match tensor {
        0 | 1 => ("public.input", public.input.as_mut(), other.input.clone()),
        _ => (
            "public.output",
            public
                .outputs
                .as_mut()
                .and_then(|outputs| outputs.get_mut(tensor - 2)),
            tensor_at(&other.outputs),
        ),
    };
    let offset = choices.below(values.as_ref().map_or(0, |values| values.len()));
    if let Some(values) = values {
        match (values.get_mut(offset), action) {
            (Some(value), 0..=3) => {
                let delta = [1, -1, P as i64, choices.word(8) as i64][action];
                *value = value.wrapping_add(delta);
            }
            (Some(_), 4) => values.swap(offset, 0),
            (_, 5) => drop(values.pop()),
            (_, 6) => values.push(choices.word(1) as i64),
            _ => values.clone_from(&other.unwrap_or_default()),
        }
    }
    // Something where nothing should be, and nothing where something should be.
    match action {
        8 => public.input = public.input.is_none().then(|| vec![0; 36]),
        9 => public.outputs = public.outputs.is_none().then(|| vec![vec![0; 3], vec![0]]),
        _ => {}
    }
    Step {
        place,
        offset,
        what: format!("change {action}"),
    }
}

fn mutate_binding(fixture: &Fixture, proved: &mut Proved, choices: &mut Choices<'_>) -> Step {
    let offset = choices.below(32);
    let (place, what) = match choices.below(5) {
        0 => {
            proved.proof.key[offset] ^= 1 << choices.below(8);
            ("key digest", "flip")
        }
        1 => {
            proved.context.push(choices.word(1) as u8);
            ("context", "extend")
        }
        2 => {
            proved.context.pop();
            ("context", "cut")
        }
        3 => {
            proved.proof.opening = match choices.below(4) {
                0 => choices.word(4),
                _ => proved.proof.opening.wrapping_add(1 + choices.below(24) as u64),
            };
            ("opening", "another one")
        }
        _ => {
            proved.proof.messages.clone_from(&fixture.other.proof.messages);
            ("messages", "those of the other proof")
        }
    };
    Step {
        place,
        offset,
        what: what.into(),
    }
}

/// Most choices are uniform over labels, so that rare messages have their share.
fn choose_message<'a>(messages: &'a [Event], choices: &mut Choices<'_>) -> (usize, &'a Event) {
    let index = if choices.below(4) == 0 {
        choices.below(messages.len())
    } else {
        let mut labels: Vec<&str> = messages.iter().map(|event| event.label).collect();
        labels.sort_unstable();
        labels.dedup();
        let label = labels[choices.below(labels.len())];
        let of_label: Vec<usize> = (0..messages.len())
            .filter(|&i| messages[i].label == label)
            .collect();
        of_label[choices.below(of_label.len())]
    };
    (index, &messages[index])
}

fn mutate_messages(honest: &Messages<'_>, bytes: &mut Vec<u8>, choices: &mut Choices<'_>) -> Step {
    let messages = honest.events;
    let (index, event) = choose_message(messages, choices);
    let size = element_size(event.kind);
    // Offsets are those of the honest proof; a step before may have cut or moved what is there.
    let offset = event.offset + size * choices.below(event.length / size);
    let end = (offset + size).min(bytes.len());
    let action = ACTIONS[choices.below(ACTIONS.len())];
    let step = Step {
        place: event.label,
        offset,
        what: format!("{action:?}"),
    };
    if offset >= end && action != Action::Extend {
        return step;
    }
    if event.kind == Kind::Base && change_packed(event, bytes, action, choices) {
        return step;
    }
    let other = honest.other;
    match action {
        Action::FlipBit => bytes[offset + choices.below(end - offset)] ^= 1 << choices.below(8),
        Action::Zero => bytes[offset..end].fill(0),
        Action::RandomBytes => bytes[offset..end].fill_with(|| choices.word(1) as u8),
        Action::One
        | Action::PlusOne
        | Action::MinusOne
        | Action::Negate
        | Action::PlusModulus
        | Action::RandomElement => {
            let words = size / 8;
            let all = action == Action::RandomElement || action == Action::Negate;
            let chosen = if is_field(event.kind) {
                choices.below(words)
            } else {
                0
            };
            for word in (0..words).filter(|&word| all || word == chosen) {
                change_word(bytes, offset + 8 * word, action, choices);
            }
        }
        Action::SwapWithNext => swap(bytes, offset, offset + size, size),
        Action::SwapMessages => {
            let (_, with) = choose_message(messages, choices);
            swap(bytes, event.offset, with.offset, event.length.min(with.length));
        }
        Action::CopyFromMessage => {
            let same = |other: &&Event| other.kind == event.kind && other.offset != event.offset;
            let from: Vec<&Event> = messages.iter().filter(same).collect();
            if let Some(from) = from.get(choices.below(from.len())) {
                let source = from.offset + size * choices.below(from.length / size);
                copy(bytes, offset, honest.bytes.get(source..source + size));
            }
        }
        Action::CopyFromOtherProof => copy(bytes, offset, other.get(offset..end)),
        Action::MessageFromOtherProof => {
            // From this message on, a few of them.
            let last = (index + choices.below(4)).min(messages.len() - 1);
            let end = messages[last].offset + messages[last].length;
            copy(bytes, event.offset, other.get(event.offset..end));
        }
        Action::Truncate => bytes.truncate(offset + choices.below(size)),
        Action::Extend => {
            let more = [1, 8, 16, 32, 1000, 100_000][choices.below(6)];
            let filler = choices.word(1) as u8;
            bytes.resize(bytes.len() + more, filler);
        }
        Action::Duplicate => {
            let element = bytes[offset..end].to_vec();
            bytes.splice(offset..offset, element);
        }
        Action::Remove => drop(bytes.drain(offset..end)),
    }
    step
}

/// Changes one packed element of a message, where it is still packed and the action is one on elements.
fn change_packed(event: &Event, bytes: &mut Vec<u8>, action: Action, choices: &mut Choices<'_>) -> bool {
    let message = event.offset..event.offset + event.length;
    let Some(Ok(mut values)) = bytes.get(message.clone()).map(unpack) else {
        return false;
    };
    let at = choices.below(values.len());
    let Some(value) = values.get_mut(at) else {
        return false;
    };
    value.value = match action {
        Action::One => 1,
        Action::PlusOne => (value.value + 1) % P,
        Action::MinusOne => (value.value + P - 1) % P,
        Action::Negate => (P - value.value) % P,
        // The one number of 61 bits that is no element.
        Action::PlusModulus => P,
        Action::RandomElement => choices.word(8) % P,
        _ => return false,
    };
    bytes.splice(message, pack(&values));
    true
}

fn change_word(bytes: &mut [u8], at: usize, action: Action, choices: &mut Choices<'_>) {
    let Some(word) = bytes.get_mut(at..at + 8) else {
        return;
    };
    let value = u64::from_le_bytes(word.try_into().expect("8 bytes"));
    let value = match action {
        Action::One => 1,
        Action::PlusOne if value == P - 1 => 0,
        Action::PlusOne => value.wrapping_add(1),
        Action::MinusOne if value == 0 => P - 1,
        Action::MinusOne => value - 1,
        Action::Negate if value == 0 => 0,
        Action::Negate => P.wrapping_sub(value),
        Action::PlusModulus => value.wrapping_add(P),
        _ => choices.word(8) % P,
    };
    word.copy_from_slice(&value.to_le_bytes());
}

fn swap(bytes: &mut [u8], a: usize, b: usize, length: usize) {
    let length = length
        .min(bytes.len().saturating_sub(a.max(b)))
        .min(a.abs_diff(b));
    (0..length).for_each(|i| bytes.swap(a + i, b + i));
}

fn copy(bytes: &mut [u8], at: usize, from: Option<&[u8]>) {
    let Some(from) = from else { return };
    let to = bytes.get_mut(at..).unwrap_or_default();
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}
