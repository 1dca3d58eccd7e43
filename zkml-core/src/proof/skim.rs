//! A look at a proof that keeps nothing of it but sizes and the first values.
//!
//! A value of one byte in a file takes eight in memory. So sizes are compared with what is allowed before a proof is
//! decoded, and a file can be looked at, whatever its size, without a key that says what is allowed.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

use super::file::{io_error, open};
use super::{FileError, FormatError, Kind, Proof};
use crate::graph::{Lengths, MAXIMUM_OUTPUTS};

/// Values of a tensor that are kept.
const FIRST: usize = 10;

/// The sizes in a proof, and the first of its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofOutline {
    /// Digest of the verifying key.
    pub key: [u8; 32],
    /// Number of the opening of the weights.
    pub opening: u64,
    /// The lengths of the text, where the key is for texts of any length.
    pub lengths: Option<Lengths>,
    /// The public input; `None` if it is private.
    pub input: Option<Outline>,
    /// The public outputs, by number; `None` if they are private.
    pub outputs: Option<Vec<Outline>>,
    /// Bytes of the messages.
    pub messages: u64,
}

/// A tensor of public values, without most of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// How many values it has.
    pub length: u64,
    /// The first ten of them.
    pub first: Vec<i64>,
}

/// The largest proof that a key allows, file and parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofLimits {
    /// Bytes of the file.
    pub bytes: u64,
    /// Values of the public input.
    pub input: u64,
    /// Values of each public output.
    pub outputs: Vec<u64>,
}

impl ProofLimits {
    /// Refuses an outline with more values.
    fn check(&self, outline: &ProofOutline) -> Result<(), FormatError> {
        let refuse = |what: String, maximum, found| Err(FormatError::TooMany { what, maximum, found });
        let input = outline.input.as_ref().map_or(0, |input| input.length);
        if input > self.input {
            return refuse("values of the input".into(), self.input, input);
        }
        let outputs = outline.outputs.as_deref().unwrap_or_default();
        let (most, found) = (to_u64(self.outputs.len()), to_u64(outputs.len()));
        if found > most {
            return refuse("outputs".into(), most, found);
        }
        for (number, (most, found)) in self.outputs.iter().zip(outputs).enumerate() {
            if found.length > *most {
                return refuse(format!("values of output {number}"), *most, found.length);
            }
        }
        Ok(())
    }
}

/// Most public values of a proof that is read without its key: 32 MB in memory.
pub const MAXIMUM_VALUES: u64 = 1 << 22;

/// Refuses what is no proof, and more values than `limits` allow, or without limits than [`MAXIMUM_VALUES`].
pub(super) fn admit(payload: &[u8], limits: Option<&ProofLimits>) -> Result<(), FormatError> {
    let outline = Skim::new(payload).outline().map_err(format_error)?;
    if let Some(limits) = limits {
        return limits.check(&outline);
    }
    let tensors = outline.input.iter().chain(outline.outputs.iter().flatten());
    let found = tensors.fold(0u64, |sum, tensor| sum.saturating_add(tensor.length));
    match found > MAXIMUM_VALUES {
        true => Err(FormatError::TooMany {
            what: "public values without the verifying key, which says how many there may be".into(),
            maximum: MAXIMUM_VALUES,
            found,
        }),
        false => Ok(()),
    }
}

/// What a file of a proof holds, in memory that does not grow with the file. The checksum is that of
/// [`inspect_file`](super::inspect_file).
///
/// # Errors
///
/// As [`read_file`](super::read_file), but for the checksum and the limit of values.
pub fn outline_file(path: impl AsRef<Path>) -> Result<ProofOutline, FileError> {
    let path = path.as_ref();
    let (header, _, file, size) = open(path)?;
    let format = |error| FileError::Format {
        path: path.to_path_buf(),
        error,
    };
    header.check_artifact::<Proof>(size).map_err(format)?;
    let from = BufReader::with_capacity(1 << 16, file).take(header.payload_bytes);
    Skim::new(from).outline().map_err(|error| match error {
        SkimError::Io(error) => io_error(path, "read", error),
        other => format(format_error(other)),
    })
}

enum SkimError {
    Io(std::io::Error),
    /// What is wrong with the payload.
    Payload(&'static str),
    /// An integer with needless bytes, and where they begin to differ from its encoding.
    NonCanonical(u64),
}

fn format_error(error: SkimError) -> FormatError {
    let kind = Kind::Proof;
    match error {
        SkimError::NonCanonical(offset) => FormatError::NonCanonical { kind, offset },
        SkimError::Payload(reason) => FormatError::Decode {
            kind,
            reason: reason.into(),
        },
        SkimError::Io(error) => FormatError::Decode {
            kind,
            reason: error.to_string(),
        },
    }
}

/// Reads the encoding of a [`Proof`], field by field.
struct Skim<R> {
    from: R,
    /// Bytes that were read, but for the messages.
    offset: u64,
}

impl<R: Read> Skim<R> {
    fn new(from: R) -> Self {
        Self { from, offset: 0 }
    }

