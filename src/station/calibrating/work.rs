//! The thread that calibrates: one thing after another.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bench::Bench;
use super::find;
use super::post::Post;
use super::settings::Settings;
use crate::calibrate::target::{
    FRAMES_MAX, Found, Gathering, Hint, Look, Options, Pattern, TargetError,
};
use crate::config::SourceConfig;
use crate::frame::Picture;
use crate::metrics::{CalibratingPhase, CalibratingSnapshot};
use crate::sink::write_whole;

/// How long nobody may look before it is over.
const UNSEEN: Duration = Duration::from_secs(20);
/// How long frames are gathered, at most.
const GATHERING: Duration = Duration::from_secs(180);
/// How long the camera may give no picture while frames are gathered.
const SILENCE: Duration = Duration::from_secs(20);
/// Time between two frames that are looked at, at least: neighbours show the same.
const PAUSE: Duration = Duration::from_millis(100);
/// Time between two questions whether a frame has come.
const GLANCE: Duration = Duration::from_millis(10);
/// Parts of the frame of which is told how well they are covered where one PSF is sought.
const LIGHTS: (usize, usize) = (3, 3);

/// Does what is wanted.
pub(super) struct Work {
    bench: Bench,
    post: Arc<Post>,
    pattern: Pattern,
}

/// One time that somebody looks, or frames are gathered.
struct Session<'a> {
    gathering: Gathering<'a>,
    options: Options,
    /// Since when frames are kept, where they are.
    kept_since: Option<Instant>,
    /// When the camera last gave a picture.
    alive: Instant,
    /// What would help as of the last frame.
    hints: Vec<Hint>,
    /// What the camera says of itself.
    notes: Vec<String>,
}

impl Work {
    pub(super) fn new(bench: Bench, post: Arc<Post>) -> Self {
        Self { bench, post, pattern: Pattern::default() }
    }

    pub(super) fn run(self) {
        loop {
            self.post.wait(|it| it.is_over || it.save || it.is_looked_at(UNSEEN));
            if self.post.wanted().is_over {
                return;
            }
            if std::mem::take(&mut self.post.wanted().save) {
                self.save();
                continue;
            }
            self.look();
        }
    }

    /// Looks at frames until nobody does any more.
    fn look(&self) {
        self.tell(|told| told.phase = CalibratingPhase::Looking);
        let mut session = self.session(None);
        // One that came after the last look is old.
        drop(self.bench.tap.take());
        let mut spare = Some(Picture::new(self.bench.format));
        loop {
            self.heed(&mut session);
            if std::mem::take(&mut self.post.wanted().save) {
                self.save();
            }
            if self.post.wanted().ends(UNSEEN) {
                break;
            }
            let asked = Instant::now();
            match self.next(&mut spare) {
                Some(picture) => {
                    session.alive = asked;
                    self.see(&mut session, &picture);
                    spare = Some(picture);
                }
                None => self.tell(|told| told.hints = vec![self.silence()]),
            }
            if let Some(problem) = self.judge(&mut session) {
                self.give_up(&mut session, problem);
            }
            self.post.pause(PAUSE.saturating_sub(asked.elapsed()));
        }
        let was_gathering = session.kept_since.is_some();
        self.tell(|told| {
            *told = CalibratingSnapshot {
                file: told.file.take(),
                found: told.found.take(),
                saved: std::mem::take(&mut told.saved),
                problem: std::mem::take(&mut told.problem),
                ..CalibratingSnapshot::default()
            };
            if was_gathering {
                told.problem = "nobody looked at it any more".to_owned();
            }
        });
    }

