//! What keeps a store from being opened or written, in words: who may not, what is full, what is damaged.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// How sled's words and the system's begin, in lower case, where the disk is full.
const NO_SPACE: &str = "no space left";

/// What sled says of a failure.
pub(super) fn words(error: &sled::Error) -> String {
    if is_full(error) {
        return format!("there is {NO_SPACE} on its disk");
    }
    match error {
        sled::Error::Corruption { at, .. } => {
            // `Some(Inline(71))`
            let place = format!("{at:?}");
            let place: String = place.chars().filter(char::is_ascii_digit).collect();
            let place = if place.is_empty() { place } else { format!(", at byte {place} of `db`") };
            format!("what was written there is damaged{place}")
        }
        sled::Error::Io(error) => format!("the disk: {}", of_system(&error.to_string())),
        other => format!("sled: {other}"),
    }
}

/// Whether the disk was only full. Some of sled's errors hold another in words alone.
pub(super) fn is_full(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(io) if io.kind() == io::ErrorKind::StorageFull)
        || error.to_string().contains("code: 28,")
}

/// The system's words out of `Os { code: 5, kind: Uncategorized, message: "Input/output error" }`.
fn of_system(text: &str) -> &str {
    let inner = text.split_once("message: \"").and_then(|(_, rest)| rest.split_once('"'));
    inner.map_or(text, |(words, _)| words)
}

/// Why there is no store to be had in a directory, and what to do. `what` failed with `error`.
pub(super) fn unopened(
    directory: &Path,
    what: &str,
    error: &dyn std::fmt::Display,
    damage: &str,
) -> StoreError {
    let (place, error) = (directory.display(), error.to_string());
    if let Some(denied) = denied(directory) {
        return StoreError(format!("{what} {place}: {denied}"));
    }
    if error.to_lowercase().contains(NO_SPACE) {
        return StoreError(format!(
            "{what} {place}: there is {NO_SPACE} on its disk. Make room there and start again; what is in the store is unharmed"
        ));
    }
    StoreError(format!("{what} {place}: {error}{damage}"))
}

/// The error, unless something there may not be used, which says more.
pub(super) fn or_denied(directory: &Path, error: StoreError) -> StoreError {
    let place = directory.display();
    let denied = denied(directory)
        .map(|denied| StoreError(format!("the store in {place} cannot be used: {denied}")));
    denied.unwrap_or(error)
}

/// What of a directory this process may not use, whose it is, and who we are.
fn denied(directory: &Path) -> Option<String> {
    let nearest = |path: &&Path| path.try_exists().unwrap_or(true);
    let nearest = directory.ancestors().filter(|path| *path != Path::new("")).find(nearest);
    let place = nearest.unwrap_or(Path::new("."));
    let path = forbidden(place, place == directory)?;
    let owner = fs::metadata(&path).ok()?.uid();
    // There is no other way to ask that needs no unsafe code.
    let ours = fs::metadata("/proc/self").ok().map(|own| own.uid());
    let path = path.display();
    let advice = match ours {
        Some(ours) if ours != owner => format!(
            "and this process runs as uid {ours}: run it as uid {owner}, or give the store to this one (`chown -R {ours} {}`)",
            directory.display()
        ),
        _ => "and its mode does not let its owner either: see to it with `chmod u+rwX`".to_owned(),
    };
    Some(format!("`{path}` may not be read and written: it belongs to uid {owner}, {advice}"))
}

/// The directory, where no file can be made in it, or the first file that is wanted and denied.
fn forbidden(directory: &Path, files: bool) -> Option<PathBuf> {
    let denied = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    if tempfile::tempfile_in(directory).is_err_and(|error| denied(&error)) {
        // A file in it may be the trouble all the same; but this comes first.
        return Some(directory.to_owned());
    }
    let listed = files.then(|| fs::read_dir(directory).ok()).flatten();
    listed.into_iter().flatten().flatten().map(|file| file.path()).find(|path| {
        let opened = OpenOptions::new().read(true).write(true).open(path);
        opened.is_err_and(|error| denied(&error))
    })
}

/// Why root should not open the store of the service's user: what it makes there, the service could not
/// open. Other users get no further than the service's group lets them.
pub(super) fn is_of_another(directory: &Path) -> Option<StoreError> {
    let owner = fs::metadata(directory.join("db")).ok()?.uid();
    // Who a new file belongs to, which on some volumes is not who makes it.
    let ours = tempfile::tempfile_in(directory).and_then(|file| file.metadata()).ok()?.uid();
    (ours == 0 && owner != ours).then(|| {
        StoreError(format!(
            "the store in {} belongs to uid {owner}, and this process runs as uid {ours}: files that it makes there \
             the service could not open. Run it as that user: `sudo -u '#{owner}' groupkeeper …`, in a container with \
             `--user {owner}`",
            directory.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sled_says_is_told_in_words() {
        let full = || io::Error::from_raw_os_error(28);
        let broken = format!("{:?}", io::Error::from_raw_os_error(5));
        for (error, told) in [
            (sled::Error::Io(full()), "there is no space left on its disk"),
            (
                sled::Error::Io(io::Error::other(format!("{:?}", full()))),
                "there is no space left on its disk",
            ),
            (sled::Error::Io(io::Error::other(broken)), "the disk: Input/output error"),
            (sled::Error::Corruption { at: None, bt: () }, "what was written there is damaged"),
        ] {
            assert_eq!(words(&error), told);
        }
    }

    #[test]
    fn a_full_disk_is_no_damage() {
        let directory = tempfile::tempdir().unwrap();
        let told = |error: io::Error| {
            let StoreError(told) = unopened(directory.path(), "no opening", &error, "; DAMAGE");
            told.replace(&directory.path().display().to_string(), "data")
        };
        let full = told(io::Error::from_raw_os_error(28));
        assert!(full.starts_with("no opening data: there is no space left on its disk."), "{full}");
        assert!(!full.contains("DAMAGE"), "{full}");
        assert!(told(io::Error::other("no idea")).ends_with("no idea; DAMAGE"));
    }
}
