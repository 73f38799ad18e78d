//! What is in an archive, by the names of its entries.

use std::collections::{BTreeSet, HashSet};

use super::dataset_json;
use super::picture_files::is_picture;
use crate::left_out::{LeftOut, is_hidden, is_run};

/// The entries of an archive by what they are, each by its number.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    pub(super) pictures: Vec<usize>,
    pub(super) label_files: Vec<usize>,
    /// Neither, and in no folder that is left out.
    pub(super) others: Vec<usize>,
    /// Folders that are left out; `others` are not counted yet.
    pub(super) left_out: LeftOut,
    /// Whether the archive is that of the folder of a run.
    pub(super) is_run: bool,
}

/// Sorts entries by their names, with `/` between their parts; those of folders end in it.
pub(super) fn sort_out(names: &[String]) -> Sorted {
    let runs = run_folders(names);
    let mut sorted = Sorted { is_run: runs.contains(""), ..Sorted::default() };
    let (mut runs_left_out, mut hidden) = (BTreeSet::new(), BTreeSet::new());
    for (number, name) in names.iter().enumerate().filter(|(_, name)| !name.ends_with('/')) {
        if let Some((folder, is_run)) = left_out_folder(name, &runs) {
            let folders = if is_run { &mut runs_left_out } else { &mut hidden };
            if !folders.contains(folder) {
                folders.insert(folder.to_owned());
            }
        } else if dataset_json::is_label_file(name) {
            sorted.label_files.push(number);
        } else if is_picture(name) {
            sorted.pictures.push(number);
        } else {
            sorted.others.push(number);
        }
    }
    sorted.left_out.runs = runs_left_out.into_iter().collect();
    sorted.left_out.hidden = hidden.into_iter().collect();
    sorted
}

/// The folders of runs, by their paths; "" for the archive itself.
fn run_folders(names: &[String]) -> HashSet<&str> {
    let configs = names.iter().filter_map(|name| name.strip_suffix("config.toml"));
    let mut folders = configs.filter(|folder| folder.is_empty() || folder.ends_with('/')).peekable();
    if folders.peek().is_none() {
        return HashSet::new();
    }
    let all: HashSet<&str> = names.iter().map(String::as_str).collect();
    folders
        .filter(|folder| is_run(|file| all.contains(format!("{folder}{file}").as_str())))
        .map(|folder| folder.trim_end_matches('/'))
        .collect()
}

/// The outermost folder around an entry that holds no data, and whether it is that of a run.
fn left_out_folder<'a>(name: &'a str, runs: &HashSet<&str>) -> Option<(&'a str, bool)> {
    name.match_indices('/').map(|(end, _)| &name[..end]).find_map(|folder| {
        let is_run = runs.contains(folder);
        let folder_name = folder.rsplit('/').next().unwrap_or(folder);
        (is_run || is_hidden(folder_name)).then_some((folder, is_run))
    })
}
