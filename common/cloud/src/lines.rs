//! Text of any size, line by line: from files or from stdin.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal as _, Read};
use std::path::Path;

/// Where a text comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// A file.
    File(&'a Path),
    /// Standard input.
    Stdin,
}

/// Whether somebody has to type what is read from stdin.
pub fn stdin_is_terminal() -> bool {
    io::stdin().is_terminal()
}

/// Hands the lines of a text to `take`, without their line breaks. Bytes that are no UTF-8 are replaced.
///
/// A line longer than `longest` bytes comes in pieces, broken at a blank where there is one. No more than that is held.
///
/// # Errors
/// What the system says.
pub fn each(input: Input<'_>, longest: usize, take: impl FnMut(&str)) -> io::Result<()> {
    match input {
        Input::File(path) => read(File::open(path)?, longest, take),
        Input::Stdin => read(io::stdin().lock(), longest, take),
    }
}

fn read(source: impl Read, longest: usize, mut take: impl FnMut(&str)) -> io::Result<()> {
    let mut source = BufReader::with_capacity(64 * 1024, source);
    let mut line: Vec<u8> = Vec::with_capacity(longest);
    // One character for a byte: garbage must not grow.
    let mut hand_over = |bytes: &[u8]| {
        let text: String = bytes
            .utf8_chunks()
            .flat_map(|chunk| [chunk.valid(), if chunk.invalid().is_empty() { "" } else { "?" }])
            .collect();
        take(text.trim_end_matches('\r'));
    };
    let mut chunk = [0; 8 * 1024];
    loop {
        let length = match source.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        for &byte in &chunk[..length] {
            if byte == b'\n' {
                hand_over(&line);
                line.clear();
                continue;
            }
            line.push(byte);
            if line.len() >= longest {
                let blank = line.iter().rposition(|byte| *byte == b' ').filter(|at| *at > longest / 2);
                let cut = blank.map_or(line.len(), |at| at + 1);
                hand_over(&line[..cut]);
                line.drain(..cut);
            }
        }
    }
    if !line.is_empty() {
        hand_over(&line);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn lines(text: &[u8], longest: usize) -> Vec<String> {
        let mut found = Vec::new();
        read(text, longest, |line| found.push(line.to_owned())).unwrap();
        found
    }

    #[test]
    fn lines_come_one_by_one_whatever_they_hold() {
        assert_eq!(lines(b"a\r\nb\n\nc", 100), ["a", "b", "", "c"]);
        assert_eq!(lines(b"", 100), [""; 0]);
        assert_eq!(lines(&[0xff, b'x', b'\n', 0, 1], 100), ["?x", "\u{0}\u{1}"]);
        assert_eq!(lines(b"one two three four", 10), ["one two ", "three four"]);
        assert_eq!(lines(&[b'x'; 25], 10), ["x".repeat(10), "x".repeat(10), "x".repeat(5)]);
        let many = lines(&b"word ".repeat(100_000), 1000);
        assert!(many.iter().all(|line| line.len() <= 1000 && line.ends_with(' ')));
        assert!(each(Input::File(Path::new("/no/such/file")), 10, |_| ()).is_err());
    }
}
