//! The folder of FFHQ, as its own script downloads it.
//!
//! `images1024x1024` and `thumbnails128x128` hold the same pictures under the same names, `00000/00000.png`; beside them lie
//! `in-the-wild-images`, from which they were cut, and `ffhq-dataset-v2.json`, which tells their MD5
//! (<https://github.com/NVlabs/ffhq-dataset>). As a plain folder each picture would be there three times.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use stylegan_base::{Resolution, printable};

use super::decode::Decoded;
use super::folder::{Folder, read_file};
use super::{Candidate, Checksums, Listing, Reader};
use crate::error::Error;

/// From the largest pictures to the smallest.
const SIDES: [(&str, usize); 2] = [("images1024x1024", 1024), ("thumbnails128x128", 128)];

const JSON: &str = "ffhq-dataset-v2.json";

/// Twice what it is.
const MAX_JSON_BYTES: u64 = 512 << 20;

#[derive(Debug)]
pub(super) struct Ffhq {
    root: PathBuf,
    /// The name of the folder of `pictures`.
    folder: &'static str,
    pictures: Folder,
    thumbnails: Option<Thumbnails>,
    listing: Listing,
}

#[derive(Debug)]
struct Thumbnails {
    folder: Folder,
    side: usize,
    /// The number of each picture's.
    numbers: Vec<Option<usize>>,
}

impl Reader for Ffhq {
    /// Whether one of its folders is there by its name.
    fn recognizes(Candidate { path, inside, .. }: &Candidate<'_>) -> bool {
        SIDES.iter().any(|(name, _)| inside.iter().any(|inside| inside == name) && path.join(name).is_dir())
    }

    fn open(root: &Path) -> Result<Self, Error> {
        let mut there = SIDES.iter().filter(|(name, _)| root.join(name).is_dir());
        let &(folder, _) = there.next().unwrap_or(&SIDES[0]);
        let pictures = Folder::open(&root.join(folder))?;
        let mut listing = pictures.listing().clone();
        let mut fingerprint = blake3::Hasher::new_derive_key("stylegan FFHQ v1");
        fingerprint.update(listing.fingerprint.as_bytes());

        let mut thumbnails = None;
        if let Some(&(name, side)) = there.next() {
            let folder = Folder::open(&root.join(name))?;
            fingerprint.update(folder.listing().fingerprint.as_bytes());
            let names = folder.listing().names.iter().map(String::as_str);
            let numbers: HashMap<&str, usize> = names.zip(0..).collect();
            let numbers = listing.names.iter().map(|name| numbers.get(name.as_str()).copied()).collect();
            thumbnails = Some(Thumbnails { folder, side, numbers });
        }
        listing.fingerprint = fingerprint.finalize().to_hex().to_string();

        for entry in fs::read_dir(root).map_err(Error::read(root))? {
            let entry = entry.map_err(Error::read(root))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_file() {
                if name != JSON {
                    listing.left_out.add_file(&name);
                }
            } else if !SIDES.iter().any(|(side, _)| *side == name) {
                listing.left_out.beside.push(printable(&name));
            }
        }
        listing.left_out.beside.sort_unstable();
        Ok(Self { root: root.to_owned(), folder, pictures, thumbnails, listing })
    }

    fn listing(&self) -> &Listing {
        &self.listing
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, String> {
        self.pictures.bytes(index)
    }

    fn head(&self, index: usize, length: u64) -> Result<Vec<u8>, String> {
        self.pictures.head(index, length)
    }

    /// Small pictures are the thumbnails, which are a hundredth to read. As levels of larger ones they are not taken: the
    /// original's data sets have means there, and thumbnails are sharper.
    fn decode(&self, index: usize, resolution: Resolution) -> Result<Decoded, String> {
        if let Some(Thumbnails { folder, side: kept, numbers }) = &self.thumbnails
            && resolution.side() <= *kept
            && let Some(number) = numbers[index]
        {
            return folder.decode(number, resolution);
        }
        self.pictures.decode(index, resolution)
    }

    fn checksums(&self) -> Option<Result<Checksums, Error>> {
        let path = self.root.join(JSON);
        path.is_file().then(|| {
            let broken = |reason: String| Error::container(&path, "a list of checksums", &reason);
            let json = read_file(&path, MAX_JSON_BYTES, true).map_err(broken)?;
            let md5s = md5s(&json).map_err(broken)?;
            let md5_of = |name: &String| md5s.get(format!("{}/{name}", self.folder).as_str()).copied();
            Ok(self.listing.names.iter().map(md5_of).collect())
        })
    }
}

/// What the list says of one picture.
#[derive(Deserialize)]
struct Item {
    image: Option<Named>,
    thumbnail: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    file_path: String,
    file_md5: String,
}

/// The MD5 of each file by its path.
fn md5s(json: &[u8]) -> Result<HashMap<String, [u8; 16]>, String> {
    let items: HashMap<String, Item> = serde_json::from_slice(json).map_err(|e| e.to_string())?;
    let named = items.into_values().flat_map(|Item { image, thumbnail }| [image, thumbnail]).flatten();
    named
        .map(|Named { file_path, file_md5 }| match parse_md5(&file_md5) {
            Some(md5) => Ok((file_path, md5)),
            None => Err(format!("`{}` of `{}` is no MD5", printable(&file_md5), printable(&file_path))),
        })
        .collect()
}

fn parse_md5(text: &str) -> Option<[u8; 16]> {
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some(u128::from_str_radix(text, 16).ok()?.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_found_by_path() {
        let of = |md5: &str| {
            let json = format!(
                r#"{{"0": {{"category": "training", "metadata": {{"photo_url": "x"}},
                    "image": {{"file_path": "images1024x1024/00000/00000.png", "file_md5": "{md5}", "file_size": 3}},
                    "in_the_wild": {{"file_path": "in-the-wild-images/00000/00000.png"}}}}}}"#
            );
            md5s(json.as_bytes())
        };
        let mut expected = [0; 16];
        expected[15] = 0xfe;
        let found = of("000000000000000000000000000000fe").unwrap();
        assert_eq!(found, HashMap::from([("images1024x1024/00000/00000.png".to_owned(), expected)]));
        for bad in ["", "fe", "+00000000000000000000000000000fe", "0000000000000000000000000000\u{e9}fe"] {
            assert!(
                of(bad).unwrap_err().ends_with("` of `images1024x1024/00000/00000.png` is no MD5"),
                "{bad}"
            );
        }
        assert!(md5s(b"[1]").is_err() && md5s(b"").is_err());
    }
}
