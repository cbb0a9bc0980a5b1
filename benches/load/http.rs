//! HTTP/1.1 by hand: as cheap as it gets, so that what is measured is the other side.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A head without an end, or a body without one, is cut off here.
const MOST: usize = 1 << 20;

/// One end of a connection that is kept alive.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Bytes of the message that was read last: they go when the next one is read.
    taken: usize,
}

/// A request or an answer; ranges of the connection's buffer.
pub struct Message<'b> {
    pub head: &'b [u8],
    pub body: &'b [u8],
}

impl Connection {
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096), taken: 0 })
    }

    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        Self::new(TcpStream::connect(address).await?)
    }

    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends a request and reads the status of its answer.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        self.write(request).await?;
        let Some(answer) = self.read().await? else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let status = answer.head.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
        status.and_then(|digits| digits.parse().ok()).ok_or_else(|| broken("no status"))
    }

    /// The next message; nothing when the other side has hung up between two.
    pub async fn read(&mut self) -> io::Result<Option<Message<'_>>> {
        self.buffer.drain(..std::mem::take(&mut self.taken));
        let mut whole = None;
        loop {
            if whole.is_none()
                && let Some(end) = find(&self.buffer, b"\r\n\r\n")
            {
                whole = Some((end + 4, end + 4 + length(&self.buffer[..end])?));
            }
            if let Some((body, end)) = whole
                && end <= self.buffer.len()
            {
                self.taken = end;
                return Ok(Some(Message {
                    head: &self.buffer[..body],
                    body: &self.buffer[body..end],
                }));
            }
            if self.buffer.len() > MOST {
                return Err(broken("a message without an end"));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return match self.buffer.is_empty() {
                    true => Ok(None),
                    false => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
        }
    }
}

fn broken(words: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, words)
}

pub fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// What `Content-Length` says; nothing else is read here, and chunks are refused.
fn length(head: &[u8]) -> io::Result<usize> {
    for line in head.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return Err(broken("chunks are not read here"));
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let number = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
            return number.ok_or_else(|| broken("a length that is no number"));
        }
    }
    Ok(0)
}
