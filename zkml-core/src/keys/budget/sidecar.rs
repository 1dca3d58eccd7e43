//! The counter on disk: a small file beside the key that is never rewritten as a whole.
//!
//! ```text
//! offset      bytes    what
//! 0           4096     slot 0
//! 4096        4096     slot 1
//!
//! slot:
//! 0           4        "ZKBC"
//! 4           4        version of this format, u32 little-endian: 1
//! 8           32       id of the key
//! 40          8        generation, u64 little-endian
//! 48          8        openings used, u64 little-endian
//! 56          8        openings that the key is good for, u64 little-endian
//! 64          32       BLAKE3 of the 64 bytes before
//! 96          4000     zero
//! ```
//!
//! The whole slot of the higher generation counts. A step writes the *other* slot and flushes it, so at every moment
//! one slot is whole. Each slot has a disk block of its own. Two whole slots differ by one generation and by at most
//! one opening.
//!
//! A torn slot has a wrong checksum. Either a crash tore it before its opening was given out, or it was damaged later,
//! when that opening may have been used. Nobody can tell, so it counts as used: at most one is lost.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::BudgetError;

/// The id of a key in its counter: the digest of its verifying key.
pub(crate) type KeyId = [u8; 32];

const MAGIC: [u8; 4] = *b"ZKBC";
const VERSION: u32 = 1;
/// Bytes from one slot to the next: a block of a disk, so that a torn write never reaches both.
pub(crate) const SLOT_BYTES: usize = 4096;
/// Bytes of the record in a slot; zeros follow.
pub(crate) const RECORD_BYTES: usize = 96;
const CHECKED_BYTES: usize = RECORD_BYTES - 32;
pub(crate) const FILE_BYTES: usize = 2 * SLOT_BYTES;
/// A step takes milliseconds: a process that holds the lock longer is stuck.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 2 } else { 10 });

/// What one slot says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) id: KeyId,
    pub(crate) generation: u64,
    pub(crate) used: u64,
    pub(crate) limit: u64,
}

impl Record {
    pub(crate) fn to_bytes(self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        let fields = MAGIC
            .into_iter()
            .chain(VERSION.to_le_bytes())
            .chain(self.id)
            .chain(
                [self.generation, self.used, self.limit]
                    .into_iter()
                    .flat_map(u64::to_le_bytes),
            );
        bytes
            .iter_mut()
            .zip(fields)
            .for_each(|(byte, value)| *byte = value);
        let checksum = blake3::hash(&bytes[..CHECKED_BYTES]);
        bytes[CHECKED_BYTES..].copy_from_slice(checksum.as_bytes());
        bytes
    }

    /// The record of a slot and the format version it is written in; `None` unless the slot is whole.
    fn parse(bytes: &[u8]) -> Option<(u32, Self)> {
        let (content, rest) = bytes.split_at_checked(CHECKED_BYTES)?;
        let checksum: [u8; 32] = *rest.first_chunk()?;
        if blake3::hash(content) != checksum {
            return None;
        }
        let mut fields = content;
        let magic: [u8; 4] = take(&mut fields)?;
        let version = u32::from_le_bytes(take(&mut fields)?);
        let id = take(&mut fields)?;
        let mut number = || Some(u64::from_le_bytes(take(&mut fields)?));
        let (generation, used, limit) = (number()?, number()?, number()?);
        (magic == MAGIC).then_some((
            version,
            Self {
                id,
                generation,
                used,
                limit,
            },
        ))
    }

    /// The record of the next generation with `used` openings.
    fn next(self, used: u64) -> Self {
        Self {
            generation: self.generation + 1,
            used,
            ..self
        }
    }
}

/// The path of the counter of the key `id` at `key_path`.
///
/// The name holds the first 8 bytes of the id, so a key that replaces another never meets the other's counter: wherever
/// a replacement is interrupted, the key in place has its own.
pub(crate) fn sidecar_path(key_path: &Path, id: &KeyId) -> Result<PathBuf, BudgetError> {
    let io = |action| {
        move |error| BudgetError::Io {
            path: key_path.to_path_buf(),
            action,
            error,
        }
    };
    let Some(name) = key_path.file_name() else {
        let error = io::Error::new(io::ErrorKind::InvalidInput, "not the path of a file");
        return Err(io("count openings beside")(error));
    };
    let folder = match key_path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // One path for one file, also after a change of the current folder.
    let folder = folder.canonicalize().map_err(io("find the folder of"))?;
    let mut name = name.to_os_string();
    name.push(format!(".{}.budget", hexadecimal(&id[..8])));
    Ok(folder.join(name))
}

/// Makes the counter at `path`, whole or not at all. One that is already there is left alone.
pub(crate) fn create(path: &Path, id: KeyId, limit: u64, used: u64) -> Result<(), BudgetError> {
    let write = |error| io_error(path, "write", error);
    let older = Record {
        id,
        generation: 0,
        used,
        limit,
    };
    let mut bytes = vec![0; FILE_BYTES];
    bytes[..RECORD_BYTES].copy_from_slice(&older.to_bytes());
    bytes[SLOT_BYTES..][..RECORD_BYTES].copy_from_slice(&older.next(used).to_bytes());

    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".zkml-").suffix(".partial");
    // Whoever may use the key must be able to count.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut temporary = builder.tempfile_in(folder).map_err(write)?;
    temporary.write_all(&bytes).map_err(write)?;
    temporary.as_file().sync_all().map_err(write)?;
    temporary
        .persist_noclobber(path)
        .map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => BudgetError::AlreadyExists {
                path: path.to_path_buf(),
            },
            _ => write(error.error),
        })?;
    // A new name is on disk only after the folder is flushed.
    #[cfg(unix)]
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(write)?;
    Ok(())
}

