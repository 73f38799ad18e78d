//! Words of commands for a person to type.

use std::borrow::Cow;

/// A word as a shell takes it, whatever is in it.
pub(crate) fn quoted(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), Cow::into_owned)
}
