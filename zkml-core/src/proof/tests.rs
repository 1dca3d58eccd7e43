//! Containers that are not as they should be, one by one.

#![allow(clippy::arithmetic_side_effects)]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;

/// Stands for the real artifacts: one field for each way in which postcard reads a length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Sample {
    name: String,
    numbers: Vec<u64>,
    nested: Vec<Vec<u32>>,
    map: BTreeMap<u16, f32>,
    flag: Option<bool>,
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
}

impl Artifact for Sample {
    const KIND: Kind = Kind::Proof;
    const VERSION: u32 = 3;
    const MAXIMUM_BYTES: u64 = 1000;
}

fn sample() -> Sample {
    Sample {
        name: "lenet5".into(),
        numbers: vec![0, 127, 128, u64::MAX],
        nested: vec![vec![], vec![1, 2], vec![300]],
        map: BTreeMap::from([(1, 0.5), (900, -0.0)]),
        flag: Some(true),
        bytes: vec![7; 40],
    }
}

/// A container with a right checksum around any header fields and payload.
fn container(tag: [u8; 4], version: u32, announced: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = b"ZKML".to_vec();
    bytes.extend(tag);
    bytes.extend(version.to_le_bytes());
    bytes.extend(announced.to_le_bytes());
    bytes.extend(payload);
    let checksum = blake3::hash(&bytes);
    bytes.extend(checksum.as_bytes());
    bytes
}

fn sample_container(payload: &[u8]) -> Vec<u8> {
    container(Sample::KIND.tag(), Sample::VERSION, payload.len() as u64, payload)
}

