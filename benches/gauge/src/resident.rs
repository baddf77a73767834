//! What the process has in memory, with all that the allocator rounds up and keeps for itself.

use std::fs;

/// Resident sets, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resident {
    pub now: usize,
    /// The largest since the process began.
    pub peak: usize,
}

impl Resident {
    /// None where the system does not say it in `/proc/self/status`, as Linux does.
    #[must_use]
    pub fn of_this_process() -> Option<Self> {
        Self::read(&fs::read_to_string("/proc/self/status").ok()?)
    }

    fn read(status: &str) -> Option<Self> {
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let kib = line.strip_suffix("kB")?.trim().parse::<usize>().ok()?;
            kib.checked_mul(1024)
        };
        Some(Self {
            now: of("VmRSS:")?,
            peak: of("VmHWM:")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Resident;

    #[test]
    fn resident_sets_are_read_in_bytes() {
        let status = "Name:\tmemory\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t1\n";
        let resident = Resident::read(status).unwrap();
        assert_eq!((resident.now, resident.peak), (1 << 20, 2 << 20));
        assert_eq!(Resident::read("VmRSS:\t1024 kB\n"), None);
        assert_eq!(Resident::read("VmHWM:\t1 kB\nVmRSS:\t1 pages\n"), None);
    }
}
