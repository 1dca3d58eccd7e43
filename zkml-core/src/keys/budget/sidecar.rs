//! The counter on disk: a small file beside the key that is never rewritten as a whole.
//!
//! ```text
//! offset      bytes    what
//! 0           4096     slot 0
//! 4096        4096     slot 1
//!
//! slot:
//! 0           4        "ZKBC"
//! 4           4        version of this format, u32 little-endian: 2
//! 8           32       id of the key
//! 40          8        generation, u64 little-endian
//! 48          8        openings used, u64 little-endian
//! 56          8        openings that the key is good for, u64 little-endian
//! 64          8        inode of this file, u64 little-endian; 0 where there are none
//! 72          8        its time of birth in nanoseconds since 1970, u64 little-endian; 0 where it is not known
//! 80          32       BLAKE3 of the 80 bytes before, under a key that follows from the secret of the proving key
//! 112         3984     zero
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

use super::identity::FileIdentity;
use super::{BudgetError, Owner};
use crate::files;

const MAGIC: [u8; 4] = *b"ZKBC";
const VERSION: u32 = 2;
/// Bytes from one slot to the next: a block of a disk, so that a torn write never reaches both.
pub(crate) const SLOT_BYTES: usize = 4096;
/// Bytes of the record in a slot; zeros follow.
pub(crate) const RECORD_BYTES: usize = 112;
pub(crate) const CHECKED_BYTES: usize = RECORD_BYTES - 32;
pub(crate) const FILE_BYTES: usize = 2 * SLOT_BYTES;
/// A step takes milliseconds: a process that holds the lock longer is stuck.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 2 } else { 10 });

/// What one slot says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) id: [u8; 32],
    pub(crate) generation: u64,
    pub(crate) used: u64,
    pub(crate) limit: u64,
    /// The file that it was written to.
    pub(crate) file: FileIdentity,
}

