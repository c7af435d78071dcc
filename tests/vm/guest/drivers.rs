//! The kernel's drivers: loaded, set, fed and broken.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use deblurd::frame::Extent;

use crate::process::run;
use crate::rig::wait_until;

/// Where drivers of the platform bus are bound to their devices and unbound from them.
const PLATFORM: &str = "/sys/bus/platform/drivers/vivid";

/// The kernel's virtual camera, unloaded when dropped.
#[derive(Debug)]
pub(crate) struct Vivid {
    is_looped: bool,
}

impl Vivid {
    /// A webcam: sizes and rates as such have them, pictures of its own.
    pub(crate) fn webcam() -> Self {
        Self::load(&["n_devs=1", "node_types=1", "num_inputs=1", "input_types=0"], false)
    }

    /// A webcam with the multi-planar interface.
    pub(crate) fn multiplanar() -> Self {
        let options =
            ["n_devs=1", "node_types=1", "num_inputs=1", "input_types=0", "multiplanar=2"];
        Self::load(&options, false)
    }

    /// Two webcams, `/dev/video0` and `/dev/video1`; one device gives both, and one stable name.
    pub(crate) fn two_webcams() -> (Self, [PathBuf; 2]) {
        let two = ["n_devs=2", "node_types=1,1", "num_inputs=1,1", "input_types=0,0"];
        let numbers = ["vid_cap_nr=0,1"];
        let vivid = Self::load(&[&two[..], &numbers].concat(), false);
        (vivid, ["/dev/video0", "/dev/video1"].map(PathBuf::from))
    }

    /// An HDMI camera that shows what is written to the device beside it, sixty times a second, byte
    /// for byte where both have the same format.
    pub(crate) fn looped() -> Self {
        let nodes = ["n_devs=1", "node_types=0x101"];
        let hdmi = ["num_inputs=1", "input_types=3", "num_outputs=1", "output_types=1"];
        let vivid = Self::load(&[&nodes[..], &hdmi[..]].concat(), true);
        // The lowest rate that the driver takes, and hardly a smaller picture; formats may be smaller.
        let timings = "--set-dv-bt-timings=cvt,width=640,height=480,fps=60";
        ctl(&vivid.camera(), &[timings]);
        ctl(&vivid.output(), &[timings]);
        // Without the second, text is drawn over the frames.
        vivid.control("loop_video", 1);
        vivid.control("osd_text_mode", 2);
        vivid
    }

    fn load(options: &[&str], is_looped: bool) -> Self {
        run("modprobe", &[&["vivid"], options].concat());
        let vivid = Self { is_looped };
        // Devices have their names once all events of theirs are dealt with.
        run("udevadm", &["settle"]);
        assert!(vivid.camera().exists(), "no camera");
        vivid
    }

    /// The camera by its stable name.
    pub(crate) fn camera(&self) -> PathBuf {
        "/dev/v4l/by-path/platform-vivid.0-video-index0".into()
    }

    /// Writes frames of a format to the other side of the camera, for ever.
    pub(crate) fn feed(&self, extent: Extent, format: &str, bytes: &[u8]) -> Feeder {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(bytes).expect("a file");
        let Extent { width, height } = extent;
        let format = format!("width={width},height={height},pixelformat={format}");
        ctl(&self.output(), &[&format!("--set-fmt-video-out={format}")]);
        let from = format!("--stream-from={}", file.path().display());
        let arguments = ["--stream-out-mmap=4", "--stream-loop", &from];
        let writer = Background::start(&mut ctl_command(&self.output(), &arguments));
        Feeder { _writer: writer, _file: file }
    }

    /// What the camera shows is written here.
    fn output(&self) -> PathBuf {
        assert!(self.is_looped, "a webcam cannot be fed");
        PathBuf::from("/dev/v4l/by-path/platform-vivid.0-video-index1")
    }

    /// Sets a control of the camera; buttons are pressed by any value.
    pub(crate) fn control(&self, name: &str, value: i32) {
        ctl(&self.camera(), &[&format!("--set-ctrl={name}={value}")]);
    }

