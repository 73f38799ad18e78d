//! Words of commands for a person to type.

use std::borrow::Cow;
use std::path::Path;

/// A path as a shell takes it, whatever is in its name; one that starts with a dash is no flag.
pub fn quoted(path: &Path) -> String {
    let name = path.to_string_lossy();
    let name = if name.starts_with('-') { Cow::Owned(format!("./{name}")) } else { name };
    quoted_word(&name)
}

/// A word of a command as a shell takes it.
pub fn quoted_word(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_what_was_meant() {
        for (name, expected) in
            [("photos", "photos"), ("runs/00000-a", "runs/00000-a"), ("-r", "./-r"), ("-a b", "./-a b")]
        {
            let text = quoted(Path::new(name));
            assert_eq!(shlex::split(&text), Some(vec![expected.to_owned()]), "{text}");
        }
        for name in ["my photos", "a(1)", "it's", "a\"b", "$HOME", "a;b", "*", "[x]", "~", "a&b", ""] {
            let text = quoted(Path::new(name));
            assert_ne!(text, name);
            assert_eq!(shlex::split(&text), Some(vec![name.to_owned()]), "{text}");
        }
        assert_eq!(quoted(Path::new("runs/00000-photos32")), "runs/00000-photos32");
    }
}
