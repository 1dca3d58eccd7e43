//! Where a command writes, checked before it begins: its outputs overwrite none of its inputs, and can be written.

use std::path::{Path, PathBuf};

use thiserror::Error;
use zkml_core::files::kind_of;

/// The files of a command.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// What it reads: files and folders.
    pub(super) reads: Vec<PathBuf>,
    /// What it writes.
    pub(super) writes: Vec<PathBuf>,
    /// What it writes beside that, never into a folder that is missing.
    pub(super) traces: Vec<PathBuf>,
    /// Whether it makes folders that are missing.
    pub(super) makes_folders: bool,
}

/// Why a command must not or cannot write where it should. Nothing was done.
#[derive(Debug, Error)]
pub(crate) enum DestinationError {
    /// An output would overwrite an input.
    #[error("{}: expected another place than that of {}, which is read", output.display(), input.display())]
    OntoInput { output: PathBuf, input: PathBuf },
    /// Two outputs would go to one file.
    #[error("{}: expected another place than that of {}, which is written as well", second.display(), first.display())]
    Twice { first: PathBuf, second: PathBuf },
    /// Something is there that cannot be replaced by a file.
    #[error("cannot write {}: expected a file or nothing in its place, found {found}", path.display())]
    Occupied { path: PathBuf, found: &'static str },
    /// The folder is not there, is no folder, or nothing can be written there.
    #[error("cannot write {}: {}: {error}", path.display(), folder.display())]
    Folder {
        path: PathBuf,
        folder: PathBuf,
        error: String,
    },
}

/// Refuses outputs that would overwrite inputs or each other, and those that cannot be written.
pub(super) fn check(files: &Files) -> Result<(), DestinationError> {
    let paths: Vec<&PathBuf> = files.writes.iter().chain(&files.traces).collect();
    let writes: Vec<Place> = paths.iter().map(|path| Place::of(path)).collect();
    for (&output, place) in paths.iter().zip(&writes) {
        for input in &files.reads {
            if place.is(&Place::of(input)) || is_read_with(input, output) {
                let (output, input) = (output.clone(), input.clone());
                return Err(DestinationError::OntoInput { output, input });
            }
        }
    }
    for (index, second) in writes.iter().enumerate() {
        if let Some(first) = writes.iter().take(index).position(|first| first.is(second)) {
            return Err(DestinationError::Twice {
                first: paths[first].clone(),
                second: paths[index].clone(),
            });
        }
    }
    let (writes, traces) = (files.writes.iter(), files.traces.iter());
    writes
        .map(|path| (path, files.makes_folders))
        .chain(traces.map(|path| (path, false)))
        .try_for_each(|(path, makes_folders)| check_place(path, makes_folders))
}

/// The counters of openings that lie beside the proving key at `key`. They belong to what a prover reads.
#[cfg(feature = "prover")]
pub(super) fn counters(key: &Path) -> Vec<PathBuf> {
    let key = key.canonicalize().unwrap_or_else(|_| key.to_path_buf());
    let (Some(folder), Some(name)) = (key.parent(), key.file_name()) else {
        return Vec::new();
    };
    let start = format!("{}.", name.to_string_lossy());
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_counter = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&start) && name.ends_with(".budget")
    };
    entries.map(|entry| entry.path()).filter(is_counter).collect()
}

/// Which file a path leads to, through links and under all its names.
struct Place {
    path: PathBuf,
    /// Device and number of the file, if it is there.
    #[cfg(unix)]
    node: Option<(u64, u64)>,
}

impl Place {
    fn of(path: &Path) -> Self {
        // What is not there yet is a name in a folder that is.
        let new = || {
            let folder = folder_of(path).canonicalize().ok()?;
            Some(folder.join(path.file_name()?))
        };
        Self {
            path: path
                .canonicalize()
                .ok()
                .or_else(new)
                .unwrap_or_else(|| path.to_path_buf()),
            #[cfg(unix)]
            node: std::fs::metadata(path).ok().map(|metadata| {
                use std::os::unix::fs::MetadataExt;
                (metadata.dev(), metadata.ino())
            }),
        }
    }

    fn is(&self, other: &Self) -> bool {
        #[cfg(unix)]
        if self.node.is_some() && self.node == other.node {
            return true;
        }
        self.path == other.path
    }
}

/// Extensions of files that are read where a folder is named.
const INPUTS: [&str; 8] = ["png", "jpg", "jpeg", "npy", "npz", "csv", "bin", "safetensors"];

/// Whether `output` is a file that is read because it lies in the folder `input`.
fn is_read_with(input: &Path, output: &Path) -> bool {
    let (Ok(folder), Ok(file)) = (input.canonicalize(), output.canonicalize()) else {
        return false;
    };
    let extension = file
        .extension()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let is_input = INPUTS.contains(&extension.as_str()) || file.to_string_lossy().ends_with(".index.json");
    folder.is_dir() && file.is_file() && file.starts_with(folder) && is_input
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Whether a file can be made at `path`.
fn check_place(path: &Path, makes_folders: bool) -> Result<(), DestinationError> {
    let occupied = |found| DestinationError::Occupied {
        path: path.to_path_buf(),
        found,
    };
    if path.file_name().is_none() || path.to_string_lossy().ends_with(std::path::is_separator) {
        return Err(occupied("the path of a folder"));
    }
    if let Ok(metadata) = std::fs::metadata(path)
        && !metadata.is_file()
    {
        return Err(occupied(kind_of(metadata.file_type())));
    }
    let mut folder = folder_of(path);
    while makes_folders && !folder.exists() && folder.parent().is_some() {
        folder = folder_of(folder);
    }
    let failed = |error: String| DestinationError::Folder {
        path: path.to_path_buf(),
        folder: folder.to_path_buf(),
        error,
    };
    match std::fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(metadata) => {
            let found = kind_of(metadata.file_type());
            return Err(failed(format!("expected a folder, found {found}")));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(failed("no such folder".to_owned()));
        }
        Err(error) => return Err(failed(error.to_string())),
    }
    // Of no name, and gone at once: whether permissions and the disk allow it.
    tempfile::tempfile_in(folder).map_err(|error| failed(error.to_string()))?;
    Ok(())
}
