//! The items of a transcript, in order.

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
    /// Whether bytes of the proof belong to it.
    pub fn is_message(self) -> bool {
        matches!(
            self,
            Self::Scalars | Self::Extension | Self::Base | Self::Digest | Self::Nonce
        )
    }
}

/// One item of a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Its type.
    pub kind: Kind,
    /// Its label.
    pub label: &'static str,
    /// How many bytes of the proof came before it.
    pub offset: usize,
    /// Bytes of the proof that belong to it; bytes absorbed where nothing is sent.
    pub length: usize,
}

/// Events so far, where they are asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Recorder(Option<Vec<Event>>);

impl Recorder {
    /// A recorder that keeps what it is told.
    pub(super) fn on() -> Self {
        Self(Some(Vec::new()))
    }

    /// Notes one item.
    pub(super) fn note(&mut self, kind: Kind, label: &'static str, offset: usize, length: usize) {
        if let Some(events) = &mut self.0 {
            events.push(Event {
                kind,
                label,
                offset,
                length,
            });
        }
    }

    /// What was noted: empty when recording is off.
    pub(super) fn events(&self) -> &[Event] {
        self.0.as_deref().unwrap_or_default()
    }
}
