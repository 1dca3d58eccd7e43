//! Headers and length fields of files altered: each is refused by the error that says what is wrong with it.

use serde::Serialize;

use super::fixture::{CONTEXT, fixtures, judge, rotated};
use crate::argument::Statement;
use crate::graph::Graph;
use crate::keys::{NetworkSkeleton, VerifyingKey, WeightsKey};
use crate::proof::{
    Artifact, CHECKSUM_BYTES, FormatError, HEADER_BYTES, Proof, PublicValues, from_bytes, to_bytes,
};

fn encoded(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("an encoding")
}

/// A container with another payload, its length and checksum put right.
fn sealed(container: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = container[..HEADER_BYTES].to_vec();
    bytes[HEADER_BYTES - 8..].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    bytes.extend_from_slice(payload);
    let checksum = *blake3::hash(&bytes).as_bytes();
    bytes.extend_from_slice(&checksum);
    bytes
}

/// Every bit of the header and of the checksum, and the payload here and there.
fn every_altered_bit<T: Artifact>(name: &str, artifact: &T) {
    let bytes = to_bytes(artifact).expect("bytes");
    let end = bytes.len() - CHECKSUM_BYTES;
    let payload = (HEADER_BYTES..end).step_by(1 + (end - HEADER_BYTES) / 97);
    for at in (0..HEADER_BYTES).chain(payload).chain(end..bytes.len()) {
        for bit in 0..8 {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << bit;
            let Err(error) = from_bytes::<T>(&altered) else {
                panic!("{name}: byte {at} bit {bit}: accepted")
            };
            let expected = match at {
                0..4 => matches!(error, FormatError::WrongMagic { .. }),
                // No two tags differ in one bit.
                4..8 => matches!(error, FormatError::UnknownKind { .. }),
                8..12 => matches!(error, FormatError::WrongVersion { .. }),
                12..20 => matches!(
                    error,
                    FormatError::Truncated { .. }
                        | FormatError::TrailingBytes { .. }
                        | FormatError::TooLarge { .. }
                ),
                _ => error == FormatError::Checksum,
            };
            assert!(expected, "{name}: byte {at} bit {bit}: {error}");
        }
    }
}

#[test]
fn every_altered_field_of_a_header_is_named() {
    for (name, f) in fixtures() {
        every_altered_bit(name, &f.key.verifying);
        every_altered_bit(name, &f.proof);
    }
    every_altered_bit("rotated", &rotated().verifying);
}

/// The number at `offset` of a postcard payload, 7 bits a byte, and how many bytes it has.
fn varint(payload: &[u8], offset: usize) -> (u64, usize) {
    let length = 1 + payload[offset..]
        .iter()
        .position(|byte| byte & 0x80 == 0)
        .expect("a last byte");
    let bits = payload[offset..offset + length].iter().rev();
    (
        bits.fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f)),
        length,
    )
}

/// Alters the length at `offset` of the payload: one less, one more, none, absurd, and the same in more bytes than it
/// needs. What decodes all the same, as bytes of one field may by chance do as another, is `refused` for what it says.
fn altered_length<T: Artifact>(
    what: &str,
    artifact: &T,
    offset: usize,
    expected: usize,
    refused: impl Fn(&T) -> bool,
) {
    let bytes = to_bytes(artifact).expect("bytes");
    let payload = &bytes[HEADER_BYTES..bytes.len() - CHECKSUM_BYTES];
    let (value, length) = varint(payload, offset);
    assert_eq!(value, expected as u64, "{what}: the length stands there");
    let with = |field: &[u8]| {
        let altered = [&payload[..offset], field, &payload[offset + length..]].concat();
        from_bytes::<T>(&sealed(&bytes, &altered))
    };
    for other in [value.wrapping_sub(1), value + 1, 0, 1 << 32, u64::MAX] {
        if other == value {
            continue;
        }
        match with(&encoded(&other)) {
            Ok(decoded) => assert!(refused(&decoded), "{what}: {value} now {other}: accepted"),
            // A proof is looked through before it is decoded: what is read as values may not be written as such.
            Err(error) => assert!(
                matches!(
                    error,
                    FormatError::Decode { .. }
                        | FormatError::NonCanonical { .. }
                        | FormatError::TooMany { .. }
                ),
                "{what}: {value} now {other}: {error:?}"
            ),
        }
    }
    let mut needless = payload[offset..offset + length].to_vec();
    needless[length - 1] |= 0x80;
    needless.push(0);
    let kind = T::KIND;
    let place = (offset + length - 1) as u64;
    assert_eq!(
        with(&needless).err(),
        Some(FormatError::NonCanonical { kind, offset: place }),
        "{what}"
    );
}

