//! Which file is it? A copy of a counter is another file, and so is one that was restored from a backup.

use std::fs::File;
use std::io;
use std::time::UNIX_EPOCH;

/// What the system says of a file beside its contents. It stays the same when the file is renamed or written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    /// Its number in the file system; 0 where there is none.
    pub(crate) inode: u64,
    /// Nanoseconds from 1970 to its birth; 0 where that is not known.
    pub(crate) born: u64,
}

impl FileIdentity {
    /// The identity of an open file.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
        #[cfg(not(unix))]
        let inode = 0;
        // A file system may have no such time, or one before 1970.
        let born = metadata.created().ok();
        let born = born.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let born = born.and_then(|time| u64::try_from(time.as_nanos()).ok());
        Ok(Self {
            inode,
            born: born.unwrap_or(0),
        })
    }

    /// Whether both may be one file: what is known of both agrees.
    ///
    /// On Linux a known time of birth decides alone. No call sets it, so every copy has its own; and some file systems
    /// (FAT) give a file another inode each time. Elsewhere copies may keep it.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let agree = |a: u64, b: u64| a == b || a == 0 || b == 0;
        let decided = cfg!(target_os = "linux") && self.born != 0 && other.born != 0;
        agree(self.born, other.born) && (decided || agree(self.inode, other.inode))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_both_files_decides() {
        let file = |inode, born| FileIdentity { inode, born };
        let linux = cfg!(target_os = "linux");
        for (a, b, same) in [
            (file(3, 70), file(3, 70), true),
            (file(3, 70), file(3, 71), false),
            (file(3, 70), file(4, 71), false),
            (file(3, 70), file(4, 70), linux),
            (file(3, 0), file(3, 70), true),
            (file(3, 0), file(4, 0), false),
            (file(3, 0), file(4, 70), false),
            (file(0, 70), file(4, 70), true),
            (file(0, 0), file(4, 70), true),
        ] {
            assert_eq!((a.is_same(&b), b.is_same(&a)), (same, same), "{a:?} {b:?}");
        }
    }

    #[test]
    fn a_renamed_file_is_the_same_and_a_copy_is_not() {
        let folder = tempfile::tempdir().expect("folder");
        let [first, second, third] = ["a", "b", "c"].map(|name| folder.path().join(name));
        std::fs::write(&first, "counter").expect("write");
        let identity = |path| FileIdentity::of(&File::open(path).expect("open")).expect("identity");
        let before = identity(&first);
        std::fs::rename(&first, &second).expect("rename");
        assert!(before.is_same(&identity(&second)));
        std::fs::write(&second, "written to").expect("write");
        assert!(before.is_same(&identity(&second)));
        // The clock of a file system may be as coarse as 10 ms.
        std::thread::sleep(std::time::Duration::from_millis(30));
        std::fs::copy(&second, &third).expect("copy");
        assert!(!before.is_same(&identity(&third)));
    }
}
