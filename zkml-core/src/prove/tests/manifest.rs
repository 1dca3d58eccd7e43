//! The tamper manifest: every message of every kind of proof, how it is altered, and which check must reject it.
//!
//! It speaks of bytes and recorded events alone, and is shared by the tests of small networks and those of whole
//! models: whoever includes it has `Event`, `Kind`, `VerifyError` and the modulus `P` in scope.

use std::collections::BTreeMap;

use super::{Event, Kind, M61, P, VerifyError, pack, unpack};

/// Checks that may reject an altered message. More than one where the message is used in several ways.
type Checks = &'static [&'static str];

/// Which elements of a message a row speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of them.
    Whole,
    /// Those that are answers for pads: the constraints are evaluated at them.
    Pads,
    /// The random coefficients behind the rows of pads: only the code speaks of them.
    Tails,
}

/// A root is part of what the next positions are drawn from: those of the base, or of its own level.
const RECURSION: Checks = &[
    "closing.constraints",
    "transcript.grind",
    "opening.merkle",
    "recursion.merkle",
];

const LEVEL_MERKLE: Checks = &["recursion.merkle"];

/// What is said in a level changes its positions; the last message is checked at once.
const LEVEL: Checks = &["transcript.grind", "recursion.merkle", "recursion.inner_product"];

/// One label of the protocol.
pub(super) struct Row {
    pub(super) label: &'static str,
    pub(super) kind: Kind,
    pub(super) part: Part,
    /// What rejects it in a plain proof; nothing where plain proofs do not have it.
    pub(super) plain: Checks,
    /// What rejects it in zero knowledge; nothing where such proofs do not have it.
    pub(super) hidden: Checks,
}

const fn row(label: &'static str, kind: Kind, plain: Checks, hidden: Checks) -> Row {
    Row {
        label,
        kind,
        part: Part::Whole,
        plain,
        hidden,
    }
}

const fn response(part: Part, hidden: Checks) -> Row {
    Row {
        part,
        ..row("closing.response", Kind::Extension, &[], hidden)
    }
}

/// In zero knowledge every equation between hidden values is a constraint on the pads, and all of them are judged at
/// once: an altered message changes every challenge after it, so the combination of all constraints is another
/// polynomial in them, and not 0 but with probability `2^-115`.
const CONSTRAINTS: Checks = &["closing.constraints"];

/// The nonces around the value of the random fold have few bits, and other ones fit as well; then other coefficients
/// are drawn than the combination is made with.
const COMBINED: Checks = &["transcript.grind", "opening.inner_product"];

const COMBINED_HIDDEN: Checks = &["transcript.grind", "closing.constraints"];

/// What comes after the last constraint changes the positions. The nonce no longer fits what is hashed before it; one
/// in 4096 does, and then the opened columns are the wrong ones.
const POSITIONS: Checks = &["transcript.grind", "opening.merkle"];

const MERKLE: Checks = &["opening.merkle"];

