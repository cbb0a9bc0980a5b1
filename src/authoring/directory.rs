//! The files of a rules directory: found without running in circles, read without hanging.

use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::rule::diagnostic::Diagnostic;
use crate::rule::unread;

use super::check::SourceFile;

/// Nobody writes a rule file of this many bytes; a log or an image renamed by accident is one.
const LARGEST: u64 = 4 << 20;
/// Folders in folders.
const DEEPEST: usize = 32;

/// A folder with a file of this name in it is passed over, unless it is the one that is named: examples
/// can lie among rules without being in force.
const SKIP: &str = ".groupkeeper-skip";

/// Something in the directory that counts: a file whose name ends with `.toml`, or a folder.
#[derive(Debug)]
pub struct FoundFile {
    pub path: PathBuf,
    /// Of what a symbolic link leads to, or why that cannot be told.
    pub metadata: io::Result<Metadata>,
    /// A folder that is passed over: nothing in it is among what was found.
    pub skipped: bool,
}

/// A directory's files, read.
#[derive(Debug, Default)]
pub struct Files {
    /// In the order of their paths.
    pub texts: Vec<SourceFile>,
    /// One for each file or folder that cannot be read.
    pub unreadable: Vec<Diagnostic>,
    /// Folders with a `.groupkeeper-skip` in them.
    pub passed_over: Vec<PathBuf>,
}

impl Files {
    /// Reads the `*.toml` files of a directory and its folders whose paths are wanted; or the one file
    /// that is named.
    ///
    /// # Errors
    /// When the directory itself cannot be read.
    pub fn read(directory: &Path, wanted: impl Fn(&Path) -> bool) -> io::Result<Self> {
        let mut files = Self::default();
        for found in walk(directory)? {
            if found.skipped {
                files.passed_over.push(found.path);
                continue;
            }
            let is_folder = found.metadata.as_ref().is_ok_and(Metadata::is_dir);
            if is_folder || !wanted(&found.path) {
                continue;
            }
            let name = found.path.to_string_lossy().into_owned();
            let text = match bytes(&found) {
                Ok(bytes) => unread::text(&name, bytes).map_err(|told| *told),
                Err(why) => Err(unread::not_readable(&name, &why)),
            };
            match text {
                Ok(text) => files.texts.push((name, text)),
                Err(told) => files.unreadable.push(told),
            }
        }
        Ok(files)
    }
}

/// Whether a path is that of a test file.
pub fn is_test(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".test.toml")
}

/// Tells folders and files apart, however they are reached.
pub fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// All folders and `*.toml` files of a directory, by path; or the one file that is named. Symbolic links are followed, those that lead
/// back to a folder above are not. Files that vanish meanwhile are left out.
///
/// # Errors
/// When the directory itself cannot be read.
pub fn walk(directory: &Path) -> io::Result<Vec<FoundFile>> {
    let metadata = fs::metadata(directory)?;
    if metadata.is_file() {
        let file = FoundFile { path: directory.to_owned(), metadata: Ok(metadata), skipped: false };
        return Ok(vec![file]);
    }
    let mut found = Vec::new();
    let mut above = vec![identity(&metadata)];
    visit(directory, &mut above, &mut found)?;
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

fn visit(
    directory: &Path,
    above: &mut Vec<(u64, u64)>,
    found: &mut Vec<FoundFile>,
) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if is_hidden(&path) {
            continue;
        }
        let metadata = fs::metadata(&path);
        if let Ok(folder) = metadata.as_ref().map_err(|_| ()).and_then(folder_identity) {
            let entered = !above.contains(&folder) && above.len() < DEEPEST;
            let skipped = path.join(SKIP).exists();
            if entered && skipped {
                found.push(FoundFile { path, metadata, skipped });
            } else if entered {
                above.push(folder);
                let visited = visit(&path, above, found);
                above.pop();
                found.push(FoundFile { path, metadata: visited.and(metadata), skipped });
            }
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            let gone = metadata.is_err() && fs::symlink_metadata(&path).is_err();
            if !gone {
                found.push(FoundFile { path, metadata, skipped: false });
            }
        }
    }
    Ok(())
}

fn folder_identity(metadata: &Metadata) -> Result<(u64, u64), ()> {
    if metadata.is_dir() { Ok(identity(metadata)) } else { Err(()) }
}

