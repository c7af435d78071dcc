//! Which video devices there are, and the names that stay with them.
//!
//! `/dev/video0` may be another camera after the next boot. The links that udev keeps in
//! `/dev/v4l/by-id` follow a camera from port to port, those in `by-path` a port whatever is in it.

use std::fs;
use std::path::{Path, PathBuf};

/// A video device by all its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// As the kernel numbers it.
    pub path: PathBuf,
    /// Names that follow the device.
    pub by_id: Vec<PathBuf>,
    /// Names that follow the port.
    pub by_path: Vec<PathBuf>,
}

impl Node {
    /// All video devices, by their numbers.
    pub fn all() -> Vec<Self> {
        Self::all_in(Path::new("/dev"))
    }

    /// The device that a name leads to, with all its names.
    pub fn of(name: &Path) -> Self {
        let path = fs::canonicalize(name).unwrap_or_else(|_| name.to_owned());
        Self::named(path, Path::new("/dev"))
    }

    /// The name that stays longest.
    pub fn stable(&self) -> &Path {
        self.by_id.first().or(self.by_path.first()).unwrap_or(&self.path)
    }

    fn all_in(dev: &Path) -> Vec<Self> {
        let names = entries(dev);
        let number = |path: &PathBuf| -> Option<u32> {
            path.file_name()?.to_str()?.strip_prefix("video")?.parse().ok()
        };
        let mut numbered: Vec<_> =
            names.into_iter().filter_map(|path| Some((number(&path)?, path))).collect();
        numbered.sort_unstable();
        numbered.into_iter().map(|(_, path)| Self::named(path, dev)).collect()
    }

    fn named(path: PathBuf, dev: &Path) -> Self {
        let target = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        let links = |folder: &str| {
            let leads_here = |link: &PathBuf| fs::canonicalize(link).is_ok_and(|to| to == target);
            let mut links: Vec<_> =
                entries(&dev.join("v4l").join(folder)).into_iter().filter(leads_here).collect();
            links.sort_unstable();
            links
        };
        Self { by_id: links("by-id"), by_path: links("by-path"), path }
    }
}

/// What is in a folder; nothing where there is none.
fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn devices_are_found_with_the_names_that_stay() {
        let dev = tempfile::tempdir().expect("a temporary folder");
        let dev = dev.path().canonicalize().expect("its path");
        for folder in ["v4l/by-id", "v4l/by-path"] {
            fs::create_dir_all(dev.join(folder)).expect("a folder");
        }
        for name in ["video10", "video2", "videotape", "null"] {
            fs::write(dev.join(name), "").expect("a file");
        }
        symlink("../../video2", dev.join("v4l/by-id/usb-A-index0")).expect("a link");
        symlink("../../video2", dev.join("v4l/by-path/pci-0-index0")).expect("a link");
        symlink("../../video10", dev.join("v4l/by-path/pci-1-index0")).expect("a link");
        symlink("../../video7", dev.join("v4l/by-path/dangling")).expect("a link");
        let nodes = Node::all_in(&dev);
        let stable: Vec<_> = nodes.iter().map(Node::stable).collect();
        assert_eq!(
            stable,
            [dev.join("v4l/by-id/usb-A-index0"), dev.join("v4l/by-path/pci-1-index0")]
        );
        assert_eq!(nodes[0].path, dev.join("video2"));
        assert_eq!(nodes[0].by_path, [dev.join("v4l/by-path/pci-0-index0")]);
        assert_eq!(Node::all_in(&dev.join("nowhere")), []);
    }
}