    fn outline(&mut self) -> Result<ProofOutline, SkimError> {
        let mut key = [0; 32];
        self.exact(&mut key)?;
        let opening = self.varint()?;
        let lengths = match self.is_some()? {
            true => Some(Lengths {
                tokens: self.varint_32()?,
                past: self.varint_32()?,
            }),
            false => None,
        };
        let input = match self.is_some()? {
            true => Some(self.tensor()?),
            false => None,
        };
        let outputs = match self.is_some()? {
            true => Some(self.tensors()?),
            false => None,
        };
        let messages = self.varint()?;
        let skipped = std::io::copy(&mut (&mut self.from).take(messages), &mut std::io::sink());
        if skipped.map_err(SkimError::Io)? != messages {
            return Err(SkimError::Payload("it ends before the messages do"));
        }
        let mut behind = [0];
        match self.from.read(&mut behind).map_err(SkimError::Io)? {
            0 => Ok(ProofOutline {
                key,
                opening,
                lengths,
                input,
                outputs,
                messages,
            }),
            _ => Err(SkimError::Payload("bytes are left at its end")),
        }
    }

    fn tensors(&mut self) -> Result<Vec<Outline>, SkimError> {
        let count = self.varint()?;
        if count > to_u64(MAXIMUM_OUTPUTS) {
            return Err(SkimError::Payload("it has more outputs than a network can have"));
        }
        (0..count).map(|_| self.tensor()).collect()
    }

    fn tensor(&mut self) -> Result<Outline, SkimError> {
        let length = self.varint()?;
        let mut first = Vec::with_capacity(FIRST);
        // A length that is not true ends with the payload: each value takes a byte.
        for _ in 0..length {
            let value = self.varint()?;
            if first.len() < FIRST {
                // Zigzag: 0, -1, 1, -2, ...
                let half = (value >> 1).cast_signed();
                first.push(if value & 1 == 0 { half } else { !half });
            }
        }
        Ok(Outline { length, first })
    }

    fn is_some(&mut self) -> Result<bool, SkimError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(SkimError::Payload("an option is neither there nor absent")),
        }
    }

    /// An integer of 32 bits.
    fn varint_32(&mut self) -> Result<u32, SkimError> {
        let value = self.varint()?;
        u32::try_from(value).map_err(|_| SkimError::Payload("an integer has more than 32 bits"))
    }

    /// An integer of 64 bits, seven to a byte, the lowest first.
    fn varint(&mut self) -> Result<u64, SkimError> {
        let mut value = 0u64;
        for index in 0..10u32 {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has the highest bit alone.
            if index == 9 && bits > 1 {
                return Err(SkimError::Payload("an integer has more than 64 bits"));
            }
            value |= bits << index.saturating_mul(7);
            if byte & 0x80 == 0 {
                return match byte == 0 && index > 0 {
                    // The byte before should have ended it.
                    true => Err(SkimError::NonCanonical(self.offset.saturating_sub(2))),
                    false => Ok(value),
                };
            }
        }
        Err(SkimError::Payload("an integer has more than 64 bits"))
    }

    fn byte(&mut self) -> Result<u8, SkimError> {
        let mut byte = [0];
        self.exact(&mut byte)?;
        let [byte] = byte;
        Ok(byte)
    }

    fn exact(&mut self, bytes: &mut [u8]) -> Result<(), SkimError> {
        self.offset = self.offset.saturating_add(to_u64(bytes.len()));
        self.from.read_exact(bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => SkimError::Payload("it ends too early"),
            _ => SkimError::Io(error),
        })
    }
}

fn to_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Reads a proof of a statement with these limits. What is larger is refused before it is decoded, and a larger file
/// before it is read.
///
/// # Errors
///
/// As [`read_file`](super::read_file); [`FormatError::TooMany`].
pub fn read_proof(path: impl AsRef<Path>, limits: &ProofLimits) -> Result<Proof, FileError> {
    let path = path.as_ref();
    let format = |error| FileError::Format {
        path: path.to_path_buf(),
        error,
    };
    let (header, start, mut file, size): (_, _, File, _) = open(path)?;
    header.check_artifact::<Proof>(size).map_err(format)?;
    if size > limits.bytes {
        return Err(format(FormatError::OtherProof {
            maximum: limits.bytes,
            found: size,
        }));
    }
    let bytes =
        super::file::rest_of(&mut file, &start, size).map_err(|error| io_error(path, "read", error))?;
    proof_from_bytes(&bytes, limits).map_err(format)
}

