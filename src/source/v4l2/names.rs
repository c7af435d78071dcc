//! The name by which a camera is found again.
//!
//! `/dev/video3` is whichever camera came fourth. udev keeps links that stay with a camera, in
//! `by-id` (its maker, model and serial number) and `by-path` (where it is plugged in). A camera
//! that was asked for by its number is looked for by such a link after it was opened once: unplugged
//! and plugged in again it may have another number, and its old number may be another camera's.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders of links, the one that survives another socket first.
const FOLDERS: [&str; 2] = ["/dev/v4l/by-id", "/dev/v4l/by-path"];

/// The names of a camera.
#[derive(Debug, Clone)]
pub(super) struct Names {
    asked_for: PathBuf,
    stable: Option<PathBuf>,
}

impl Names {
    pub(super) fn new(asked_for: PathBuf) -> Self {
        Self { asked_for, stable: None }
    }

    /// The name to open the camera by.
    pub(super) fn path(&self) -> &Path {
        self.stable.as_deref().unwrap_or(&self.asked_for)
    }

    /// Looks for a link that stays with the camera that was opened as `node`.
    pub(super) fn learn(&mut self, node: &Path) {
        if self.stable.is_none() && self.asked_for == node {
            self.stable = FOLDERS.iter().find_map(|folder| link_to(node, Path::new(folder)));
            if let Some(link) = &self.stable {
                log::info!("{} will be found again as {}", node.display(), link.display());
            }
        }
    }
}

/// The first link in `folder`, by name, that leads to `node`.
fn link_to(node: &Path, folder: &Path) -> Option<PathBuf> {
    let links = fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    links.filter(|link| fs::canonicalize(link).is_ok_and(|target| target == node)).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_found_by_where_they_lead() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a path");
        let (first, second, links) = (root.join("video0"), root.join("video1"), root.join("by-id"));
        fs::create_dir(&links).expect("a folder");
        for node in [&first, &second] {
            fs::write(node, "").expect("a file");
        }
        symlink("../video1", links.join("usb-b-index0")).expect("a link");
        symlink("../video1", links.join("usb-a-index0")).expect("a link");
        symlink("../video7", links.join("usb-gone")).expect("a link");
        assert_eq!(link_to(&second, &links), Some(links.join("usb-a-index0")));
        assert_eq!(link_to(&first, &links), None);
        assert_eq!(link_to(&first, &root.join("none")), None);
    }

    #[test]
    fn a_name_that_was_given_is_kept() {
        let mut names = Names::new("/dev/v4l/by-id/usb-camera".into());
        names.learn(Path::new("/dev/video0"));
        assert_eq!(names.path(), Path::new("/dev/v4l/by-id/usb-camera"));
    }
}
