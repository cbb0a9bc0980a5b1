//! What the machine tells of itself and of processes; Linux only, nothing elsewhere.

use std::fs;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// The kernel counts a process's time in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

static PINNED: OnceLock<Option<(String, String)>> = OnceLock::new();

/// Gives one half of the processors to what is measured, the other to what measures; so neither takes
/// time away from the other, and all servers have the same. Without `taskset` or with one processor,
/// everything runs everywhere.
pub fn pin(wanted: bool) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let halves = (wanted && cores > 1)
        .then(|| (format!("0-{}", cores / 2 - 1), format!("{}-{}", cores / 2, cores - 1)));
    let own = std::process::id().to_string();
    let halves = halves.filter(|(_, generator)| {
        let set = Command::new("taskset").args(["-a", "-p", "-c", generator, &own]).output();
        set.is_ok_and(|output| output.status.success())
    });
    PINNED.get_or_init(|| halves);
}

/// A command on the processors of what is measured.
pub fn command(program: &str) -> Command {
    let Some(Some((servers, _))) = PINNED.get() else { return Command::new(program) };
    let mut command = Command::new("taskset");
    command.args(["-c", servers, program]);
    command
}

/// The processor time that a process has used.
pub fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in brackets may hold anything.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = |place: usize| -> u32 {
        fields.split_whitespace().nth(place).and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
    };
    TICK * (ticks(11) + ticks(12))
}

/// Resident memory of a process, and the most that it ever was; bytes.
pub fn memory(pid: u32) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.unwrap_or(0) * 1024
    };
    (of("VmRSS:"), of("VmHWM:"))
}

/// Processor, cores, memory, kernel, and how the processors were shared out.
pub fn describe() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("a processor that does not tell its name", |(_, name)| name);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let total = total.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let shared = match PINNED.get() {
        Some(Some((servers, generator))) => {
            format!("servers on CPU {servers}, load and sink on CPU {generator}")
        }
        _ => "servers, load and sink on the same processors".to_owned(),
    };
    format!(
        "{cores} × {model}, {:.0} GB, {} {}; {shared}",
        total.unwrap_or(0.0) / 1e6,
        std::env::consts::OS,
        kernel.trim(),
    )
}

/// Megabytes.
pub fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
