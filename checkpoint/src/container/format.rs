//! What a file says that it is: `format`, `format_version`, `written_by`.

use super::header::{Header, Texts};
use crate::ErrorKind;

const WRITTEN_BY: &str = concat!("stylegan ", env!("CARGO_PKG_VERSION"));

/// A kind of file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Format {
    /// The text `format`.
    pub(crate) name: &'static str,
    /// The newest `format_version` that is understood, and the one that is written.
    pub(crate) version: u64,
}

impl Format {
    /// These texts and those that say what the file is.
    pub(crate) fn texts(self, texts: impl IntoIterator<Item = (&'static str, String)>) -> Texts {
        let own = [
            ("format", self.name.to_owned()),
            ("format_version", self.version.to_string()),
            ("written_by", WRITTEN_BY.to_owned()),
        ];
        own.into_iter().chain(texts).map(|(key, text)| (key.to_owned(), text)).collect()
    }

    /// Whether a file says that it is one of these.
    pub(crate) fn is_of(self, header: &Header) -> bool {
        header.text("format") == Some(self.name)
    }

    /// The version of a file, and what wrote it.
    pub(crate) fn version_of(self, header: &Header) -> Result<(u64, String), ErrorKind> {
        let wrong = |reason: String| Err(ErrorKind::Metadata { key: "format_version", reason });
        if !self.is_of(header) {
            return Err(ErrorKind::OtherKind);
        }
        let Some(version) = header.text("format_version") else { return wrong("is missing".to_owned()) };
        let Ok(found) = version.parse::<u64>() else { return wrong(format!("is `{version}`, not a number")) };
        let written_by = printable(header.text("written_by").unwrap_or("unknown"));
        if found > self.version {
            return Err(ErrorKind::NewerFormat { found, known: self.version, written_by });
        }
        if found == 0 {
            return wrong("is 0, but the first version is 1".to_owned());
        }
        Ok((found, written_by))
    }
}

/// A text for people, without what could upset a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}
