//! Which files are meant by paths on a command line.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::SourceError;

/// The picture files meant by `paths`: files as given, and of every folder its PNG and JPEG files
/// in the order in which people count (2.png before 10.png). Folders inside folders are left out, and
/// so are names that begin with a dot, as those under which other systems keep what they note of a
/// file.
///
/// # Errors
/// Where a path cannot be read or nothing is found.
pub fn list_pictures(paths: &[PathBuf]) -> Result<Vec<PathBuf>, SourceError> {
    let mut pictures = Vec::new();
    for path in paths {
        let failed = |cause| SourceError::Read { path: path.clone(), cause };
        if std::fs::metadata(path).map_err(failed)?.is_dir() {
            pictures.extend(list_folder(path)?);
        } else {
            pictures.push(path.clone());
        }
    }
    match paths.first() {
        None => Err(SourceError::NoPaths),
        Some(first) if pictures.is_empty() => Err(SourceError::Empty(first.clone())),
        Some(_) => Ok(pictures),
    }
}

fn list_folder(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let failed = |cause| SourceError::Read { path: folder.to_owned(), cause };
    let mut pictures = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if is_picture(&path) && !is_hidden(&path) && path.is_file() {
            pictures.push(path);
        }
    }
    if pictures.is_empty() {
        return Err(SourceError::Empty(folder.to_owned()));
    }
    pictures.sort_by_cached_key(|path| counting_order(path.file_name().unwrap_or_default()));
    Ok(pictures)
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    ["png", "jpg", "jpeg"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// Whether a name begins with a dot.
pub fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// A piece of a name, comparable: letters by letter, numbers by value.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    /// Digits without leading zeros, after their number.
    Number(usize, String),
    Text(String),
}

/// The pieces of a name, then the name itself so that no two files are equal.
fn counting_order(name: &OsStr) -> (Vec<Piece>, String) {
    let name = name.to_string_lossy().into_owned();
    let mut pieces = Vec::new();
    let mut rest = name.as_str();
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        let number = piece.trim_start_matches('0');
        pieces.push(match digits {
            true => Piece::Number(number.len(), number.to_owned()),
            false => Piece::Text(piece.to_lowercase()),
        });
        rest = after;
    }
    (pieces, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_listed(made: &[&str], expected: &[&str]) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in made {
            std::fs::write(folder.path().join(name), b"").expect("a file");
        }
        std::fs::create_dir(folder.path().join("inner.png")).expect("a folder");
        let listed = list_pictures(&[folder.path().to_owned()]).expect("a list");
        let name =
            |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
        assert_eq!(listed.iter().map(name).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_folder_is_listed_as_people_count() {
        check_listed(
            &[
                "10.png",
                "2.png",
                "b.JPG",
                "a.jpeg",
                "note.txt",
                "png",
                "a12b3.png",
                "a12b003.PNG",
                "._2.png",
                ".hidden.jpg",
            ],
            &["2.png", "10.png", "a12b003.PNG", "a12b3.png", "a.jpeg", "b.JPG"],
        );
    }

    #[test]
    fn files_keep_the_order_given() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let paths = ["z.png", "a.tif"].map(|name| folder.path().join(name));
        paths.iter().for_each(|path| std::fs::write(path, b"").expect("a file"));
        assert_eq!(list_pictures(&paths).expect("a list"), paths);
    }

    #[test]
    fn nothing_to_list_is_an_error() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let empty = list_pictures(&[folder.path().to_owned()]);
        assert!(matches!(empty, Err(SourceError::Empty(path)) if path == folder.path()));
        let missing = list_pictures(&[folder.path().join("no")]);
        assert!(matches!(missing, Err(SourceError::Read { .. })));
    }
}
