//! One process on one directory: a lock file that names its holder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::StoreError;

const NAME: &str = "groupkeeper.lock";

/// A program that the last holder was just starting has the lock too, until it runs by itself.
const ATTEMPTS: u32 = 30;
const PAUSE: Duration = Duration::from_millis(10);

/// Held as long as this lives. The file stays behind, which does no harm: the lock is the
/// operating system's and ends with the process, however that ends.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Locks a directory, or says which process has it.
    pub fn take(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join(NAME);
        let failed = |error: std::io::Error| {
            StoreError(format!("the lock file {} cannot be used: {error}", path.display()))
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        let mut attempts = ATTEMPTS;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempts > 0 => attempts -= 1,
                Err(TryLockError::WouldBlock) => return Err(taken(directory, &mut file)),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            thread::sleep(PAUSE);
        }
        file.set_len(0).map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

fn taken(directory: &Path, file: &mut File) -> StoreError {
    let mut text = String::new();
    // Where locks are mandatory the file cannot be read; then the process stays unnamed.
    let _ = file.read_to_string(&mut text);
    let holder = match text.trim().parse::<u32>() {
        // In containers on one volume, every groupkeeper may be number 1.
        Ok(pid) if pid == std::process::id() => {
            format!(
                "this process itself or one of the same number (pid {pid}) in another container"
            )
        }
        Ok(pid) => format!("another process (pid {pid})"),
        Err(_) => "another process".to_owned(),
    };
    StoreError(format!(
        "the store in {} is held by {holder}: stop that one first, or name another store",
        directory.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_by_name_until_the_first_has_let_go() {
        let directory = tempfile::tempdir().unwrap();
        let first = DirectoryLock::take(directory.path()).unwrap();
        let refused = DirectoryLock::take(directory.path()).unwrap_err().0;
        assert!(refused.contains(&format!("(pid {})", std::process::id())), "{refused}");
        drop(first);
        DirectoryLock::take(directory.path()).unwrap();
    }

    #[test]
    fn a_lock_file_left_behind_by_a_dead_process_is_taken_over() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(NAME), "123456789\n").unwrap();
        let _lock = DirectoryLock::take(directory.path()).unwrap();
        let text = std::fs::read_to_string(directory.path().join(NAME)).unwrap();
        assert_eq!(text, format!("{}\n", std::process::id()));
    }
}
