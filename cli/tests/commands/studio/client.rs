//! A studio of its own for a test, and just enough of a browser.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, ChildStderr, Stdio};
use std::time::Duration;

use assert_cmd::cargo::cargo_bin;
use serde_json::Value;

use crate::scene::Scene;

pub(crate) struct Served {
    child: Child,
    pub(crate) address: String,
    pub(crate) token: Option<String>,
    stderr: BufReader<ChildStderr>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{} {:?}", self.status, self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Served {
    /// `stylegan studio WORDS`, or any other command that serves, when it says where.
    pub(crate) fn start(scene: &Scene, words: &str) -> Self {
        let mut child = std::process::Command::new(cargo_bin("stylegan"))
            .args(words.split_whitespace())
            .current_dir(scene.path(""))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let url = loop {
            line.clear();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "it says no address");
            if let Some((_, url)) = line.trim().split_once("http://") {
                break url.to_owned();
            }
        };
        let (address, rest) = url.split_once('/').unwrap();
        let token = rest.strip_prefix("#token=").map(str::to_owned);
        Self { child, address: address.to_owned(), token, stderr }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], &[])
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    }

    pub(crate) fn send(&self, path: &str, body: &[u8]) -> Answer {
        self.ask("POST", path, &[], body)
    }

    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let length = body.len().to_string();
        let usual = [("connection", "close"), ("content-length", &length), ("host", &self.address)];
        let is_given = |name: &str| headers.iter().any(|(given, _)| *given == name);
        let lines = usual.iter().filter(|(name, _)| !is_given(name)).chain(headers);
        let lines: Vec<String> = lines.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!("{method} {path} HTTP/1.1\r\n{}", lines.concat());
        let bytes = self.exchange(&[format!("{head}\r\n").as_bytes(), body].concat(), false);
        // Who was refused in the middle of sending may not hear why.
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Answer { status: 0, head: String::new(), body: Vec::new() };
        };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = &bytes[end + 4..];
        let body = if head.contains("transfer-encoding: chunked") { unchunked(body) } else { body.to_vec() };
        Answer { status, head, body }
    }

    /// Whatever is answered to these bytes, after which nothing more comes.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        self.exchange(bytes, true)
    }

    fn exchange(&self, bytes: &[u8], hangs_up: bool) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(2))).unwrap();
        // A server may have refused before it has heard all.
        let _ = stream.write_all(bytes);
        if hangs_up {
            let _ = stream.shutdown(Shutdown::Write);
        }
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    }

    /// The first server-sent event for which `is_it` holds.
    pub(crate) fn event(&self, path: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(2))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.address).unwrap();
        for line in BufReader::new(stream).lines() {
            let line = line.expect("an event in time");
            if let Some(data) = line.strip_prefix("data:") {
                let value: Value = serde_json::from_str(data).unwrap();
                if is_it(&value) {
                    return value;
                }
            }
        }
        panic!("the events of {path} ended");
    }

    /// Memory that the process holds, in MiB; none where the system does not say.
    pub(crate) fn memory_mib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
    }

    /// The exit code, once it ends by itself, and what it said since it told its address.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let Ok(length) = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16) else {
            break;
        };
        if length == 0 {
            break;
        }
        body.extend_from_slice(&bytes[end + 2..end + 2 + length]);
        bytes = &bytes[end + 4 + length..];
    }
    body
}
