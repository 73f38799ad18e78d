//! What the pictures of faces are called.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path};

/// The files of the first faces of photos, by the photos' paths inside their source: `NAME.png` in the same folder.
///
/// Where photos differ in their endings alone, these are kept: `NAME.jpg.png`. No name leads out of the folder.
pub fn first_names(photos: &[String]) -> Vec<String> {
    Names::new(photos).first.iter().map(|name| format!("{name}.png")).collect()
}

pub(crate) struct Names {
    /// Of each photo, without the ending.
    first: Vec<String>,
    /// All of them, in lower case, as some systems do not tell cases apart.
    taken: HashSet<String>,
}

impl Names {
    pub(crate) fn new(photos: &[String]) -> Self {
        let inside: Vec<String> = photos.iter().map(|name| inside(name)).collect();
        let mut counts: HashMap<String, usize> = HashMap::new();
        for name in &inside {
            *counts.entry(without_ending(name).to_lowercase()).or_default() += 1;
        }
        let first: Vec<String> = inside
            .into_iter()
            .map(|name| match without_ending(&name) {
                short if counts.get(&short.to_lowercase()) == Some(&1) => short.to_owned(),
                _ => name,
            })
            .collect();
        let taken = first.iter().map(|name| name.to_lowercase()).collect();
        Self { first, taken }
    }

    /// The files of the faces of the photo numbered `photo`: `NAME.png`, `NAME_1.png` and so on, leaving out numbers by which
    /// other photos are called.
    pub(crate) fn of(&self, photo: usize, faces: usize) -> Vec<String> {
        let Some(first) = self.first.get(photo) else { return Vec::new() };
        let numbered = (1..)
            .map(|number| format!("{first}_{number}"))
            .filter(|name| !self.taken.contains(&name.to_lowercase()));
        std::iter::once(first.clone()).chain(numbered).take(faces).map(|name| format!("{name}.png")).collect()
    }
}

/// A path that stays inside a folder.
fn inside(name: &str) -> String {
    let parts: Vec<_> = Path::new(name)
        .components()
        .filter_map(|part| match part {
            Component::Normal(part) => Some(part.to_string_lossy()),
            _ => None,
        })
        .collect();
    if parts.is_empty() { "photo".to_owned() } else { parts.join("/") }
}

fn without_ending(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((before, ending)) if !before.is_empty() && !before.ends_with('/') && !ending.contains('/') => {
            before
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photos(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn crops_are_called_as_their_photos_are() {
        let names = photos(&["a.jpg", "b/a.jpg", "b/c.JPG", "b/C.png", "d.e.png", ".f", "x.y/z"]);
        assert_eq!(
            first_names(&names),
            ["a.png", "b/a.png", "b/c.JPG.png", "b/C.png.png", "d.e.png", ".f.png", "x.y/z.png"]
        );
    }

    #[test]
    fn faces_are_numbered_past_what_other_photos_are_called() {
        let names = Names::new(&photos(&["a.jpg", "A_1.jpg", "b.jpg"]));
        assert_eq!(names.of(0, 3), ["a.png", "a_2.png", "a_3.png"]);
        assert_eq!(names.of(1, 1), ["A_1.png"]);
        assert_eq!(names.of(2, 2), ["b.png", "b_1.png"]);
        assert!(names.of(2, 0).is_empty() && names.of(3, 1).is_empty());
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let names = photos(&["../../a.jpg", "/etc/b.jpg", "c/../../d.jpg", "..", "./e.jpg"]);
        assert_eq!(first_names(&names), ["a.png", "etc/b.png", "c/d.png", "photo.png", "e.png"]);
    }
}