    /// Begins, or breaks off, where that is wanted.
    fn heed<'a>(&'a self, session: &mut Session<'a>) {
        let (begin, is_cancelled) = {
            let mut wanted = self.post.wanted();
            (wanted.begin.take(), std::mem::take(&mut wanted.is_cancelled))
        };
        if is_cancelled && session.kept_since.is_some() {
            self.give_up(session, TargetError::BrokenOff.to_string());
        }
        if let Some(grid) = begin {
            self.post.wanted().is_enough = false;
            *session = self.session(Some(grid));
            self.tell(|told| {
                told.phase = CalibratingPhase::Gathering;
                told.problem.clear();
            });
        }
    }

    /// A session that keeps frames for a grid of PSFs, or none.
    fn session(&self, keeps: Option<(usize, usize)>) -> Session<'_> {
        let options = Options { curve: None, grid: keeps.unwrap_or((1, 1)) };
        let lights = if options.grid == (1, 1) { LIGHTS } else { options.grid };
        let gathering = Gathering::new(&self.pattern, &options, lights);
        self.tell(|told| {
            told.lights = [lights.0, lights.1];
            told.frames_max = FRAMES_MAX;
            told.frames = 0;
        });
        let kept_since = keeps.map(|_| Instant::now());
        let alive = Instant::now();
        Session {
            gathering,
            options,
            kept_since,
            alive,
            hints: Vec::new(),
            notes: self.settings().notes,
        }
    }

    fn settings(&self) -> Settings {
        match &self.bench.source {
            SourceConfig::V4l2(options) => Settings::of(&options.device),
            _ => Settings::default(),
        }
    }

    /// The next frame, where one comes within a second; `spare` is what it is copied into.
    fn next(&self, spare: &mut Option<Picture>) -> Option<Picture> {
        let tap = &self.bench.tap;
        if let Some(picture) = spare.take() {
            tap.ask(picture);
        }
        let asked = Instant::now();
        while asked.elapsed() < Duration::from_secs(1) && !self.post.wanted().breaks_off() {
            if let Some(picture) = tap.take() {
                return Some(picture);
            }
            std::thread::sleep(GLANCE);
        }
        None
    }

    /// Looks at a frame, keeps it where that is wanted, and tells what it shows.
    fn see(&self, session: &mut Session<'_>, picture: &Picture) {
        let gathering = &mut session.gathering;
        let look = match session.kept_since {
            Some(_) => gathering.take(picture),
            None => gathering.look(picture),
        };
        let Look { found, hints } = look;
        let seen = found.as_ref().map(|found| gathering.coverage_of(picture.extent(), found));
        let words = hints.iter().map(Hint::to_string).chain(session.notes.iter().cloned());
        let words: Vec<String> = words.collect();
        self.tell(|told| {
            told.extent = Some(picture.extent());
            told.corners = found.as_ref().map_or_else(Vec::new, |found| found.corners.clone());
            told.outline = found.as_ref().map_or_else(Vec::new, |found| self.outline(found));
            told.hints = words;
            told.seen = seen.unwrap_or_default();
            told.covered = gathering.coverage().collect();
            told.frames = gathering.frames();
        });
        session.hints = hints;
    }

    /// The four corners of the target in a frame.
    fn outline(&self, found: &Found) -> Vec<[f64; 2]> {
        let extent = self.pattern.extent();
        let (width, height) = (extent.width as f64, extent.height as f64);
        let corners = [[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]];
        corners.iter().filter_map(|&corner| found.geometry.point(corner)).collect()
    }

    /// Finds the blur once there are frames enough; why there will be none, where that is so.
    fn judge<'a>(&'a self, session: &mut Session<'a>) -> Option<String> {
        let since = session.kept_since?;
        let (frames, silence) = (session.gathering.frames(), session.alive.elapsed());
        if frames == 0 && silence >= SILENCE {
            return Some(self.silence());
        }
        let is_late = since.elapsed() >= GATHERING || silence >= SILENCE;
        let is_enough = self.post.wanted().is_enough;
        if frames > 0 && (session.gathering.is_complete() || is_late || is_enough) {
            return self.estimate(session).err();
        }
        if is_late || is_enough {
            let hints: Vec<String> = session.hints.iter().map(Hint::to_string).collect();
            let hints = hints.join(", ");
            return Some(format!("the camera does not see the target well: {hints}"));
        }
        None
    }

    /// Finds the blur in the frames that were gathered.
    fn estimate<'a>(&'a self, session: &mut Session<'a>) -> Result<(), String> {
        self.tell(|told| told.phase = CalibratingPhase::Estimating);
        let goes_on = || !self.post.wanted().breaks_off();
        let (groups, settings) = (session.gathering.groups(), self.settings());
        let found =
            find::find(&self.bench, &groups, &self.pattern, &session.options, settings, &goes_on);
        let (found, artefacts) = found?;
        self.bench.metrics.calibrating.find(found, artefacts);
        *session = self.session(None);
        self.tell(|told| told.phase = CalibratingPhase::Looking);
        Ok(())
    }

    /// Ends the gathering without a calibration.
    fn give_up<'a>(&'a self, session: &mut Session<'a>, problem: String) {
        self.post.wanted().is_cancelled = false;
        *session = self.session(None);
        self.tell(|told| {
            told.phase = CalibratingPhase::Looking;
            told.problem = problem;
        });
    }

    fn silence(&self) -> String {
        let source = self.bench.metrics.source.snapshot();
        let problem = if source.problem.is_empty() { "" } else { ": " };
        format!(
            "no picture comes: the camera is {}{problem}{}",
            source.state.name(),
            source.problem
        )
    }

    /// Writes what was found where the configuration says.
    fn save(&self) {
        let saved = match &self.bench.file {
            None => "not written: the configuration names no file ([calibrate] file)".to_owned(),
            Some(file) => self.write(file),
        };
        self.tell(|told| told.saved = saved);
    }

    fn write(&self, file: &Path) -> String {
        let bytes = self.bench.metrics.calibrating.artefacts().calibration;
        if bytes.is_empty() {
            return "not written: nothing was found yet".to_owned();
        }
        match write_whole(file, |out| out.write_all(&bytes)) {
            Ok(()) => format!("written: {}", file.display()),
            Err(error) => format!("not written: {error}"),
        }
    }

    fn tell(&self, change: impl FnOnce(&mut CalibratingSnapshot)) {
        self.bench.metrics.calibrating.update(change);
    }
}