/// In the order of the protocol.
pub(super) const MANIFEST: &[Row] = &[
    // Layer 0 has no rounds and holds for every lambda; the first equation with a challenge in it is layer 1's.
    row("trace.root", Kind::Digest, &["lookup.layer"], CONSTRAINTS),
    row("input.root", Kind::Digest, &[], CONSTRAINTS),
    row("output.root", Kind::Digest, &[], CONSTRAINTS),
    // Only proofs of large networks have it. It has few bits, and other nonces fit as well.
    row(
        "lookup.grind",
        Kind::Nonce,
        &["transcript.grind", "lookup.layer"],
        &["transcript.grind", "closing.constraints"],
    ),
    // `Q` and `1/Q` exchanged are still inverse to each other.
    row(
        "lookup.root",
        Kind::Scalars,
        &["lookup.denominator_nonzero", "lookup.layer"],
        CONSTRAINTS,
    ),
    row("lookup.layer", Kind::Scalars, &["lookup.layer"], CONSTRAINTS),
    row("lookup.round", Kind::Scalars, &["lookup.layer"], CONSTRAINTS),
    row(
        "lookup.columns",
        Kind::Scalars,
        &["lookup.denominator"],
        CONSTRAINTS,
    ),
    row(
        "lookup.multiplicities",
        Kind::Scalars,
        &["lookup.numerator"],
        CONSTRAINTS,
    ),
    // A wrong value on the way down is noticed by the next equation that speaks of it. The number of ones in a one-hot
    // row is a view of a constant.
    row(
        "reduce.term",
        Kind::Scalars,
        &["reduce.stage", "reduce.linear", "reduce.public"],
        CONSTRAINTS,
    ),
    row("reduce.stage", Kind::Scalars, &["reduce.stage"], CONSTRAINTS),
    row("reduce.operand", Kind::Scalars, &["reduce.stage"], CONSTRAINTS),
    row("opening.merge", Kind::Scalars, &["opening.merge"], CONSTRAINTS),
    row("opening.values", Kind::Scalars, &["opening.merge"], CONSTRAINTS),
    row("opening.proximity.grind", Kind::Nonce, COMBINED, COMBINED_HIDDEN),
    row("opening.proximity", Kind::Scalars, COMBINED, CONSTRAINTS),
    row("opening.mask", Kind::Scalars, &[], CONSTRAINTS),
    row("opening.combine.grind", Kind::Nonce, COMBINED, COMBINED_HIDDEN),
    row(
        "opening.combination",
        Kind::Extension,
        &["opening.inner_product"],
        CONSTRAINTS,
    ),
    // In place of the combination, where that is long: only the large statement has them.
    row("recursion.root", Kind::Digest, RECURSION, RECURSION),
    row(
        "opening.product",
        Kind::Extension,
        &["opening.inner_product"],
        CONSTRAINTS,
    ),
    row("closing.masked", Kind::Extension, &[], CONSTRAINTS),
    response(Part::Pads, CONSTRAINTS),
    response(Part::Tails, POSITIONS),
    row("opening.grind", Kind::Nonce, POSITIONS, POSITIONS),
    row("opening.salt", Kind::Digest, MERKLE, MERKLE),
    row("opening.columns", Kind::Base, MERKLE, MERKLE),
    row("opening.path", Kind::Digest, MERKLE, MERKLE),
    row("recursion.rows", Kind::Extension, LEVEL, LEVEL),
    // Only with long codewords. It has few bits, and other nonces fit as well.
    row("recursion.rows.grind", Kind::Nonce, LEVEL, LEVEL),
    row("recursion.message", Kind::Extension, LEVEL, LEVEL),
    row("recursion.grind", Kind::Nonce, LEVEL, LEVEL),
    row("recursion.columns", Kind::Base, LEVEL_MERKLE, LEVEL_MERKLE),
    row("recursion.path", Kind::Digest, LEVEL_MERKLE, LEVEL_MERKLE),
];

/// The verdict on the messages of a proof.
type Judge<'a> = Box<dyn Fn(&[u8]) -> Result<(), VerifyError> + 'a>;

/// A valid proof, the messages it consists of, and who judges altered ones.
pub(super) struct Subject<'a> {
    pub(super) name: &'static str,
    pub(super) proof: &'a [u8],
    /// Is it in zero knowledge?
    pub(super) hidden: bool,
    /// The messages, in order.
    pub(super) messages: Vec<Event>,
    /// For each element of `closing.response`: is it a coefficient behind a row? See [`tails`].
    pub(super) tails: Vec<bool>,
    pub(super) judge: Judge<'a>,
}

/// For each element of the closing answer: is it a coefficient behind a row? `pads` are answered in each pair of rows,
/// with `tail` coefficients behind them.
pub(super) fn tails(pads: impl IntoIterator<Item = usize>, tail: usize) -> Vec<bool> {
    pads.into_iter()
        .flat_map(|pads| (0..pads + tail).map(move |element| element >= pads))
        .collect()
}

