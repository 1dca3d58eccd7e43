//! NumPy's files: `.npy`, one array, and `.npz`, a zip archive of them.

use std::io::{BufReader, Cursor, Read};
use std::path::Path;

use ndarray_npy::npy::header::Header as NpyHeader;
use zip::ZipArchive;
use zip::read::ZipFile;
use zkml_core::files;
use zkml_core::nn::first_few;

use super::array::{Array, Element, Header, Numbers, damaged};
use super::pick::Pick;
use super::{DataError, MAIN_NAMES, Sample};

/// Most bytes of a header, as in NumPy itself.
const HEADER_BYTES: usize = 10_000;

/// Most brackets in a header: one for the whole and one for the shape, and some for types that are refused.
const BRACKETS: usize = 32;

/// The most that a compressed byte can become: a run of 258 bytes in two bits.
const LARGEST_RATIO: u64 = 1032;

/// The inputs in a `.npy` file.
pub(super) fn npy(path: &Path, shape: &[usize], pick: Pick) -> Result<Vec<Sample>, DataError> {
    let io = |error| DataError::Io {
        path: path.to_path_buf(),
        error,
    };
    let (file, length) = files::open(path).map_err(io)?;
    let mut file = BufReader::new(file);
    let (header, bytes) = header(&mut file, path)?;
    check_size(path, &header, length.saturating_sub(bytes))?;
    let array = Array {
        path: path.to_path_buf(),
        header,
        numbers: Numbers::File(file),
    };
    array.samples(shape, pick)
}

/// The inputs in an array of an `.npz` archive: in the one called `member`, or if there is none of several, in the only
/// one, or the one called `input` or `images`.
pub(super) fn npz(
    path: &Path,
    member: Option<&str>,
    shape: &[usize],
    pick: Pick,
) -> Result<Vec<Sample>, DataError> {
    let (file, _) = files::open(path).map_err(|error| DataError::Io {
        path: path.to_path_buf(),
        error,
    })?;
    let broken =
        |error: zip::result::ZipError| damaged(path, "an archive of arrays".into(), error.to_string());
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    let names = archive
        .file_names()
        .map(|name| name.map(|name| name.into_owned()));
    let names = names.collect::<Result<Vec<_>, _>>().map_err(broken)?;
    let arrays: Vec<&str> = names
        .iter()
        .filter_map(|name| name.strip_suffix(".npy"))
        .collect();
    let chosen = choose(path, &arrays, member)?;
    let mut entry = archive.by_name(&format!("{chosen}.npy")).map_err(broken)?;
    // For errors, the array as it can be named on the command line.
    let place = Path::new(&format!("{}#{chosen}", path.display())).to_path_buf();
    let (header, bytes) = header(&mut entry, &place)?;
    check_entry(&place, &entry)?;
    check_size(&place, &header, entry.size().saturating_sub(bytes))?;
    let array = Array {
        path: place,
        header,
        numbers: Numbers::Unpacked(Box::new(entry)),
    };
    array.samples(shape, pick)
}

/// The name of the array that is meant.
pub(super) fn choose<'a>(path: &Path, names: &[&'a str], member: Option<&str>) -> Result<&'a str, DataError> {
    let found = match (member, names) {
        (Some(member), _) => names.iter().find(|name| **name == member),
        (None, [only]) => Some(only),
        (None, _) => names.iter().find(|name| MAIN_NAMES.contains(name)),
    };
    found.copied().ok_or_else(|| {
        let expected = match member {
            Some(member) => format!("an array `{member}`"),
            None => "one array, or one named `input` or `images`; `FILE#NAME` names another".into(),
        };
        let mut sorted = names.to_vec();
        sorted.sort_unstable();
        let found = match sorted.len() {
            0 => "none".into(),
            count => format!("{count}: {}", first_few(&sorted)),
        };
        damaged(path, expected, found)
    })
}

/// Refuses an entry that says it becomes larger than it can.
fn check_entry<R: Read>(place: &Path, entry: &ZipFile<'_, R>) -> Result<(), DataError> {
    let most = entry.compressed_size().saturating_mul(LARGEST_RATIO);
    if entry.size() > most {
        let expected = format!(
            "at most {most} bytes out of {} compressed ones",
            entry.compressed_size()
        );
        return Err(damaged(place, expected, format!("{} announced", entry.size())));
    }
    Ok(())
}

/// Compares what the header announces with the bytes that follow it.
fn check_size(path: &Path, header: &Header, found: u64) -> Result<(), DataError> {
    if header.bytes() == Some(found) {
        return Ok(());
    }
    let Header { shape, element, .. } = header;
    let bytes = header
        .bytes()
        .map_or("more than 2^64".into(), |bytes| bytes.to_string());
    let expected = format!("{bytes} bytes, for shape {shape:?} of {element:?}");
    Err(damaged(path, expected, found.to_string()))
}

/// The header, and how many bytes it has.
fn header(reader: &mut impl Read, path: &Path) -> Result<(Header, u64), DataError> {
    let refused = |found: String| damaged(path, "the header of a NumPy array".into(), found);
    let mut bytes = Vec::new();
    let mut more = |bytes: &mut Vec<u8>, count: usize| {
        let wanted = bytes.len() + count;
        let read = reader.take(count as u64).read_to_end(bytes);
        read.map_err(|error| DataError::Io {
            path: path.to_path_buf(),
            error,
        })?;
        match bytes.len() == wanted {
            true => Ok(()),
            false => Err(refused(format!("only {} bytes", bytes.len()))),
        }
    };
    more(&mut bytes, 10)?;
    if !bytes.starts_with(b"\x93NUMPY") {
        let found = files::Foreign::of(&bytes).map_or("another file".into(), |foreign| foreign.to_string());
        return Err(refused(found));
    }
    let length = if bytes[6] == 1 {
        usize::from(u16::from_le_bytes([bytes[8], bytes[9]]))
    } else {
        more(&mut bytes, 2)?;
        u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize
    };
    if length > HEADER_BYTES {
        return Err(refused(format!("{length} bytes, more than {HEADER_BYTES}")));
    }
    more(&mut bytes, length)?;
    // The parser calls itself for each bracket.
    let brackets = bytes.iter().filter(|byte| b"([{".contains(byte)).count();
    if brackets > BRACKETS {
        return Err(refused(format!("{brackets} brackets, more than {BRACKETS}")));
    }
    let read =
        NpyHeader::from_reader(&mut Cursor::new(&bytes)).map_err(|error| refused(error.to_string()))?;
    let description = read.type_descriptor.as_string().map(String::as_str);
    let (element, big_endian) = description.and_then(element).ok_or_else(|| DataError::Type {
        path: path.to_path_buf(),
        found: read.type_descriptor.to_string(),
    })?;
    let header = Header {
        element,
        big_endian,
        fortran: read.layout.is_fortran(),
        shape: read.shape,
    };
    Ok((header, bytes.len() as u64))
}

/// NumPy's name of a type: order of bytes, letter, bytes. Example: `<f4`.
fn element(description: &str) -> Option<(Element, bool)> {
    let (order, name) = description.split_at_checked(1)?;
    let element = match name {
        "b1" => Element::Bool,
        "u1" => Element::U8,
        "i1" => Element::I8,
        "u2" => Element::U16,
        "i2" => Element::I16,
        "u4" => Element::U32,
        "i4" => Element::I32,
        "u8" => Element::U64,
        "i8" => Element::I64,
        "f2" => Element::F16,
        "f4" => Element::F32,
        "f8" => Element::F64,
        _ => return None,
    };
    matches!(order, "<" | ">" | "|" | "=").then_some((element, order == ">"))
}
