//! The folder of the store: made for its owner alone, and refused where others could swap files in it.

use std::fs::{self, DirBuilder, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use super::StoreError;

/// Everyone may write, and nothing keeps one user from renaming the files of another.
const OPEN_TO_ALL: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// Makes the folder of a file, with all above it that are missing, and returns it (`reliability.md` S7).
pub(super) fn prepare(file: &Path) -> Result<&Path, StoreError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let fault = |error| StoreError::unusable(file, &error);
    refuse_link(folder)?;
    for above in folder.ancestors() {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        match fs::metadata(above) {
            Ok(found) => {
                refuse_open(above, &found)?;
                break;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(fault(error)),
        }
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fault)?;
    Ok(folder)
}

/// Refuses a folder that is a link: whoever owns the link says where the books are kept. Links in the
/// root folder, such as `/tmp` on some systems, are the system's own.
fn refuse_link(folder: &Path) -> Result<(), StoreError> {
    let is_link = fs::symlink_metadata(folder).is_ok_and(|found| found.is_symlink());
    if is_link && folder.parent() != Some(Path::new("/")) {
        let why = "it is a symbolic link: name the folder it leads to";
        return Err(StoreError::Exposed { folder: folder.to_owned(), why });
    }
    Ok(())
}

fn refuse_open(folder: &Path, found: &Metadata) -> Result<(), StoreError> {
    if found.mode() & (OPEN_TO_ALL | STICKY) == OPEN_TO_ALL {
        let why = "every user can write to it: take that away with `chmod o-w`";
        return Err(StoreError::Exposed { folder: folder.to_owned(), why });
    }
    Ok(())
}
