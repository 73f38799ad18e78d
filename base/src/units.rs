//! Numbers as people say them.

use std::fmt::{self, Display};
use std::time::Duration;

/// `1,234,567`
pub fn grouped(number: impl Display) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes: `12 MiB`, or `1.5 GiB` from 1000 MiB on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mebibytes = mebibytes(self.0);
        if mebibytes < 1000.0 {
            f.pad(&format!("{mebibytes:.0} MiB"))
        } else {
            f.pad(&format!("{:.1} GiB", mebibytes / 1024.0))
        }
    }
}

/// Bytes in units of 2²⁰.
pub fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Bytes in units of 2³⁰.
pub fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

/// Real pictures shown, `nimg`, in thousands.
pub fn kimg(nimg: u64) -> f64 {
    nimg as f64 / 1000.0
}

/// `3d 04h 05m`, `1h 02m 11s`, `2m 05s` or `9s`.
pub fn format_duration(duration: Duration) -> String {
    let sec = duration.as_secs();
    let (days, hours, minutes, seconds) = (sec / 86_400, sec / 3600 % 24, sec / 60 % 60, sec % 60);
    match (days, hours, minutes) {
        (1.., ..) => format!("{days}d {hours:02}h {minutes:02}m"),
        (0, 1.., _) => format!("{hours}h {minutes:02}m {seconds:02}s"),
        (0, 0, 1..) => format!("{minutes}m {seconds:02}s"),
        _ => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_naturally() {
        let text = |sec| format_duration(Duration::from_secs(sec));
        assert_eq!([9, 125, 3731, 273_900].map(text), ["9s", "2m 05s", "1h 02m 11s", "3d 04h 05m"]);
    }

    #[test]
    fn digits_are_grouped() {
        assert_eq!([0, 999, 1000, 26_219_627].map(grouped), ["0", "999", "1,000", "26,219,627"]);
    }

    #[test]
    fn bytes_read_naturally() {
        assert_eq!(
            [0, 5 << 20, 999 << 20, 1 << 30].map(|n| Bytes(n).to_string()),
            ["0 MiB", "5 MiB", "999 MiB", "1.0 GiB"]
        );
    }
}
