//! Paths of pictures inside their source, with `/` between their parts.

/// The folder of a path, which ends in `/` unless it is the source itself, and the file's name.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.split_at(path.rfind('/').map_or(0, |slash| slash + 1))
}

/// The innermost folder that all of these files are in.
pub(crate) fn common_folder(paths: &[String]) -> &str {
    let Some(first) = paths.first() else { return "" };
    paths.iter().fold(split(first).0, |common, path| {
        let same = common.bytes().zip(path.bytes()).take_while(|(a, b)| a == b).count();
        // What two paths share may end in the middle of a name, or of a letter.
        let end = common.as_bytes()[..same].iter().rposition(|&byte| byte == b'/');
        &common[..end.map_or(0, |slash| slash + 1)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(paths: &[&str]) -> String {
        common_folder(&paths.iter().map(|&path| path.to_owned()).collect::<Vec<_>>()).to_owned()
    }

    #[test]
    fn folders_are_split_off() {
        assert_eq!(split("a/b/0.png"), ("a/b/", "0.png"));
        assert_eq!(split("0.png"), ("", "0.png"));
    }

    #[test]
    fn the_common_folder_is_a_whole_one() {
        for (paths, expected) in [
            (&["a/b/0.png", "a/b/1.png"][..], "a/b/"),
            (&["a/bc/0.png", "a/bd/0.png"], "a/"),
            (&["a/0.png", "ab/0.png"], ""),
            (&["é/0.png", "è/0.png"], ""),
            (&["a/0.png", "0.png"], ""),
            (&[], ""),
        ] {
            assert_eq!(common(paths), expected, "{paths:?}");
        }
    }
}