impl Subject<'_> {
    fn checks(&self, row: &Row) -> Checks {
        if self.hidden { row.hidden } else { row.plain }
    }

    fn has(&self, label: &str) -> bool {
        self.messages.iter().any(|event| event.label == label)
    }

    /// May `check` reject an altered element of `row`?
    fn may_reject(&self, row: &'static Row, mutation: Mutation, check: &str) -> bool {
        let index = |label: &str| MANIFEST.iter().position(|row| row.label == label);
        // What comes before a nonce must fit it; with few bits it often does.
        let before = |label: &str| self.has(label) && index(row.label) < index(label);
        let before_grinding = before("lookup.grind");
        // In zero knowledge constraints are judged later than the work before the combination.
        let before_work = before_grinding
            || self.hidden
                && ["opening.proximity.grind", "opening.combine.grind"]
                    .into_iter()
                    .any(before);
        // With what follows moved, the next message is another one as well, and may be judged first.
        let next = match mutation.moves() {
            true => 1 + usize::from(before_grinding),
            false => 0,
        };
        let after = MANIFEST
            .iter()
            .skip_while(|other| !core::ptr::eq(*other, row))
            .skip(1)
            .filter(|row| self.has(row.label));
        // With a tail the pads of the next pair of rows are moved.
        let moved = mutation.moves() && row.part == Part::Tails;
        let pads = MANIFEST.iter().filter(|row| moved && row.part == Part::Pads);
        core::iter::once(row)
            .chain(pads)
            .chain(after.take(next))
            .any(|row| self.checks(row).contains(&check))
            || before_work && check == "transcript.grind"
    }

    /// The row that an element of a message belongs to.
    fn row_of(&self, event: &Event, element: usize) -> &'static Row {
        let part = match self.tails.get(element) {
            _ if event.label != "closing.response" => Part::Whole,
            Some(true) => Part::Tails,
            _ => Part::Pads,
        };
        MANIFEST
            .iter()
            .find(|row| (row.label, row.kind, row.part) == (event.label, event.kind, part))
            .unwrap_or_else(|| panic!("{}: `{}` is not in the manifest", self.name, event.label))
    }

    /// Number of the message and of the element that a byte belongs to.
    fn place_of(&self, byte: usize) -> Option<(usize, usize)> {
        let message = self
            .messages
            .iter()
            .position(|event| byte < event.offset + event.length)?;
        let event = &self.messages[message];
        Some((message, element_of(event, byte - event.offset)))
    }

    /// Up to `samples` elements of a row, the first and the last among them: numbers of the message and the element.
    fn sample(&self, row: &'static Row, samples: usize, random: &mut Random) -> Vec<(usize, usize)> {
        let mut places: Vec<(usize, usize)> = Vec::new();
        for (message, event) in self.messages.iter().enumerate() {
            if (event.label, event.kind) == (row.label, row.kind) {
                let elements = 0..elements(event);
                places.extend(
                    elements
                        .filter(|&element| core::ptr::eq(self.row_of(event, element), row))
                        .map(|element| (message, element)),
                );
            }
        }
        let ends = usize::from(places.len() > 1);
        let mut last = places.pop().into_iter().collect::<Vec<_>>();
        for index in ends..places.len().min(samples.saturating_sub(1)) {
            let other = index + random.below(places.len() - index);
            places.swap(index, other);
        }
        places.truncate(samples.saturating_sub(1));
        places.append(&mut last);
        places
    }
}

/// Bytes of one element of a message, unless its elements are packed.
pub(super) fn element_size(event: &Event) -> usize {
    match event.kind {
        Kind::Scalars | Kind::Extension => 16,
        Kind::Nonce => 8,
        // A digest, or what is sent of it.
        _ => event.length.max(1),
    }
}

/// Elements of a message.
pub(super) fn elements(event: &Event) -> usize {
    match event.kind {
        Kind::Base => event.length * 8 / 61,
        _ => event.length / element_size(event),
    }
}

/// The byte in which an element of a message begins.
fn offset_of(event: &Event, element: usize) -> usize {
    match event.kind {
        Kind::Base => 61 * element / 8,
        _ => element * element_size(event),
    }
}

/// The element of a message that a byte of it belongs to; the one that begins in it, where that is two.
fn element_of(event: &Event, byte: usize) -> usize {
    match event.kind {
        Kind::Base => (byte * 8 + 7) / 61,
        _ => byte / element_size(event),
    }
}

/// Places and bits to alter: any sequence would do, this one is always the same.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((word ^ (word >> 31)) % bound.max(1) as u64) as usize
    }
}

/// What is done to an element, or at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mutation {
    /// One bit of it is another; a field element stays canonical.
    BitFlip,
    Zero,
    /// Field elements: the next one.
    PlusOne,
    /// Field elements: the same residue, encoded as a number that is not below `p`.
    PlusP,
    /// Exchanged with the next element; after the last one, with the next message of that label if it is as short.
    Swap,
    /// The element twice, all that follows moved by it.
    Duplicate,
    /// Without the element: the message is too short, all that follows moves up.
    Truncate,
    /// The message gets another element, 0, at its end.
    Extend,
}

