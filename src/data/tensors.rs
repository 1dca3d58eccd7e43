//! Inputs in a `.safetensors` file.

use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::Metadata;
use zkml_core::files;

use super::array::{Array, Element, Header, Numbers, damaged};
use super::npy::choose;
use super::pick::Pick;
use super::{DataError, Sample};

/// Most bytes of a header, as in the format's own reader.
const HEADER_BYTES: u64 = 100_000_000;

/// The inputs in a tensor of a `.safetensors` file: in the one called `member`, or else in the only one, or the one
/// called `input` or `images`.
pub(super) fn safetensors(
    path: &Path,
    member: Option<&str>,
    shape: &[usize],
    pick: Pick,
) -> Result<Vec<Sample>, DataError> {
    let io = |error| DataError::Io {
        path: path.to_path_buf(),
        error,
    };
    let refused = |found: String| damaged(path, "a whole safetensors file".into(), found);
    let (file, length) = files::open(path).map_err(io)?;
    let mut file = BufReader::new(file);
    let mut announced = Vec::new();
    (&mut file).take(8).read_to_end(&mut announced).map_err(io)?;
    let announced = announced.first_chunk().copied().map(u64::from_le_bytes);
    let header = announced.filter(|bytes| *bytes <= length.saturating_sub(8).min(HEADER_BYTES));
    let header = header.ok_or_else(|| refused(format!("{length} bytes, which end in the header")))?;
    let mut text = Vec::new();
    (&mut file).take(header).read_to_end(&mut text).map_err(io)?;
    // It checks that the tensors follow each other without gaps, each with the bytes of its shape.
    let metadata: Metadata = serde_json::from_slice(&text).map_err(|error| refused(error.to_string()))?;
    let expected = (metadata.data_len() as u64).checked_add(8 + header);
    if expected != Some(length) {
        let found = format!(
            "{length} bytes, its header says {} of tensors",
            metadata.data_len()
        );
        return Err(refused(found));
    }
    let names = metadata.offset_keys();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let name = choose(path, &names, member)?;
    let Some(info) = metadata.info(name) else {
        return Err(refused(format!("no tensor `{name}`")));
    };
    let element = element(info.dtype).ok_or_else(|| DataError::Type {
        path: path.to_path_buf(),
        found: format!("{:?}", info.dtype),
    })?;
    let start = 8 + header + info.data_offsets.0 as u64;
    file.seek(SeekFrom::Start(start)).map_err(io)?;
    let array = Array {
        path: path.to_path_buf(),
        header: Header {
            element,
            big_endian: false,
            fortran: false,
            shape: info.shape.clone(),
        },
        numbers: Numbers::File(file),
    };
    array.samples(shape, pick)
}

fn element(dtype: Dtype) -> Option<Element> {
    Some(match dtype {
        Dtype::BOOL => Element::Bool,
        Dtype::U8 => Element::U8,
        Dtype::I8 => Element::I8,
        Dtype::U16 => Element::U16,
        Dtype::I16 => Element::I16,
        Dtype::U32 => Element::U32,
        Dtype::I32 => Element::I32,
        Dtype::U64 => Element::U64,
        Dtype::I64 => Element::I64,
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::BF16,
        Dtype::F32 => Element::F32,
        Dtype::F64 => Element::F64,
        _ => return None,
    })
}
