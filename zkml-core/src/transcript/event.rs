//! The items of a transcript, in order, and the lines in which they are written down.

use core::fmt;

use crate::field::K;

/// The type of an absorbed item. Its number is hashed with the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Kind {
    /// Statement data that both ends know: nothing is sent.
    Absorb = 1,
    /// Message: elements of `K` that zero knowledge hides.
    Scalars = 2,
    /// Message: elements of `K` in the clear.
    Extension = 3,
    /// Message: elements of `F` in the clear.
    Base = 4,
    /// Message: a 32-byte digest or salt.
    Digest = 5,
    /// Message: the 8-byte nonce of a proof of work.
    Nonce = 6,
    /// A challenge from `K` is drawn.
    Challenge = 7,
    /// Distinct positions are drawn.
    Positions = 8,
    /// A proof of work is asked for.
    Grind = 9,
    /// The state is hashed sequentially.
    Harden = 10,
}

impl Kind {
    /// The word that begins its line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Absorb => "absorb",
            Self::Scalars | Self::Extension | Self::Base | Self::Digest | Self::Nonce => "message",
            Self::Challenge => "challenge",
            Self::Positions => "positions",
            Self::Grind => "grind",
            Self::Harden => "harden",
        }
    }

    /// Who says it; `both` for what both ends know.
    pub const fn speaker(self) -> &'static str {
        match self {
            Self::Challenge | Self::Positions => "verifier",
            Self::Scalars | Self::Extension | Self::Base | Self::Digest | Self::Nonce => "prover",
            Self::Absorb | Self::Grind | Self::Harden => "both",
        }
    }

    /// Whether bytes of the proof belong to it.
    pub fn is_message(self) -> bool {
        matches!(
            self,
            Self::Scalars | Self::Extension | Self::Base | Self::Digest | Self::Nonce
        )
    }
}

/// What an item has beside the messages of the proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A message: its bytes stand in the proof.
    Message,
    /// Statement data.
    Data(Vec<u8>),
    /// The challenge that was drawn.
    Challenge(K),
    /// The positions that were drawn.
    Positions(Vec<usize>),
    /// Bits of a proof of work.
    Work(u32),
    /// Sequential hashes.
    Hashes(u64),
}

/// One item of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its type.
    pub kind: Kind,
    /// Its label.
    pub label: &'static str,
    /// How many bytes of the proof came before it.
    pub offset: usize,
    /// Bytes of the proof that belong to it; bytes absorbed where nothing is sent.
    pub length: usize,
    /// What else it has.
    pub content: Content,
}

/// A line of the transcript (`docs/protocol/README.md`, "Test vectors").
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            label,
            offset,
            length,
            content,
        } = self;
        let word = kind.word();
        match content {
            Content::Message => write!(
                f,
                "{word} {label} kind {} offset {offset} bytes {length}",
                *kind as u8
            ),
            Content::Data(bytes) => {
                write!(f, "{word} {label} ")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Content::Challenge(K { c0, c1 }) => {
                write!(f, "{word} {label} = {} {}", c0.value, c1.value)
            }
            Content::Positions(positions) => write!(f, "{word} {label} = {positions:?}"),
            Content::Work(bits) => write!(f, "{word} {label} {bits} bits"),
            Content::Hashes(count) => write!(f, "{word} {label} {count} hashes"),
        }
    }
}

/// The lines of a transcript. Salts and nodes come by the hundred: messages of one kind and label in a row are one line.
pub fn lines(events: &[Event]) -> Vec<String> {
    let alike =
        |a: &Event, b: &Event| a.content == Content::Message && (a.kind, a.label) == (b.kind, b.label);
    let runs = events
        .chunk_by(alike)
        .filter_map(|run| Some((run.first()?, run.len())));
    runs.map(|(first, count)| match count {
        1 => first.to_string(),
        _ => format!("{first}, {count} of them"),
    })
    .collect()
}

/// Events so far, where they are asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Recorder(Option<Vec<Event>>);

impl Recorder {
    /// A recorder that keeps what it is told.
    pub(super) fn on() -> Self {
        Self(Some(Vec::new()))
    }

    /// Notes one item, at an offset and with a length.
    pub(super) fn note(
        &mut self,
        kind: Kind,
        label: &'static str,
        at: (usize, usize),
        content: impl FnOnce() -> Content,
    ) {
        if let Some(events) = &mut self.0 {
            let (offset, length) = at;
            events.push(Event {
                kind,
                label,
                offset,
                length,
                content: content(),
            });
        }
    }

    /// What was noted: empty when recording is off.
    pub(super) fn events(&self) -> &[Event] {
        self.0.as_deref().unwrap_or_default()
    }
}