/// As [`read_proof`], from the bytes of a container.
///
/// # Errors
///
/// As [`from_bytes`](super::from_bytes); [`FormatError::TooMany`].
pub fn proof_from_bytes(bytes: &[u8], limits: &ProofLimits) -> Result<Proof, FormatError> {
    if to_u64(bytes.len()) > limits.bytes {
        return Err(FormatError::OtherProof {
            maximum: limits.bytes,
            found: to_u64(bytes.len()),
        });
    }
    let payload = super::container::checked_payload::<Proof>(bytes)?;
    admit(payload, Some(limits))?;
    super::container::decode_admitted(payload)
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::proof::PublicValues;

    fn outline(payload: &[u8]) -> Option<ProofOutline> {
        Skim::new(payload).outline().ok()
    }

    fn proofs() -> Vec<Proof> {
        let values: Vec<i64> = (0..63)
            .flat_map(|bit| [1i64 << bit, -(1i64 << bit)])
            .chain([0, i64::MAX, i64::MIN])
            .collect();
        let outputs = [None, Some(vec![]), Some(vec![vec![], values.clone(), vec![7]])];
        let inputs = [None, Some(vec![]), Some(values)];
        let mut proofs = Vec::new();
        for input in inputs {
            for outputs in outputs.clone() {
                proofs.push(Proof {
                    key: [9; 32],
                    opening: u64::MAX >> (7 * proofs.len() % 60),
                    lengths: [
                        None,
                        Some(Lengths {
                            tokens: 9,
                            past: u32::MAX >> proofs.len(),
                        }),
                    ][proofs.len() % 2],
                    public: PublicValues {
                        input: input.clone(),
                        outputs,
                    },
                    messages: vec![5; 1000 * proofs.len()],
                });
            }
        }
        proofs
    }

    #[test]
    fn an_outline_is_that_of_the_decoded_proof() {
        for proof in proofs() {
            let payload = postcard::to_stdvec(&proof).expect("bytes");
            let of = |values: &Vec<i64>| Outline {
                length: values.len() as u64,
                first: values.iter().take(FIRST).copied().collect(),
            };
            let expected = ProofOutline {
                key: proof.key,
                opening: proof.opening,
                lengths: proof.lengths,
                input: proof.public.input.as_ref().map(of),
                outputs: proof
                    .public
                    .outputs
                    .as_ref()
                    .map(|list| list.iter().map(of).collect()),
                messages: proof.messages.len() as u64,
            };
            assert_eq!(outline(&payload), Some(expected));
        }
    }

    /// An outline is given of exactly those bytes that are decoded.
    #[test]
    fn altered_bytes_have_an_outline_where_they_have_a_proof() {
        let decodes = |payload: &[u8]| super::super::container::decode_admitted::<Proof>(payload).is_ok();
        for proof in proofs() {
            let payload = postcard::to_stdvec(&proof).expect("bytes");
            let reach = payload.len().min(400);
            for at in 0..reach {
                for byte in [
                    0x00,
                    0x01,
                    0x7f,
                    0x80,
                    0xff,
                    payload[at] ^ 0x80,
                    payload[at].wrapping_add(1),
                ] {
                    let mut altered = payload.clone();
                    altered[at] = byte;
                    assert_eq!(outline(&altered).is_some(), decodes(&altered), "{at} {byte}");
                }
                let (mut cut, mut longer) = (payload.clone(), payload.clone());
                cut.remove(at);
                longer.insert(at, 0x80);
                for altered in [&cut[..], &longer[..], &payload[..at]] {
                    assert_eq!(outline(altered).is_some(), decodes(altered), "{at}");
                }
            }
        }
    }

    #[test]
    fn more_values_than_allowed_are_refused() {
        let proof = proofs().pop().expect("a proof");
        let bytes = super::super::to_bytes(&proof).expect("bytes");
        let limits = ProofLimits {
            bytes: bytes.len() as u64,
            input: 129,
            outputs: vec![0, 129, 1],
        };
        assert_eq!(proof_from_bytes(&bytes, &limits), Ok(proof));
        let fewer = |alter: &dyn Fn(&mut ProofLimits)| {
            let mut limits = limits.clone();
            alter(&mut limits);
            proof_from_bytes(&bytes, &limits)
                .expect_err("refused")
                .to_string()
        };
        assert!(fewer(&|limits| limits.bytes -= 1).contains("has at most"));
        assert!(fewer(&|limits| limits.input = 128).contains("at most 128 values of the input"));
        assert!(fewer(&|limits| limits.outputs[1] = 128).contains("at most 128 values of output 1"));
        assert!(fewer(&|limits| limits.outputs.truncate(2)).contains("at most 2 outputs"));
    }
}
