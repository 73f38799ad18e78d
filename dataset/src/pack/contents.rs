//! What a training is fed with, picture by picture: to tell whether it is the same, and what differs.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use stylegan_base::Resolution;

use super::format::Format;
use crate::bits::Bits;
use crate::channels::Channels;
use crate::labels::Labels;

/// What fingerprints of contents begin with. Those of earlier versions, of the times of files, are bare digits.
const PREFIX: &str = "pictures-";

/// The largest text of a list that is understood: that of some ten million pictures.
const MAX_BYTES: usize = 1 << 30;

/// The pixels and labels that a pack holds, in their order, each by its digest.
///
/// Where the pictures came from, what the files were called and when they were written changes none of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The largest level, whose pixels these are.
    #[serde(rename = "side")]
    resolution: Resolution,
    /// Of a list that does not tell, three.
    #[serde(default, skip_serializing_if = "is_rgb")]
    channels: Channels,
    /// Of a list that does not tell, eight.
    #[serde(default, skip_serializing_if = "is_eight")]
    bits: Bits,
    /// Of the labels, where they are trained by.
    labels: Option<String>,
    /// The name and the digest of each picture.
    pictures: Vec<(String, String)>,
}

impl Contents {
    pub(crate) fn new(format: Format, labels: Option<&Labels>, names: &[String], digests: &[String]) -> Self {
        Self {
            resolution: format.resolution,
            channels: format.channels,
            bits: format.bits,
            labels: labels.map(labels_digest),
            pictures: names.iter().cloned().zip(digests.iter().cloned()).collect(),
        }
    }

    fn format(&self) -> Format {
        Format { resolution: self.resolution, channels: self.channels, bits: self.bits }
    }

    /// What was written by [`Contents::to_json`]; `None` if it was not.
    pub fn from_json(json: &[u8]) -> Option<Self> {
        (json.len() <= MAX_BYTES).then(|| serde_json::from_slice(json).ok())?
    }

    /// A text to keep beside what was trained.
    ///
    /// # Errors
    /// Never, but that a writer of JSON may fail.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// The same for the same pixels, labels and order.
    pub fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("stylegan pictures of a training v1");
        let Resolution { width, height } = self.resolution;
        hasher.update(&(width as u64).to_le_bytes());
        if height != width {
            hasher.update(b"height").update(&(height as u64).to_le_bytes());
        }
        if self.channels != Channels::Rgb {
            hasher.update(b"channels").update(&(self.channels.count() as u64).to_le_bytes());
        }
        if self.bits != Bits::Eight {
            hasher.update(b"bits").update(&(usize::from(self.bits) as u64).to_le_bytes());
        }
        for (_, digest) in &self.pictures {
            hasher.update(digest.as_bytes());
        }
        if let Some(labels) = &self.labels {
            hasher.update(b"labels").update(labels.as_bytes());
        }
        format!("{PREFIX}{}", hasher.finalize().to_hex())
    }

    /// Whether a fingerprint is of contents; else it is one that an earlier version made of names and times.
    pub fn is_fingerprint(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// Whether the pixels and their order are the same, whatever the labels.
    pub fn has_pixels_of(&self, other: &Self) -> bool {
        let (digests, others) = (self.pictures.iter(), other.pictures.iter());
        self.format() == other.format()
            && digests.map(|(_, digest)| digest).eq(others.map(|(_, digest)| digest))
    }

    /// What is another than `before`, a sentence each; empty if nothing is.
    pub fn differences(&self, before: &Self) -> Vec<String> {
        if self.fingerprint() == before.fingerprint() {
            return Vec::new();
        }
        let mut found = Vec::new();
        if self.resolution != before.resolution {
            let (now, before) = (self.resolution, before.resolution);
            found.push(format!("the pictures are packed at {now}, but were at {before}"));
        }
        if self.channels != before.channels {
            let (now, before) = (self.channels.counted(), before.channels);
            found.push(format!("the pictures are packed with {now}, but were with {before}"));
        }
        if self.bits != before.bits {
            found.push(format!(
                "the pictures are packed with {} bits, but were with {}",
                self.bits, before.bits
            ));
        }
        let is_same_format = self.format() == before.format();
        let by_name = |contents: &Self| contents.pictures.iter().cloned().collect::<HashMap<_, _>>();
        let (now, earlier) = (by_name(self), by_name(before));
        // Pixels of another size are others in any case.
        let changed = names(self.pictures.iter().filter(|(name, digest)| {
            is_same_format && earlier.get(name).is_some_and(|earlier| earlier != digest)
        }));
        let added = names(self.pictures.iter().filter(|(name, _)| !earlier.contains_key(name)));
        let removed = names(before.pictures.iter().filter(|(name, _)| !now.contains_key(name)));
        let all = [(added, "added"), (removed, "removed"), (changed, "changed")];
        let mut parts = Vec::new();
        for (names, done) in all.iter().filter(|(names, _)| !names.is_empty()) {
            let count = names.len();
            let noun = match (parts.is_empty(), count) {
                (true, 1) => " picture",
                (true, _) => " pictures",
                _ => "",
            };
            let verb = if count == 1 { "was" } else { "were" };
            parts.push(format!("{count}{noun} {verb} {done}: {}", first_few(names)));
        }
        if !parts.is_empty() {
            found.push(parts.join("; "));
        } else if self.labels != before.labels {
            found.push(match (&before.labels, &self.labels) {
                (_, None) => "the labels are gone".to_owned(),
                (None, _) => "there are labels, but were none".to_owned(),
                _ => "the labels are others".to_owned(),
            });
        }
        if found.is_empty() {
            found.push("the pictures are in another order".to_owned());
        }
        found
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_rgb(channels: &Channels) -> bool {
    *channels == Channels::Rgb
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_eight(bits: &Bits) -> bool {
    *bits == Bits::Eight
}

/// The digest of one picture's pixels.
pub(crate) fn picture_digest(pixels: &[u8]) -> String {
    // Half of it tells any number of pictures apart.
    blake3::hash(pixels).to_hex()[..DIGEST_DIGITS].to_owned()
}

/// Hexadecimal digits of a picture's digest.
pub(crate) const DIGEST_DIGITS: usize = 32;

fn labels_digest(labels: &Labels) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(labels.width() as u64).to_le_bytes());
    match labels {
        Labels::Classes { indices, .. } => {
            hasher.update(b"classes");
            for index in indices {
                hasher.update(&index.to_le_bytes());
            }
        }
        Labels::Vectors { values, .. } => {
            hasher.update(b"vectors");
            for value in values {
                hasher.update(&value.to_le_bytes());
            }
        }
    }
    hasher.finalize().to_hex().to_string()
}

fn names<'a>(pictures: impl Iterator<Item = &'a (String, String)>) -> Vec<&'a str> {
    pictures.map(|(name, _)| name.as_str()).collect()
}

