//! The smallest HTTP client that tests need: one request, one answer, bounded in time.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status code, 200 and so on.
    pub status: u16,
    /// The header lines as they came, without the status line.
    pub head: String,
    /// The body; a chunked one is put together.
    pub body: String,
}

/// Asks for `path` at `address`.
pub fn get(address: SocketAddr, path: &str) -> io::Result<Reply> {
    request(address, "GET", path, &[], "")
}

/// Sends one request with more header fields and a body, over a connection of its own.
pub fn request(address: SocketAddr, method: &str, path: &str, fields: &[(&str, &str)], body: &str) -> io::Result<Reply> {
    request_within(LIMIT, address, method, path, fields, body)
}

/// The same, by somebody who waits no longer than this for any one step.
pub fn request_within(
    limit: Duration,
    address: SocketAddr,
    method: &str,
    path: &str,
    fields: &[(&str, &str)],
    body: &str,
) -> io::Result<Reply> {
    let mut stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(head.as_bytes())?;
    let mut bytes = Vec::new();
    let mut some = [0; 16 * 1024];
    // Not every server closes when asked to, so we stop at the end of the body where its length is known.
    while !is_whole(&bytes) {
        match stream.read(&mut some)? {
            0 => break,
            count => bytes.extend_from_slice(&some[..count]),
        }
    }
    parse(&bytes).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an HTTP answer"))
}

fn is_whole(bytes: &[u8]) -> bool {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    length.is_some_and(|length| bytes.len() >= end + 4 + length)
}

fn parse(bytes: &[u8]) -> Option<Reply> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let (first, head) = head.split_once("\r\n").unwrap_or((&head, ""));
    let status = first.split(' ').nth(1)?.parse().ok()?;
    let body = &bytes[end + 4..];
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { unchunk(body)? } else { body.to_vec() };
    Some(Reply { status, head: head.to_owned(), body: String::from_utf8_lossy(&body).into_owned() })
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..end]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        rest = &rest[end + 2..];
        whole.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_answer_is_read() {
        let reply = parse(b"HTTP/1.1 404 Not Found\r\nA: b\r\n\r\nno").unwrap();
        assert_eq!((reply.status, reply.head.as_str(), reply.body.as_str()), (404, "A: b", "no"));
    }

    #[test]
    fn chunks_are_put_together() {
        let reply = parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").unwrap();
        assert_eq!(reply.body, "abcde");
    }
}
