//! What to do about an error.

use std::io;

use stylegan_base::{Hint, Resolution};

use crate::error::{Error, ErrorKind};
use crate::pack::levels::floor_power_of_two;
use crate::readers::{ARCHIVES, ENDINGS, SINGLE_PICTURE};

impl Hint for Error {
    fn hint(&self) -> Option<String> {
        let path = self.path.display();
        Some(match &self.kind {
            ErrorKind::NotASource { kind: Some(SINGLE_PICTURE) } => {
                "give the folder in which the pictures lie".into()
            }
            ErrorKind::NotASource { kind: Some(kind) } if ARCHIVES.contains(kind) => {
                "unpack it, and give the folder".into()
            }
            ErrorKind::NotASource { .. } => {
                "give a folder or a zip of pictures, TFRecords, an LMDB, tars, Parquet files, idx or CIFAR files, or a data \
                 set packed before"
                    .into()
            }
            ErrorKind::Write(source) if is_full(source) => {
                "free some space or write to another disk; nothing half-written was left behind".into()
            }
            ErrorKind::NoPictures { left_out } if !left_out.other_pictures.is_empty() => {
                "convert them to PNG or JPEG first".into()
            }
            ErrorKind::NoPictures { .. } => format!(
                "pictures are found by their endings, `.{}`, in folders of any depth that are not hidden",
                ENDINGS.join("`, `.")
            ),
            ErrorKind::RunFolder => "give the folder of the pictures that the run was trained with".into(),
            ErrorKind::Labels { .. } => {
                "it must read {\"labels\": null} or {\"labels\": [[\"name.png\", 0], …]} with a label for every \
                 picture"
                    .into()
            }
            ErrorKind::NoClassFolder { .. } => {
                "put the pictures of each class into a folder of its own, such as `cats/0.png` and `dogs/0.png`".into()
            }
            ErrorKind::NoChecksums => "FFHQ has one, `ffhq-dataset-v2.json`".into(),
            ErrorKind::WrongChecksums { .. } => "fetch these files again".into(),
            ErrorKind::TooManyBad { .. } => {
                "mend or remove these files, or let a larger fraction of them be left out".into()
            }
            ErrorKind::TooSmall { fitting: Some(fitting), .. } => {
                format!("resolution {} fits, and small ones can be enlarged", fitting.short())
            }
            ErrorKind::TooSmall { fitting: None, .. } => "remove the small ones, or have them enlarged".into(),
            ErrorKind::Resolution { resolution } => {
                let (least, most) = (Resolution::LEAST_SIDE, Resolution::MOST_SIDE);
                let below = floor_power_of_two(resolution.side().clamp(least, most)).unwrap_or(least);
                let above = (below * 2).min(most);
                if !resolution.is_square() {
                    "such as 512x384 for pictures of 4:3, 768x512 of 3:2, 1024x576 of 16:9, and halves of these".into()
                } else if resolution.side() > below && above > below {
                    format!("the nearest are {below} and {above}")
                } else {
                    format!("the nearest is {below}")
                }
            }
            ErrorKind::ReadAt { source, .. } if source.kind() == io::ErrorKind::UnexpectedEof => format!(
                "the file was cut short: delete `{}`, pack the pictures anew and start the same command again",
                self.path.parent().unwrap_or(&self.path).display()
            ),
            ErrorKind::OutputTaken => "choose a name that is not taken yet".into(),
            ErrorKind::OutputExists => "choose a folder that does not exist yet".into(),
            ErrorKind::OutputDiffers { .. } => format!("choose another folder, or delete `{path}` to pack it anew"),
            ErrorKind::Damaged { .. } => format!("delete `{path}` and pack it anew"),
            ErrorKind::NewerFormat { .. } => "update this program, or pack the pictures anew".into(),
            ErrorKind::NotAPack => "a packed data set is a folder with an `index.json`, made by packing pictures".into(),
            ErrorKind::PackTooSmall { resolution, .. } => {
                format!("pack the original pictures anew at that resolution, or train at {}", resolution.short())
            }
            ErrorKind::PackChannels { found, .. } => {
                format!("pack the original pictures anew with these channels, or train with {found}")
            }
            _ => return None,
        })
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_full_disk_names_the_file_and_has_advice() {
        let path = Path::new("cache/level-0064.bin");
        let error = Error::write(path)(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(error.to_string(), "cannot write `cache/level-0064.bin`");
        assert!(error.hint().unwrap().contains("free some space"));
        assert!(Error::write(path)(io::Error::from(io::ErrorKind::PermissionDenied)).hint().is_none());
    }

    #[test]
    fn the_nearest_resolutions_are_suggested() {
        let hint = |resolution: usize| {
            let kind = ErrorKind::Resolution { resolution: resolution.into() };
            kind.at("photos").hint().unwrap()
        };
        assert_eq!(hint(100), "the nearest are 64 and 128");
        assert_eq!(hint(0), "the nearest is 8");
        assert_eq!(hint(2048), "the nearest is 1024");
    }
}
