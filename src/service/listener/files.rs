//! How many connections the system lets us have: each takes a file handle, and the store and the calls
//! to Chat need some too.

/// File handles that are left to everything else.
const OTHERS: usize = 192;

/// How many connections there can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounded {
    pub connections: usize,
    /// The process may have so few files open that it is fewer than wanted.
    pub files: Option<usize>,
}

/// As many as wanted, or as the limit of open files allows.
pub fn bounded(wanted: usize) -> Bounded {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    within(wanted, open_files(&limits))
}

fn within(wanted: usize, files: Option<usize>) -> Bounded {
    // Of very few, half are left.
    let possible = files.map(|files| files.saturating_sub(OTHERS).max(files / 2).max(1));
    match possible {
        Some(possible) if possible < wanted => Bounded { connections: possible, files },
        _ => Bounded { connections: wanted, files: None },
    }
}

/// The soft limit; `None` where there is none or it is not told.
fn open_files(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: &str = "Limit                     Soft Limit           Hard Limit           Units\n\
        Max processes             63204                63204                processes\n\
        Max open files            1024                 524288               files\n";

    #[test]
    fn the_soft_limit_of_open_files_is_read() {
        assert_eq!(open_files(LIMITS), Some(1_024));
        assert_eq!(open_files(&LIMITS.replace("1024 ", "unlimited ")), None);
        assert_eq!(open_files(""), None);
    }

    #[test]
    fn connections_leave_files_to_the_others() {
        let all = |connections| Bounded { connections, files: None };
        assert_eq!(within(4_096, None), all(4_096));
        assert_eq!(within(4_096, Some(524_288)), all(4_096));
        assert_eq!(within(4_096, Some(1_024)), Bounded { connections: 832, files: Some(1_024) });
        assert_eq!(within(4_096, Some(64)), Bounded { connections: 32, files: Some(64) });
        assert_eq!(within(20, Some(64)), all(20));
    }
}
