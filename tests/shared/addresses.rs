//! Addresses for processes that have yet to start: included by the tests and the benchmarks that start some.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Where the kernel's own choice begins on Linux, for connections and for port 0, is 32768.
const PORTS: u16 = 12_000;
const FIRST: u16 = 20_000;

/// An address on loopback that nobody listens on. Its port lies below those that the kernel gives to
/// connections, and this process gives it out once: nobody takes it before the process that it is for.
pub fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Of two programs that start processes side by side, each begins elsewhere.
    let own = (std::process::id() % 120) as u16 * 100;
    loop {
        let offset = own.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, FIRST + offset));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