/// Alters the byte at `offset` of the payload, which says which of `count` variants follows.
fn altered_variant<T: Artifact>(what: &str, artifact: &T, offset: usize, count: u8) {
    let bytes = to_bytes(artifact).expect("bytes");
    let payload = &bytes[HEADER_BYTES..bytes.len() - CHECKSUM_BYTES];
    assert!(payload[offset] < count, "{what}: the variant stands there");
    for other in [count, count + 1, 0x7f, 0xff] {
        let mut altered = payload.to_vec();
        altered[offset] = other;
        let error = from_bytes::<T>(&sealed(&bytes, &altered)).err();
        assert!(
            matches!(error, Some(FormatError::Decode { .. })),
            "{what}: variant {other}: {error:?}"
        );
    }
}

#[test]
fn every_altered_length_in_a_proof_is_refused() {
    for (name, f) in fixtures() {
        let Proof {
            key,
            opening,
            lengths,
            public: PublicValues { input, outputs },
            messages,
        } = &f.proof;
        let refused = |proof: &Proof| judge(&f.key.verifying, proof, CONTEXT).is_err();
        let length = |what, offset, expected| altered_length(what, &f.proof, offset, expected, refused);
        let mut offset = encoded(&(key, opening)).len();
        altered_variant(name, &f.proof, offset, 2);
        offset += encoded(lengths).len();
        altered_variant(name, &f.proof, offset, 2);
        if let Some(input) = input {
            length("input", offset + 1, input.len());
        }
        offset += encoded(input).len();
        altered_variant(name, &f.proof, offset, 2);
        offset += 1;
        if let Some(outputs) = outputs {
            length("outputs", offset, outputs.len());
            offset += encoded(&outputs.len()).len();
            for output in outputs {
                length("output", offset, output.len());
                offset += encoded(output).len();
            }
        }
        length("messages", offset, messages.len());
        // Bytes behind the messages, inside of the payload.
        let bytes = to_bytes(&f.proof).expect("bytes");
        let mut payload = encoded(&f.proof);
        payload.push(0);
        let error = from_bytes::<Proof>(&sealed(&bytes, &payload)).err();
        assert!(matches!(error, Some(FormatError::Decode { .. })), "{error:?}");
    }
}

#[test]
fn every_altered_length_in_a_verifying_key_is_refused() {
    let refused = |key: &VerifyingKey| Statement::new(key).is_err();
    let keys = fixtures().map(|(_, f)| &f.key.verifying);
    for key in keys.into_iter().chain([&rotated().verifying]) {
        // Field by field, in the order of the structure.
        let VerifyingKey {
            network,
            instance,
            weights,
        } = key;
        let NetworkSkeleton {
            name,
            graph,
            input_scales,
            output_scales,
            limb_bits,
            lowering,
            sizing,
            preprocessing,
            classes,
        } = network;
        altered_length("name", key, 0, name.len(), refused);
        let mut offset = encoded(name).len();
        let Graph {
            nodes,
            input,
            outputs,
            parameters,
        } = graph;
        altered_length("nodes", key, offset, nodes.len(), refused);
        offset += encoded(&(nodes, input)).len();
        altered_length("outputs", key, offset, outputs.len(), refused);
        offset += encoded(outputs).len();
        altered_length("parameters", key, offset, parameters.len(), refused);
        offset += encoded(parameters).len();
        altered_length("input scales", key, offset, input_scales.len(), refused);
        offset += encoded(input_scales).len();
        altered_length("scales", key, offset, output_scales.len(), refused);
        offset += encoded(&(output_scales, limb_bits, lowering)).len();
        altered_variant("sizing", key, offset, 3);
        offset += encoded(sizing).len();
        altered_variant("preprocessing", key, offset, 2);
        offset += encoded(preprocessing).len();
        altered_length("classes", key, offset, classes.len(), refused);
        offset += encoded(classes).len();
        for part in 0..2 {
            altered_variant("visibility", key, offset + part, 2);
        }
        altered_variant("commit_input", key, offset + 2, 2);
        offset += encoded(instance).len();
        let WeightsKey {
            columns,
            unpacked,
            visibility,
            code,
            recursion,
            commitments,
            previous,
            previous_opening,
            setup_proof,
        } = weights;
        altered_length("columns", key, offset, columns.len(), refused);
        offset += encoded(columns).len();
        altered_variant("unpacked", key, offset, 2);
        offset += encoded(unpacked).len();
        altered_variant("visibility of weights", key, offset, 2);
        offset += encoded(&(visibility, code)).len();
        altered_length("levels", key, offset, recursion.levels.len(), refused);
        offset += encoded(recursion).len();
        altered_length("roots", key, offset, commitments.roots.len(), refused);
        offset += encoded(commitments).len();
        altered_variant("previous", key, offset, 2);
        offset += encoded(&(previous, previous_opening)).len();
        altered_length("setup proof", key, offset, setup_proof.len(), refused);
        assert_eq!(
            offset + encoded(&serde_bytes::Bytes::new(setup_proof)).len(),
            encoded(key).len()
        );
    }
}