/// At most three names.
fn first_few(names: &[&str]) -> String {
    let mut text = names.iter().take(3).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > 3 {
        text.push_str(", …");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(pictures: &[(&str, u8)], labels: Option<&[u32]>) -> Contents {
        let labels =
            labels.map(|indices| Labels::Classes { count: 3, indices: indices.to_vec(), names: Vec::new() });
        let (names, digests): (Vec<_>, Vec<_>) =
            pictures.iter().map(|(name, pixel)| ((*name).to_owned(), picture_digest(&[*pixel]))).unzip();
        let format = Format { resolution: 16.into(), channels: Channels::Rgb, bits: Bits::Eight };
        Contents::new(format, labels.as_ref(), &names, &digests)
    }

    #[test]
    fn what_differs_is_said_in_words() {
        let before = contents(&[("a", 1), ("b", 2), ("c", 3)], None);
        let said = |pictures: &[(&str, u8)]| contents(pictures, None).differences(&before).join("|");
        assert_eq!(said(&[("a", 1), ("b", 2), ("c", 3)]), "");
        // Other names of the same pictures in the same order.
        assert_eq!(said(&[("d", 1), ("e", 2), ("f", 3)]), "");
        assert_eq!(said(&[("a", 1), ("b", 2)]), "1 picture was removed: `c`");
        assert_eq!(said(&[("a", 1), ("b", 9), ("c", 3)]), "1 picture was changed: `b`");
        assert_eq!(
            said(&[("a", 1), ("b", 7), ("d", 4), ("e", 4), ("f", 4), ("g", 4)]),
            "4 pictures were added: `d`, `e`, `f`, …; 1 was removed: `c`; 1 was changed: `b`"
        );
        assert_eq!(said(&[("c", 3), ("a", 1), ("b", 2)]), "the pictures are in another order");
        let grey = Contents { channels: Channels::Grey, ..before.clone() };
        assert_eq!(grey.differences(&before), ["the pictures are packed with 1 channel, but were with 3"]);
        let high = Contents { resolution: "16x12".parse().unwrap(), ..before.clone() };
        assert_eq!(high.differences(&before), ["the pictures are packed at 16x12, but were at 16x16"]);
        assert!(grey.fingerprint() != before.fingerprint() && high.fingerprint() != before.fingerprint());
        let larger = Contents { resolution: 32.into(), ..before.clone() };
        assert_eq!(larger.differences(&before), ["the pictures are packed at 32x32, but were at 16x16"]);
    }

    #[test]
    fn labels_count_where_they_are_trained_by() {
        let pictures = [("a", 1), ("b", 2)];
        let [none, one, other] =
            [None, Some(&[0, 1][..]), Some(&[0, 2][..])].map(|labels| contents(&pictures, labels));
        assert_eq!(one.differences(&none), ["there are labels, but were none"]);
        assert_eq!(none.differences(&one), ["the labels are gone"]);
        assert_eq!(other.differences(&one), ["the labels are others"]);
        assert!(one.has_pixels_of(&none) && one.fingerprint() != none.fingerprint());
    }

    #[test]
    fn a_text_keeps_everything() {
        let color = contents(&[("a", 1)], None).to_json().unwrap();
        assert!(color.starts_with(r#"{"side":16,"labels":null,"pictures":[["a",""#), "{color}");
        let contents = contents(&[("],[ä\"", 1), ("b", 2)], Some(&[1, 0]));
        assert_eq!(Contents::from_json(contents.to_json().unwrap().as_bytes()), Some(contents));
        assert_eq!(Contents::from_json(b"[1, 2"), None);
    }
}