/// The counter at `path`, locked against other processes and threads until it is dropped.
pub(crate) struct Locked<'a> {
    path: &'a Path,
    file: File,
    /// The newest whole slot.
    newest: Record,
    /// Which slot that is.
    slot: usize,
    /// Whether the other slot is torn.
    torn: bool,
}

impl<'a> Locked<'a> {
    /// Opens, locks and reads the counter of the key `id`, which is good for `limit` openings.
    pub(crate) fn open(path: &'a Path, id: &KeyId, limit: u64) -> Result<Self, BudgetError> {
        let opened = File::options().read(true).write(true).open(path);
        let mut file = opened.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => BudgetError::Missing {
                path: path.to_path_buf(),
            },
            _ => io_error(path, "open", error),
        })?;
        lock(&file, path)?;
        let mut bytes = Vec::with_capacity(FILE_BYTES + 1);
        (&mut file)
            .take(FILE_BYTES as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| io_error(path, "read", error))?;
        let (newest, slot, torn) = choose(&bytes, path, id, limit)?;
        Ok(Self {
            path,
            file,
            newest,
            slot,
            torn,
        })
    }

    /// Openings used; one more if a slot is torn.
    pub(crate) fn used(&self) -> u64 {
        // The torn slot may have given out an opening.
        let possible = self.newest.used + u64::from(self.torn);
        possible.min(self.newest.limit)
    }

    /// Counts the next opening, flushes, and returns its number. The caller has compared with the limit.
    pub(crate) fn advance(mut self) -> Result<u64, BudgetError> {
        let number = self.used();
        if self.torn {
            // Else the slots would differ by two openings, and after a loss of the newer slot the count would be one
            // too low.
            self.write(number)?;
        }
        self.write(number + 1)?;
        Ok(number)
    }

    /// Writes the next generation over the other slot.
    fn write(&mut self, used: u64) -> Result<(), BudgetError> {
        let (slot, next) = (1 - self.slot, self.newest.next(used));
        self.file
            .seek(SeekFrom::Start((slot * SLOT_BYTES) as u64))
            .and_then(|_| self.file.write_all(&next.to_bytes()))
            .and_then(|()| self.file.sync_data())
            .map_err(|error| io_error(self.path, "write", error))?;
        (self.slot, self.newest) = (slot, next);
        Ok(())
    }
}

/// The record that counts, its slot, and whether the other slot is torn.
fn choose(bytes: &[u8], path: &Path, id: &KeyId, limit: u64) -> Result<(Record, usize, bool), BudgetError> {
    if bytes.len() != FILE_BYTES {
        let found = if bytes.len() > FILE_BYTES {
            "more".into()
        } else {
            bytes.len().to_string()
        };
        return Err(damaged(path, format!("{FILE_BYTES} bytes"), found));
    }
    let mut slots = [None; 2];
    for (slot, bytes) in slots.iter_mut().zip(bytes.chunks_exact(SLOT_BYTES)) {
        *slot = read_slot(bytes, path, id, limit)?;
    }
    match slots {
        [None, None] => Err(damaged(
            path,
            "a counter".into(),
            "two slots with wrong checksums".into(),
        )),
        [Some(record), None] => Ok((record, 0, true)),
        [None, Some(record)] => Ok((record, 1, true)),
        [Some(first), Some(second)] => {
            let newest = usize::from(second.generation > first.generation);
            let (newer, older) = if newest == 1 {
                (second, first)
            } else {
                (first, second)
            };
            if newer.generation != older.generation + 1
                || !(0..=1).contains(&newer.used.wrapping_sub(older.used))
            {
                let expected = "two slots that differ by one step".into();
                let step = |record: Record| format!("{} openings at step {}", record.used, record.generation);
                let found = format!("{} and {}", step(first), step(second));
                return Err(damaged(path, expected, found));
            }
            Ok((newer, newest, false))
        }
    }
}

/// The record of a slot, which must be of this key; `None` if the slot is torn.
fn read_slot(bytes: &[u8], path: &Path, id: &KeyId, limit: u64) -> Result<Option<Record>, BudgetError> {
    let Some((version, record)) = Record::parse(bytes) else {
        return Ok(None);
    };
    if version != VERSION {
        let expected = format!("format version {VERSION}");
        return Err(damaged(path, expected, version.to_string()));
    }
    if record.id != *id {
        return Err(BudgetError::OtherKey {
            path: path.to_path_buf(),
            expected: hexadecimal(id),
            found: hexadecimal(&record.id),
        });
    }
    if record.limit != limit {
        return Err(BudgetError::OtherLimit {
            path: path.to_path_buf(),
            expected: limit,
            found: record.limit,
        });
    }
    // The last generation could have no successor.
    if record.used > limit || record.generation == u64::MAX {
        let expected = format!("at most {limit} openings");
        return Err(damaged(path, expected, record.used.to_string()));
    }
    Ok(Some(record))
}

fn damaged(path: &Path, expected: String, found: String) -> BudgetError {
    BudgetError::Damaged {
        path: path.to_path_buf(),
        expected,
        found,
    }
}

/// Waits for the lock of the file. The system releases it when the file is closed, also after a crash.
fn lock(file: &File, path: &Path) -> Result<(), BudgetError> {
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(io_error(path, "lock", error)),
            Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(BudgetError::Busy {
                    path: path.to_path_buf(),
                    seconds: PATIENCE.as_secs(),
                });
            }
        }
    }
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn io_error(path: &Path, action: &'static str, error: io::Error) -> BudgetError {
    BudgetError::Io {
        path: path.to_path_buf(),
        action,
        error,
    }
}

/// Cuts `N` bytes off the front.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}