impl Record {
    /// The record as only the owner can write it.
    pub(crate) fn to_bytes(self, owner: &Owner) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        let fields = MAGIC
            .into_iter()
            .chain(VERSION.to_le_bytes())
            .chain(self.id)
            .chain(
                [
                    self.generation,
                    self.used,
                    self.limit,
                    self.file.inode,
                    self.file.born,
                ]
                .into_iter()
                .flat_map(u64::to_le_bytes),
            );
        bytes
            .iter_mut()
            .zip(fields)
            .for_each(|(byte, value)| *byte = value);
        let checksum = owner.checksum(&bytes[..CHECKED_BYTES]);
        bytes[CHECKED_BYTES..].copy_from_slice(checksum.as_bytes());
        bytes
    }

    /// The record of a slot and the format version it is written in; `None` unless the slot is whole and the owner
    /// wrote it.
    fn parse(bytes: &[u8], owner: &Owner) -> Option<(u32, Self)> {
        let (content, rest) = bytes.split_at_checked(CHECKED_BYTES)?;
        let checksum: [u8; 32] = *rest.first_chunk()?;
        // Compared in constant time by `blake3`.
        match owner.checksum(content) == checksum {
            true => Self::claimed(content),
            false => None,
        }
    }

    /// What the bytes of a slot say, and in which version of the format, whoever wrote them.
    fn claimed(mut fields: &[u8]) -> Option<(u32, Self)> {
        let fields = &mut fields;
        let magic: [u8; 4] = take(fields)?;
        let version = u32::from_le_bytes(take(fields)?);
        let id = take(fields)?;
        let mut number = || Some(u64::from_le_bytes(take(fields)?));
        let (generation, used, limit) = (number()?, number()?, number()?);
        let (inode, born) = (number()?, number()?);
        (magic == MAGIC).then_some((
            version,
            Self {
                id,
                generation,
                used,
                limit,
                file: FileIdentity { inode, born },
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
pub(crate) fn sidecar_path(key_path: &Path, id: &[u8; 32]) -> Result<PathBuf, BudgetError> {
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
pub(crate) fn create(path: &Path, owner: &Owner, limit: u64, used: u64) -> Result<(), BudgetError> {
    let write = |error| io_error(path, "write", error);
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".zkml-").suffix(".partial");
    // Whoever may use the key must be able to count.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut temporary = builder.tempfile_in(folder).map_err(write)?;
    // A file keeps its identity when it is renamed.
    let older = Record {
        id: owner.id,
        generation: 0,
        used,
        limit,
        file: FileIdentity::of(temporary.as_file()).map_err(write)?,
    };
    let mut bytes = vec![0; FILE_BYTES];
    bytes[..RECORD_BYTES].copy_from_slice(&older.to_bytes(owner));
    bytes[SLOT_BYTES..][..RECORD_BYTES].copy_from_slice(&older.next(used).to_bytes(owner));
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
    owner: &'a Owner,
    file: File,
    /// The newest whole slot.
    newest: Record,
    /// Which slot that is.
    slot: usize,
    /// Whether the other slot is torn.
    torn: bool,
}

impl<'a> Locked<'a> {
    /// Opens, locks and reads the counter of a key, which is good for `limit` openings. Another file than the one that
    /// the record was written to is refused.
    pub(crate) fn open(path: &'a Path, owner: &'a Owner, limit: u64) -> Result<Self, BudgetError> {
        let (locked, file) = Self::open_anywhere(path, owner, limit)?;
        match locked.newest.file.is_same(&file) {
            true => Ok(locked),
            false => Err(BudgetError::Moved {
                path: path.to_path_buf(),
            }),
        }
    }

    /// As [`Self::open`], of any file; the second is the identity of that file.
    fn open_anywhere(
        path: &'a Path,
        owner: &'a Owner,
        limit: u64,
    ) -> Result<(Self, FileIdentity), BudgetError> {
        // A named pipe in its place would be waited for, while the lock is held.
        let mut file = files::open_to_write(path).map_err(|error| match error.kind() {
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
        let identity = FileIdentity::of(&file).map_err(|error| io_error(path, "read", error))?;
        let (newest, slot, torn) = choose(&bytes, path, owner, limit)?;
        let locked = Self {
            path,
            owner,
            file,
            newest,
            slot,
            torn,
        };
        Ok((locked, identity))
    }

    /// Takes the count over into the file that it is in now. Returns the openings used.
    pub(crate) fn adopt(path: &'a Path, owner: &'a Owner, limit: u64) -> Result<u64, BudgetError> {
        let (mut locked, identity) = Self::open_anywhere(path, owner, limit)?;
        let used = locked.used();
        locked.newest.file = identity;
        // Both slots: either may be all that a crash leaves.
        locked.write(used)?;
        locked.write(used)?;
        Ok(used)
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
            .and_then(|_| self.file.write_all(&next.to_bytes(self.owner)))
            .and_then(|()| self.file.sync_data())
            .map_err(|error| io_error(self.path, "write", error))?;
        (self.slot, self.newest) = (slot, next);
        Ok(())
    }
}

/// The record that counts, its slot, and whether the other slot is torn.
fn choose(
    bytes: &[u8],
    path: &Path,
    owner: &Owner,
    limit: u64,
) -> Result<(Record, usize, bool), BudgetError> {
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
        *slot = read_slot(bytes, path, owner, limit)?;
    }
    match slots {
        [None, None] => Err(stranger(bytes, path, owner)),
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

/// Why neither slot is the owner's. What they say is not to be believed, but it tells what the file may be.
fn stranger(bytes: &[u8], path: &Path, owner: &Owner) -> BudgetError {
    let slots = bytes.chunks_exact(SLOT_BYTES).filter_map(Record::claimed);
    let mut errors = slots.filter_map(|(version, record)| expect_own(version, &record, path, owner).err());
    errors.next().unwrap_or_else(|| {
        let found = "two slots with wrong checksums".into();
        damaged(path, "a counter written with this key".into(), found)
    })
}

/// Refuses a record of another format or of another key.
fn expect_own(version: u32, record: &Record, path: &Path, owner: &Owner) -> Result<(), BudgetError> {
    if version != VERSION {
        let expected = format!("format version {VERSION}");
        return Err(damaged(path, expected, version.to_string()));
    }
    if record.id != owner.id {
        return Err(BudgetError::OtherKey {
            path: path.to_path_buf(),
            expected: hexadecimal(&owner.id),
            found: hexadecimal(&record.id),
        });
    }
    Ok(())
}

/// The record of a slot, which must be of this key; `None` if the slot is torn, or was not written with this key.
fn read_slot(bytes: &[u8], path: &Path, owner: &Owner, limit: u64) -> Result<Option<Record>, BudgetError> {
    let Some((version, record)) = Record::parse(bytes, owner) else {
        return Ok(None);
    };
    expect_own(version, &record, path, owner)?;
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