const MUTATIONS: [Mutation; 8] = [
    Mutation::BitFlip,
    Mutation::Zero,
    Mutation::PlusOne,
    Mutation::PlusP,
    Mutation::Swap,
    Mutation::Duplicate,
    Mutation::Truncate,
    Mutation::Extend,
];

impl Mutation {
    /// Does it move what follows?
    fn moves(self) -> bool {
        matches!(self, Self::Duplicate | Self::Truncate | Self::Extend)
    }

    /// The altered proof; nothing where the mutation does not apply or changes nothing.
    fn apply(
        self,
        subject: &Subject<'_>,
        message: usize,
        element: usize,
        random: &mut Random,
    ) -> Option<Vec<u8>> {
        let event = &subject.messages[message];
        if event.kind == Kind::Base {
            return self.apply_packed(subject, event, element, random);
        }
        let size = element_size(event);
        let at = event.offset + size * element;
        let end = event.offset + event.length;
        let field = matches!(event.kind, Kind::Scalars | Kind::Extension);
        let mut bytes = subject.proof.to_vec();
        // One coordinate of a field element.
        let coordinate = at + 8 * random.below(size / 8);
        let coordinate = coordinate..coordinate + 8;
        let value = u64::from_le_bytes(bytes[coordinate.clone()].try_into().ok()?);
        let mut put = |value: u64| bytes[coordinate.clone()].copy_from_slice(&value.to_le_bytes());
        match self {
            Self::BitFlip if field => {
                let flipped = value ^ 1 << random.below(60);
                put(if flipped < P { flipped } else { value ^ 1 });
            }
            Self::BitFlip => bytes[at + random.below(size)] ^= 1 << random.below(8),
            Self::Zero if field => put(0),
            Self::Zero => bytes[at..at + size].fill(0),
            Self::PlusOne if field => put((value + 1) % P),
            Self::PlusP if field => put(value + P),
            Self::PlusOne | Self::PlusP => return None,
            Self::Swap => {
                let next = subject.messages.get(message + 1);
                let alike = |next: &&Event| next.label == event.label && next.length == size;
                let other = match next.filter(alike) {
                    _ if at + size < end => at + size,
                    Some(next) if event.length == size => next.offset,
                    _ => return None,
                };
                (0..size).for_each(|byte| bytes.swap(at + byte, other + byte));
            }
            Self::Duplicate => {
                let twice = bytes[at..at + size].to_vec();
                bytes.splice(at..at, twice);
            }
            Self::Truncate => drop(bytes.drain(at..at + size)),
            Self::Extend => drop(bytes.splice(end..end, vec![0; size])),
        }
        (bytes != subject.proof).then_some(bytes)
    }
}

impl Mutation {
    /// [`Self::apply`] for packed elements. A number that is not below `p` is `p` itself.
    fn apply_packed(
        self,
        subject: &Subject<'_>,
        event: &Event,
        element: usize,
        random: &mut Random,
    ) -> Option<Vec<u8>> {
        let message = event.offset..event.offset + event.length;
        let mut values = unpack(&subject.proof[message.clone()]).expect("canonical");
        let value = values[element].value;
        match self {
            Self::BitFlip => {
                let flipped = value ^ 1 << random.below(60);
                values[element].value = if flipped < P { flipped } else { value ^ 1 };
            }
            Self::Zero => values[element].value = 0,
            Self::PlusOne => values[element].value = (value + 1) % P,
            Self::PlusP => values[element].value = P,
            Self::Swap if element + 1 < values.len() => values.swap(element, element + 1),
            Self::Swap => return None,
            Self::Duplicate => values.insert(element, values[element]),
            Self::Truncate => drop(values.remove(element)),
            Self::Extend => values.push(M61::from_raw(0)),
        }
        let mut bytes = subject.proof.to_vec();
        bytes.splice(message, pack(&values));
        (bytes != subject.proof).then_some(bytes)
    }
}