/// Editors' temporary files and the `..data` of a config map begin with a dot; a volume has a `lost+found`
/// that only root may read.
fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        let name = name.to_string_lossy();
        name.starts_with('.') || name == "lost+found"
    })
}

/// A file's content, or why there is none.
fn bytes(found: &FoundFile) -> Result<Vec<u8>, String> {
    let metadata = found.metadata.as_ref().map_err(refusal)?;
    if !metadata.is_file() {
        // Opening a pipe would wait for somebody who writes into it.
        return Err("it is a pipe, a socket or a device, not a file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(&found.path).map_err(|error| refusal(&error))?;
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| refusal(&error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("it is larger than {} MiB", LARGEST >> 20));
    }
    Ok(bytes)
}

/// Why the system refused, for people.
pub fn refusal(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it is not there, or a symbolic link to what is not".to_owned(),
        io::ErrorKind::PermissionDenied => "this process may not read it".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn names(directory: &Path) -> Vec<String> {
        let files = Files::read(directory, |_| true).unwrap();
        let short = |name: &String| name.rsplit('/').next().unwrap().to_owned();
        files.texts.iter().map(|(name, _)| short(name)).collect()
    }

    /// What is told about the only file that cannot be read.
    fn told(directory: &Path) -> String {
        let mut files = Files::read(directory, |_| true).unwrap();
        assert_eq!(files.unreadable.len(), 1, "{files:?}");
        files.unreadable.remove(0).message
    }

    #[test]
    fn files_come_in_the_order_of_their_paths_and_hidden_ones_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.toml", "a.toml", ".a.toml.swp", ".hidden.toml", "a.toml~", "notes.md"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        fs::create_dir(folder.path().join("b")).unwrap();
        fs::write(folder.path().join("b/c.toml"), "").unwrap();
        fs::create_dir(folder.path().join("..data")).unwrap();
        fs::write(folder.path().join("..data/d.toml"), "").unwrap();
        assert_eq!(names(folder.path()), ["a.toml", "c.toml", "b.toml"]);
    }

    #[test]
    fn a_folder_that_leads_back_to_itself_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.toml"), "").unwrap();
        symlink(folder.path(), folder.path().join("again")).unwrap();
        symlink("loop.toml", folder.path().join("loop")).unwrap();
        symlink("loop", folder.path().join("loop.toml")).unwrap();
        assert_eq!(names(folder.path()), ["a.toml"]);
        assert!(told(folder.path()).contains("symbolic links"), "{}", told(folder.path()));
    }

    #[test]
    fn a_link_that_leads_nowhere_is_told_and_the_rest_is_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.toml"), "").unwrap();
        symlink("nowhere", folder.path().join("b.toml")).unwrap();
        assert_eq!(names(folder.path()), ["a.toml"]);
        let expected = "this cannot be read: it is not there, or a symbolic link to what is not";
        assert_eq!(told(folder.path()), expected);
    }

    #[test]
    fn a_socket_called_like_a_rule_file_is_told_and_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("x.toml")).unwrap();
        let expected = "this cannot be read: it is a pipe, a socket or a device, not a file";
        assert_eq!(told(folder.path()), expected);
    }

    #[test]
    fn a_file_far_too_large_is_told_and_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = fs::File::create(folder.path().join("x.toml")).unwrap();
        file.set_len(LARGEST + 1).unwrap();
        assert_eq!(told(folder.path()), "this cannot be read: it is larger than 4 MiB");
    }

    #[test]
    fn a_folder_that_is_passed_over_is_named_and_nothing_in_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let examples = folder.path().join("examples");
        fs::create_dir_all(examples.join("deeper")).unwrap();
        for name in
            ["a.toml", "examples/b.toml", "examples/deeper/c.toml", "examples/.groupkeeper-skip"]
        {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let files = Files::read(folder.path(), |_| true).unwrap();
        assert_eq!(names(folder.path()), ["a.toml"]);
        assert_eq!(files.passed_over, std::slice::from_ref(&examples));
        assert_eq!(names(&examples), ["b.toml", "c.toml"]);
        assert_eq!(Files::read(&examples, |_| true).unwrap().passed_over, [] as [PathBuf; 0]);
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = Files::read(&folder.path().join("none"), |_| true).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