/// Reads `bytes` from memory and from a file, and checks that both give the same result.
fn read_both<T: Artifact + PartialEq + Debug>(bytes: &[u8]) -> Result<T, FormatError> {
    let folder = folder();
    let path = folder.path().join("artifact");
    std::fs::write(&path, bytes).unwrap();
    let from_memory = from_bytes(bytes);
    match (&from_memory, read_file::<T>(&path)) {
        (Ok(expected), Ok(found)) => assert_eq!(expected, &found),
        // A file without a whole header is refused before its size is known.
        (
            Err(expected),
            Err(FileError::Format {
                path: place,
                error: found,
            }),
        ) => {
            assert_eq!(expected, &found);
            assert_eq!(place, path);
        }
        (expected, found) => panic!("from memory {expected:?}, from a file {found:?}"),
    }
    from_memory
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn file_names(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn overhead_is_header_and_checksum() {
    assert_eq!(OVERHEAD_BYTES, (HEADER_BYTES + CHECKSUM_BYTES) as u64);
}

#[test]
fn layout_is_the_documented_one() {
    let payload = postcard::to_stdvec(&sample()).unwrap();
    assert_eq!(to_bytes(&sample()).unwrap(), sample_container(&payload));
    let header = Header::parse(&sample_container(&payload)).unwrap();
    assert_eq!(
        header,
        Header {
            kind: Kind::Proof,
            version: 3,
            payload_bytes: payload.len() as u64
        }
    );
}

#[test]
fn tags_are_distinct_and_found_again() {
    for kind in Kind::ALL {
        assert_eq!(Kind::from_tag(kind.tag()), Some(kind));
    }
    assert_eq!(Kind::from_tag(*b"NONE"), None);
}

#[test]
fn round_trip_in_memory_and_on_disk() {
    let bytes = to_bytes(&sample()).unwrap();
    assert_eq!(read_both::<Sample>(&bytes).unwrap(), sample());
    let folder = folder();
    let path = folder.path().join("sample.zkml");
    assert_eq!(write_file(&path, &sample()).unwrap(), bytes.len() as u64);
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
    assert_eq!(read_file::<Sample>(&path).unwrap(), sample());
    assert_eq!(inspect_file(&path).unwrap(), Header::parse(&bytes).unwrap());
}

#[test]
fn every_truncation_is_refused() {
    let bytes = to_bytes(&sample()).unwrap();
    for length in 0..bytes.len() {
        let expected = if length < HEADER_BYTES {
            OVERHEAD_BYTES
        } else {
            bytes.len() as u64
        };
        let truncated = FormatError::Truncated {
            expected,
            found: length as u64,
        };
        assert_eq!(
            read_both::<Sample>(&bytes[..length]),
            Err(truncated),
            "at {length} bytes"
        );
    }
}

#[test]
fn every_altered_byte_is_refused() {
    let bytes = to_bytes(&sample()).unwrap();
    for place in 0..bytes.len() {
        for change in [1, 0x80, 0xff] {
            let mut altered = bytes.clone();
            altered[place] ^= change;
            let error = from_bytes::<Sample>(&altered).unwrap_err();
            let as_expected = match place {
                0..4 => matches!(error, FormatError::WrongMagic { .. }),
                4..8 => matches!(error, FormatError::UnknownKind { .. }),
                8..12 => matches!(error, FormatError::WrongVersion { expected: 3, .. }),
                12..20 => matches!(
                    error,
                    FormatError::TooLarge { .. }
                        | FormatError::Truncated { .. }
                        | FormatError::TrailingBytes { .. }
                ),
                _ => error == FormatError::Checksum,
            };
            assert!(as_expected, "byte {place} changed by {change:#x}: {error:?}");
        }
    }
}

/// An attacker who recomputes the checksum gets another artifact or an error, never the same artifact and
/// never one with a second encoding.
#[test]
fn every_altered_payload_byte_with_a_right_checksum_is_another_artifact_or_refused() {
    let payload = postcard::to_stdvec(&sample()).unwrap();
    let mut refused = 0;
    for place in 0..payload.len() {
        for change in 1..=255 {
            let mut altered = payload.clone();
            altered[place] ^= change;
            let altered = sample_container(&altered);
            match from_bytes::<Sample>(&altered) {
                Ok(artifact) => {
                    // Compared as bytes, because a changed float may be a NaN.
                    assert_eq!(to_bytes(&artifact).unwrap(), altered);
                }
                Err(error) => {
                    refused += 1;
                    assert!(
                        matches!(
                            error,
                            FormatError::Decode { .. } | FormatError::NonCanonical { .. }
                        ),
                        "{error:?}"
                    );
                }
            }
        }
    }
    assert!(refused > 0);
}

#[test]
fn other_files_are_refused() {
    for (bytes, found) in [
        (&b"\x1f\x8b\x08\x00 gzip"[..], &b"\x1f\x8b\x08\x00"[..]),
        (b"ZKX", b"ZKX"),
    ] {
        assert_eq!(
            read_both::<Sample>(bytes),
            Err(FormatError::WrongMagic {
                found: found.to_vec()
            })
        );
    }
    let message = FormatError::WrongMagic {
        found: b"\x1f\x8bA".to_vec(),
    }
    .to_string();
    assert_eq!(
        message,
        "not a zkml file: expected it to start with \"ZKML\", found \"\\x1f\\x8bA\""
    );
}

#[test]
fn other_kinds_and_versions_are_refused() {
    let payload = postcard::to_stdvec(&sample()).unwrap();
    let length = payload.len() as u64;
    let unknown = container(*b"NONE", 3, length, &payload);
    assert_eq!(
        read_both::<Sample>(&unknown),
        Err(FormatError::UnknownKind { found: *b"NONE" })
    );
    for kind in Kind::ALL {
        if kind != Sample::KIND {
            let other = container(kind.tag(), 3, length, &payload);
            let error = FormatError::WrongKind {
                expected: Kind::Proof,
                found: kind,
            };
            assert_eq!(read_both::<Sample>(&other), Err(error));
        }
    }
    for version in [0, 2, 4, u32::MAX] {
        let other = container(Sample::KIND.tag(), version, length, &payload);
        let error = FormatError::WrongVersion {
            kind: Kind::Proof,
            expected: 3,
            found: version,
        };
        assert_eq!(read_both::<Sample>(&other), Err(error));
    }
}

#[test]
fn trailing_bytes_are_refused() {
    let mut bytes = to_bytes(&sample()).unwrap();
    let offset = bytes.len() as u64;
    for found in 1..40 {
        bytes.push(0);
        assert_eq!(
            read_both::<Sample>(&bytes),
            Err(FormatError::TrailingBytes { offset, found })
        );
    }
    // Trailing bytes inside the payload, which the checksum covers.
    let mut payload = postcard::to_stdvec(&sample()).unwrap();
    payload.push(0);
    let error = read_both::<Sample>(&sample_container(&payload)).unwrap_err();
    assert!(
        matches!(
            error,
            FormatError::Decode {
                kind: Kind::Proof,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn announced_sizes_are_not_believed() {
    let payload = postcard::to_stdvec(&sample()).unwrap();
    let actual = sample_container(&payload).len() as u64;
    for announced in [1000, 1 << 40, 1 << 60, u64::MAX - 51, u64::MAX] {
        let bytes = container(Sample::KIND.tag(), 3, announced, &payload);
        let found = announced.saturating_add(OVERHEAD_BYTES);
        let error = FormatError::TooLarge {
            kind: Kind::Proof,
            maximum: 1000,
            found,
        };
        assert_eq!(read_both::<Sample>(&bytes), Err(error));
    }
    let bytes = container(Sample::KIND.tag(), 3, payload.len() as u64 + 1, &payload);
    let error = FormatError::Truncated {
        expected: actual + 1,
        found: actual,
    };
    assert_eq!(read_both::<Sample>(&bytes), Err(error));
    let bytes = container(Sample::KIND.tag(), 3, 0, &payload);
    let error = FormatError::TrailingBytes {
        offset: OVERHEAD_BYTES,
        found: payload.len() as u64,
    };
    assert_eq!(read_both::<Sample>(&bytes), Err(error));
}

#[test]
fn files_above_the_limit_are_refused_before_they_are_read() {
    let folder = folder();
    let path = folder.path().join("large");
    let header = container(Sample::KIND.tag(), 3, 100, &[]);
    std::fs::write(&path, &header[..HEADER_BYTES]).unwrap();
    // Sparse: it takes no space on disk, and more memory than there is if anything tries to hold it.
    std::fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(1 << 43)
        .unwrap();
    let Err(FileError::Format { error, .. }) = read_file::<Sample>(&path) else {
        panic!("was read")
    };
    assert_eq!(
        error,
        FormatError::TooLarge {
            kind: Kind::Proof,
            maximum: 1000,
            found: 1 << 43
        }
    );
}

/// Why an artifact is not written.
fn unwritten(path: &Path, artifact: &impl Artifact) -> FormatError {
    match write_file(path, artifact) {
        Err(FileError::Format { error, .. }) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn artifacts_above_the_limit_are_not_written() {
    let folder = folder();
    let path = folder.path().join("sample.zkml");
    write_file(&path, &sample()).unwrap();
    let before = std::fs::read(&path).unwrap();
    let large = Sample {
        bytes: vec![0; 1000],
        ..sample()
    };
    let error = unwritten(&path, &large);
    assert!(
        matches!(
            error,
            FormatError::TooLarge {
                maximum: 1000,
                found: 1001..,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(file_names(folder.path()), ["sample.zkml"]);
}

/// The exact limit is allowed, one byte more is not.
#[test]
fn the_limit_is_inclusive() {
    let rest = to_bytes(&Sample {
        bytes: vec![0; 200],
        ..sample()
    })
    .unwrap()
    .len()
        - 200;
    let largest = Sample {
        bytes: vec![0; 1000 - rest],
        ..sample()
    };
    let bytes = to_bytes(&largest).unwrap();
    assert_eq!(bytes.len(), 1000);
    assert_eq!(read_both::<Sample>(&bytes), Ok(largest));
    let larger = Sample {
        bytes: vec![0; 1001 - rest],
        ..sample()
    };
    assert!(matches!(
        to_bytes(&larger),
        Err(FormatError::TooLarge { found: 1001, .. })
    ));
}

#[test]
fn needless_leading_zeros_are_not_canonical() {
    // The payload ends with the length 40 and 40 bytes; 40 is also 0xa8 0x00 as a longer integer.
    let mut payload = postcard::to_stdvec(&sample()).unwrap();
    let place = payload.len() - 41;
    assert_eq!(payload[place], 40);
    payload.splice(place..=place, [0xa8, 0x00]);
    let offset = place as u64;
    let error = FormatError::NonCanonical {
        kind: Kind::Proof,
        offset,
    };
    assert_eq!(read_both::<Sample>(&sample_container(&payload)), Err(error));
}

#[test]
fn unordered_maps_are_not_canonical() {
    let ordered = Sample {
        map: BTreeMap::from([(1, 0.0), (2, 0.0)]),
        ..sample()
    };
    let mut payload = postcard::to_stdvec(&ordered).unwrap();
    let place = payload
        .windows(6)
        .position(|window| window == [1, 0, 0, 0, 0, 2])
        .unwrap();
    payload[place] = 2;
    payload[place + 5] = 1;
    let error = FormatError::NonCanonical {
        kind: Kind::Proof,
        offset: place as u64,
    };
    assert_eq!(read_both::<Sample>(&sample_container(&payload)), Err(error));
}

/// Lengths inside the payload of 2^60 and more: allocating what they announce would abort the process.
#[test]
fn hostile_lengths_inside_the_payload_are_refused() {
    let empty = Sample {
        name: String::new(),
        numbers: vec![],
        nested: vec![],
        map: BTreeMap::new(),
        flag: None,
        bytes: vec![],
    };
    // One zero byte for each field.
    let zeros = postcard::to_stdvec(&empty).unwrap();
    assert_eq!(zeros, [0; 6]);
    for field in [0, 1, 2, 3, 5] {
        for length in [1 << 32, 1 << 60, u64::MAX] {
            for filler in [0, 200] {
                let mut payload = zeros[..field].to_vec();
                payload.extend(postcard::to_stdvec(&length).unwrap());
                payload.extend(vec![0; filler]);
                let error = read_both::<Sample>(&sample_container(&payload)).unwrap_err();
                assert!(
                    matches!(error, FormatError::Decode { .. }),
                    "field {field}: {error:?}"
                );
            }
        }
    }
    // The same one level down, in each of a hundred inner vectors.
    let mut payload = vec![0, 0, 100];
    for _ in 0..100 {
        payload.extend(postcard::to_stdvec(&(1u64 << 60)).unwrap());
    }
    assert!(matches!(
        read_both::<Sample>(&sample_container(&payload)),
        Err(FormatError::Decode { .. })
    ));
}

#[derive(Debug, PartialEq, Deserialize)]
struct Refuses;

impl Serialize for Refuses {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("refused"))
    }
}

impl Artifact for Refuses {
    const KIND: Kind = Kind::Proof;
    const VERSION: u32 = 1;
    const MAXIMUM_BYTES: u64 = 1000;
}

#[test]
fn an_artifact_that_cannot_be_encoded_leaves_no_file() {
    let folder = folder();
    let path = folder.path().join("values");
    let error = unwritten(&path, &Refuses);
    assert!(
        matches!(
            error,
            FormatError::Encode {
                kind: Kind::Proof,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(file_names(folder.path()).is_empty());
}

#[test]
fn places_that_cannot_be_read_or_written() {
    let folder = folder();
    let missing = folder.path().join("missing");
    assert!(matches!(read_file::<Sample>(&missing), Err(FileError::NotFound { path }) if path == missing));
    assert!(matches!(inspect_file(&missing), Err(FileError::NotFound { path }) if path == missing));
    assert!(matches!(
        read_file::<Sample>(folder.path()),
        Err(FileError::Io { action: "read", .. })
    ));
    let inside = missing.join("file");
    assert!(matches!(write_file(&inside, &sample()), Err(FileError::NotFound { path }) if path == missing));
    // The target is a folder: the rename fails, and the temporary file goes.
    let target = folder.path().join("target");
    std::fs::create_dir_all(target.join("full")).unwrap();
    assert!(matches!(
        write_file(&target, &sample()),
        Err(FileError::Io { action: "write", .. })
    ));
    assert_eq!(file_names(folder.path()), ["target"]);
}

#[test]
fn inspection_finds_damage() {
    let folder = folder();
    let path = folder.path().join("sample");
    let bytes = to_bytes(&sample()).unwrap();
    let inspect = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        match inspect_file(&path) {
            Ok(header) => Ok(header),
            Err(FileError::Format { error, .. }) => Err(error),
            Err(error) => panic!("{error}"),
        }
    };
    assert!(inspect(&bytes).is_ok());
    for length in 0..bytes.len() {
        assert!(
            matches!(inspect(&bytes[..length]), Err(FormatError::Truncated { .. })),
            "{length}"
        );
    }
    let longer = [&bytes[..], &[0]].concat();
    let offset = bytes.len() as u64;
    assert_eq!(
        inspect(&longer),
        Err(FormatError::TrailingBytes { offset, found: 1 })
    );
    for place in HEADER_BYTES..bytes.len() {
        let mut altered = bytes.clone();
        altered[place] ^= 1;
        assert_eq!(inspect(&altered), Err(FormatError::Checksum), "byte {place}");
    }
    // Any version and any payload: those are for the reader of the kind.
    assert!(inspect(&container(*b"MODL", 99, 2, &[1, 2])).is_ok());
}

#[cfg(unix)]
#[test]
fn files_are_made_readable_for_others_as_the_umask_allows() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
    write_file(&ours, &sample()).unwrap();
    std::fs::write(&plain, b"").unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&ours), mode(&plain));
}

#[cfg(unix)]
#[test]
fn files_with_weights_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    #[derive(Debug, serde::Serialize, serde::Deserialize)]
    struct Secret(u8);

    impl Artifact for Secret {
        const KIND: Kind = Kind::ProvingKey;
        const VERSION: u32 = 1;
        const MAXIMUM_BYTES: u64 = 1000;
    }

    let folder = folder();
    let path = folder.path().join("secret");
    write_file(&path, &Secret(7)).unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(from_bytes::<Sample>(&bytes).is_err());
    }

    /// Behind a right header and checksum, what is accepted is its own only encoding.
    #[test]
    fn arbitrary_payloads_are_refused_or_canonical(payload in prop::collection::vec(0u8..8, 0..60)) {
        let bytes = sample_container(&payload);
        if let Ok(artifact) = from_bytes::<Sample>(&bytes) {
            prop_assert_eq!(to_bytes(&artifact).unwrap(), bytes);
        }
    }
}
