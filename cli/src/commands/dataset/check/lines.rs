//! Text that fits a terminal.

use std::fmt::Write as _;

/// Characters in a line.
pub(super) const WIDTH: usize = 100;

/// Characters of a name; of a longer one the end is shown, which tells pictures apart.
const NAME_WIDTH: usize = 40;

/// Words behind a margin, in as many lines as they take.
pub(super) fn wrapped(text: &str, margin: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let length = margin + line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && length > WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines.iter().map(|line| format!("{:margin$}{line}", "")).collect()
}

/// A name in back-ticks.
pub(super) fn name(name: &str) -> String {
    let length = name.chars().count();
    if length <= NAME_WIDTH {
        return format!("`{name}`");
    }
    let end: String = name.chars().skip(length + 1 - NAME_WIDTH).collect();
    format!("`…{end}`")
}

/// As many of the parts as fit into one line behind a margin, at least one, and how many more there are.
pub(super) fn listed(parts: impl ExactSizeIterator<Item = String>, separator: &str, margin: usize) -> String {
    /// What stands behind the last part.
    const MORE: usize = ", and 1,000,000 more".len();
    let count = parts.len();
    let (mut text, mut shown) = (String::new(), 0);
    for part in parts {
        let length = margin + text.chars().count() + separator.len() + part.chars().count();
        if shown > 0 && length + if shown + 1 < count { MORE } else { 0 } > WIDTH {
            break;
        }
        if shown > 0 {
            text.push_str(separator);
        }
        text.push_str(&part);
        shown += 1;
    }
    if shown < count {
        let _ = write!(text, ", and {} more", stylegan_base::units::grouped(count - shown));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words() {
        let text = ["words"; 40].join(" ");
        let lines = wrapped(&text, 7);
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.len() <= WIDTH && line.starts_with("       words")));
        assert_eq!(lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" "), text);
        assert_eq!(wrapped("", 2), ["  "]);
    }

    #[test]
    fn names_and_lists_stay_within_a_line() {
        assert_eq!(name("a/b.png"), "`a/b.png`");
        let long = name(&format!("{}/ä.png", "x".repeat(90)));
        assert!(
            long.ends_with("x/ä.png`") && long.starts_with("`…x") && long.chars().count() == 42,
            "{long}"
        );
        let names = |count: usize| (0..count).map(|number| name(&format!("pictures/{number:05}.png")));
        assert_eq!(listed(names(1), ", ", 4), "`pictures/00000.png`");
        for count in [2, 4, 5, 1000] {
            let list = listed(names(count), ", ", 4);
            assert!(list.chars().count() + 4 <= WIDTH, "{list}");
            assert_eq!(list.contains(" more"), count > 4, "{list}");
        }
        assert!(listed(names(1000), ", ", 4).ends_with(", and 997 more"));
    }
}
