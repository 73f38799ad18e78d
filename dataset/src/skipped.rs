//! Files that are left out, and how names and reasons from strangers are shown.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// A file of a source that could not be used, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The path inside the source, with `/` between its parts.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

/// The first few names and reasons, for a message.
pub(crate) fn list(skipped: &[Skipped]) -> String {
    let mut text = String::new();
    for (i, Skipped { name, reason }) in skipped.iter().take(3).enumerate() {
        let _ = write!(text, "{}`{name}` ({reason})", if i == 0 { "" } else { ", " });
    }
    if skipped.len() > 3 {
        text.push_str(", …");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_three_bad_files() {
        let skipped = |n: usize| {
            (0..n).map(|i| Skipped { name: format!("{i}.png"), reason: "r".into() }).collect::<Vec<_>>()
        };
        assert_eq!(list(&skipped(2)), "`0.png` (r), `1.png` (r)");
        assert_eq!(list(&skipped(9)), "`0.png` (r), `1.png` (r), `2.png` (r), …");
    }
}