    /// Takes the camera away, as pulling its plug does.
    pub(crate) fn unbind(&self) {
        fs::write(format!("{PLATFORM}/unbind"), "vivid.0").expect("a bound driver");
    }

    /// Brings the camera back.
    pub(crate) fn bind(&self) {
        fs::write(format!("{PLATFORM}/bind"), "vivid.0").expect("an unbound driver");
    }
}

impl Drop for Vivid {
    fn drop(&mut self) {
        unload("vivid");
    }
}

/// A device that gives to readers what a writer wrote, unloaded when dropped.
#[derive(Debug)]
pub(crate) struct Loopback {
    pub(crate) path: PathBuf,
}

impl Loopback {
    /// `/dev/videoNUMBER`. An exclusive one is a camera to readers only while somebody writes.
    pub(crate) fn load(number: u32, is_exclusive: bool) -> Self {
        let exclusive = format!("exclusive_caps={}", u8::from(is_exclusive));
        let number = format!("video_nr={number}");
        run("modprobe", &["v4l2loopback", "devices=1", "card_label=deblurd", &number, &exclusive]);
        let path = PathBuf::from(number.replace("video_nr=", "/dev/video"));
        run("udevadm", &["settle"]);
        assert!(path.exists(), "no loopback device");
        Self { path }
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        unload("v4l2loopback");
    }
}

/// A disk of its own that can be made to answer nobody, gone when dropped.
#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Disk {
    pub(crate) fn mount() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [file, path] = ["disk.img", "disk"].map(|name| folder.path().join(name));
        let [from, to] = [&file, &path].map(|path| path.to_str().expect("a path"));
        run("mke2fs", &["-q", "-t", "ext4", from, "32M"]);
        fs::create_dir(&path).expect("a folder");
        run("modprobe", &["loop"]);
        run("mount", &["-o", "loop", from, to]);
        Self { path, _folder: folder }
    }

    /// Whoever writes to it waits, and cannot even be killed.
    pub(crate) fn freeze(&self) {
        run("fsfreeze", &["--freeze", self.path.to_str().expect("a path")]);
    }

    /// Whoever waited goes on.
    pub(crate) fn thaw(&self) {
        run("fsfreeze", &["--unfreeze", self.path.to_str().expect("a path")]);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // It may be frozen, or be written to still: both would keep it, and the writer, for ever.
        for (program, option) in [("fsfreeze", "--unfreeze"), ("umount", "--lazy")] {
            drop(Command::new(program).arg(option).arg(&self.path).output());
        }
    }
}

/// Somebody who writes frames into a camera, until dropped.
#[derive(Debug)]
pub(crate) struct Feeder {
    _writer: Background,
    _file: tempfile::NamedTempFile,
}

/// A program in the background, ended when dropped.
#[derive(Debug)]
pub(crate) struct Background(Child);

impl Background {
    /// Starts a program whose output nobody wants.
    pub(crate) fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().expect("a program of the machine"))
    }

    /// Number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Runs v4l2-ctl on a device.
#[track_caller]
pub(crate) fn ctl(device: &Path, arguments: &[&str]) -> String {
    let device = device.to_str().expect("a path of the machine");
    run("v4l2-ctl", &[&["--device", device], arguments].concat())
}

/// The command by which v4l2-ctl works on a device.
pub(crate) fn ctl_command(device: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("v4l2-ctl");
    command.arg("--device").arg(device).args(arguments);
    command
}

/// Unloads a driver as soon as nobody uses it any more. One that stays would spoil the trials after
/// this one; a trial that has failed already does not fail twice.
fn unload(module: &str) {
    let is_unloaded = || {
        let output = Command::new("rmmod").arg(module).output();
        output.is_ok_and(|output| output.status.success())
    };
    if thread::panicking() {
        // Whoever holds it is ended by the same unwinding, or holds it for ever.
        let _ = (0..50).any(|_| is_unloaded() || !Path::new("/sys/module").join(module).exists());
    } else {
        wait_until("end of all use of the driver", is_unloaded);
    }
}