/// Was the altered proof rejected by what should reject it? `Ok` with the row to which the first altered element
/// belongs and the check, if it was one.
fn judge(
    subject: &Subject<'_>,
    mutation: Mutation,
    bytes: &[u8],
) -> Result<(&'static Row, Option<&'static str>), String> {
    let equal = bytes
        .iter()
        .zip(subject.proof)
        .take_while(|(altered, honest)| altered == honest)
        .count();
    let verdict = (subject.judge)(bytes);
    // Up to here the proof is honest: a doubled last element belongs to the message after it.
    let Some((message, element)) = subject.place_of(equal) else {
        return match verdict {
            Err(VerifyError::TrailingBytes { offset, found })
                if offset == subject.proof.len() && found == bytes.len() - offset =>
            {
                Ok((MANIFEST.last().expect("a row"), None))
            }
            other => Err(format!("at the end: {mutation:?}: {other:?}")),
        };
    };
    let event = &subject.messages[message];
    let row = subject.row_of(event, element);
    let offset = event.offset + offset_of(event, element);
    match &verdict {
        Err(VerifyError::NonCanonical { label, offset: found })
            if mutation == Mutation::PlusP && *label == row.label && *found == offset =>
        {
            Ok((row, None))
        }
        Err(VerifyError::Check { name, .. })
            if mutation != Mutation::PlusP && subject.may_reject(row, mutation, name) =>
        {
            Ok((row, Some(name)))
        }
        // Where bytes have moved, a digest may be read as a field element, or be missing at the end of the proof.
        Err(VerifyError::NonCanonical { offset: found, .. }) if mutation.moves() && *found >= offset => {
            Ok((row, None))
        }
        Err(VerifyError::Truncated { .. })
            if mutation == Mutation::Truncate && [MERKLE, LEVEL_MERKLE].contains(&subject.checks(row)) =>
        {
            Ok((row, None))
        }
        other => Err(format!(
            "{} element {element} at byte {offset}: {mutation:?}: {other:?}",
            row.label
        )),
    }
}

/// What a run over the manifest has seen.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Altered proofs, all of them rejected.
    pub(super) rejected: usize,
    /// How often each check rejected an element of a row.
    pub(super) checks: BTreeMap<(&'static str, &'static str), usize>,
}

/// Alters up to `samples` elements of every row of the manifest that the proof has, in every way, and up to `more` of
/// them in one way.
pub(super) fn reject_all(subject: &Subject<'_>, samples: usize, more: usize, random: &mut Random) -> Tally {
    let mut tally = Tally::default();
    let mut problems = Vec::new();
    for row in MANIFEST {
        let mut by_check = 0;
        let places = subject.sample(row, samples.max(more), random);
        for (index, &(message, element)) in places.iter().enumerate() {
            let one = [MUTATIONS[random.below(MUTATIONS.len())]];
            let mutations = if index < samples { &MUTATIONS[..] } else { &one };
            for &mutation in mutations {
                let Some(bytes) = mutation.apply(subject, message, element, random) else {
                    continue;
                };
                match judge(subject, mutation, &bytes) {
                    Ok((found, check)) => {
                        tally.rejected += 1;
                        if let Some(check) = check {
                            *tally.checks.entry((found.label, check)).or_default() += 1;
                            by_check += usize::from(core::ptr::eq(found, row));
                        }
                    }
                    Err(problem) => problems.push(problem),
                }
            }
        }
        if !places.is_empty() && by_check == 0 {
            problems.push(format!(
                "{} ({:?}) was never rejected by a check",
                row.label, row.part
            ));
        }
    }
    assert!(
        problems.is_empty(),
        "{}: {} problems:\n{}",
        subject.name,
        problems.len(),
        problems.join("\n")
    );
    tally
}

/// Labels and kinds of a proof in the order in which they first occur. Every one is in the manifest, in that order,
/// and has checks.
pub(super) fn labels(subject: &Subject<'_>) -> Vec<(&'static str, Kind)> {
    let mut seen: Vec<(&str, Kind)> = Vec::new();
    for event in &subject.messages {
        if !seen.contains(&(event.label, event.kind)) {
            seen.push((event.label, event.kind));
        }
    }
    let mut rows = MANIFEST.iter();
    for &(label, kind) in &seen {
        let row = rows
            .find(|row| (row.label, row.kind) == (label, kind))
            .unwrap_or_else(|| {
                panic!(
                    "{}: `{label}` is not in the manifest, or out of order",
                    subject.name
                )
            });
        assert!(!subject.checks(row).is_empty(), "{}: `{label}`", subject.name);
    }
    seen
}
