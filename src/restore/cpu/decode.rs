//! First step: from the samples of a picture to extended, mean-free planes of light, averaged over frames
//! where the scene rests, without lamps beyond white.

use std::sync::Arc;

use super::faults::Mending;
use super::fusion::Fuser;
use super::highlights::Peel;
use super::margin::Margin;
use super::rows::{RowSums, for_rows};
use super::stripes::Levelling;
use super::workspace::{Channel, Workspace};
use crate::executor::Executor;
use crate::frame::colour::luma_row;
use crate::frame::{Layout, Picture, Plane};
use crate::optics::Contrast;
use crate::plan::{Framing, ToneCurve};
use crate::restore::{Lamps, Mended, Striped};

/// Fills the `y` planes of a workspace.
pub(crate) struct Decode {
    curve: Arc<ToneCurve>,
    /// What brings the frame to the amplitudes of ordinary ones, once the lamps are taken away.
    gain: f32,
    mending: Option<Mending>,
    levelling: Option<Levelling>,
    /// One a channel.
    peels: Vec<Peel>,
    /// One a channel where frames are averaged, none else.
    pub(crate) fusers: Vec<Fuser>,
    framing: Framing,
    margin: Margin,
    executor: Arc<dyn Executor>,
    sums: RowSums,
}

/// What was wrong with a frame.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// Samples that were faults of the sensor.
    pub(crate) mended: Mended,
    /// Stripes that were taken away.
    pub(crate) striped: Striped,
    /// Where light beyond white was looked for.
    pub(crate) lamps: Lamps,
}

impl Decode {
    pub(crate) fn new(
        curve: Arc<ToneCurve>,
        contrast: Contrast,
        (mending, levelling): (Option<Mending>, Option<Levelling>),
        peels: Vec<Peel>,
        (framing, margin): (Framing, Margin),
        executor: Arc<dyn Executor>,
    ) -> Self {
        let sums = RowSums::new(framing.inner.height);
        #[expect(clippy::cast_possible_truncation, reason = "samples are f32")]
        let gain = (1.0 / contrast.get()) as f32;
        let fusers = Vec::new();
        Self { curve, gain, mending, levelling, peels, fusers, framing, margin, executor, sums }
    }

    /// The same with averages over frames.
    pub(crate) fn with_fusers(self, fusers: Vec<Fuser>) -> Self {
        Self { fusers, ..self }
    }

    /// Fills the planes with the light of a picture, without its lamps where there is time to `peel`; what
    /// was wrong with it.
    pub(crate) fn run(&mut self, picture: &Picture, peel: bool, work: &mut Workspace) -> Seen {
        let is_luma = is_luma_of_rgb(work, picture.format().layout);
        let mut all = Seen::default();
        for (index, channel) in work.channels.iter_mut().enumerate() {
            let Seen { mended, striped, lamps } =
                self.decode(picture, index, (is_luma, peel), channel);
            all.mended.samples += mended.samples;
            all.mended.known += mended.known;
            all.lamps.tiles += lamps.tiles;
            all.lamps.postponed += lamps.postponed;
            all.striped.rows = all.striped.rows.max(striped.rows);
            all.striped.columns = all.striped.columns.max(striped.columns);
        }
        all
    }

    /// Nothing of the frames before enters the next one.
    pub(crate) fn forget(&mut self) {
        self.fusers.iter_mut().for_each(Fuser::forget);
        self.mending.iter_mut().for_each(Mending::forget);
        self.peels.iter_mut().for_each(Peel::forget);
    }

    fn decode(
        &mut self,
        picture: &Picture,
        index: usize,
        (is_luma, peel): (bool, bool),
        channel: &mut Channel,
    ) -> Seen {
        let is_fused = index < self.fusers.len();
        self.for_rows(&mut channel.y, &|y, row| {
            self.load(picture, index, is_luma, y, row);
            self.mark(index, (y, row), peel && !is_fused);
        });
        // Before the average: neither a hot pixel nor a stripe is averaged in.
        let seen = if is_luma { picture.planes() } else { &picture.planes()[index..=index] };
        let mending = self.mending.as_mut();
        let run = |mending: &mut Mending| mending.run(index, seen, &mut channel.y);
        let mended = mending.map_or_else(Mended::default, run);
        let (levelling, sums) = (self.levelling.as_mut(), &self.sums);
        let mut are_summed = levelling.is_some();
        let striped = levelling.map_or_else(Striped::default, |it| it.run(&mut channel.y, sums));
        if let Some(fuser) = self.fusers.get_mut(index) {
            // Before lamps are looked for: what is found of them is another light in every frame, and noise
            // about white is no lamp in the average.
            fuser.run(&mut channel.y);
            are_summed = false;
            self.for_rows(&mut channel.y, &|y, row| self.mark(index, (y, row), peel));
        }
        let lamps = self.peels[index].run(&mut channel.y, &mut channel.beyond);
        channel.has_lamps = lamps.tiles > 0;
        channel.is_lit = lamps.tiles > 0 && self.peels[index].is_lit();
        if !are_summed || channel.has_lamps || striped != Striped::default() {
            self.for_rows(&mut channel.y, &|y, row| self.sums.add_up(y, row));
        }
        channel.mean = self.sums.mean(self.framing.inner.area());
        let (mean, gain) = (channel.mean, self.gain);
        self.for_rows(&mut channel.y, &|_, row| {
            row.iter_mut().for_each(|sample| *sample = (*sample - mean) * gain);
        });
        self.margin.fill(&mut channel.y);
        Seen { mended, striped, lamps }
    }

    /// Marks the lamps of a row, where they are to be set aside.
    fn mark(&self, index: usize, (y, row): (usize, &[f32]), peel: bool) {
        if peel {
            self.peels[index].mark(y, row);
        }
    }

    /// Fills a row with the light of row `y` of the picture.
    fn load(&self, picture: &Picture, index: usize, is_luma: bool, y: usize, row: &mut [f32]) {
        if is_luma {
            let luma = luma_row(picture.planes(), y).map(|sample| self.curve.encoded(sample));
            row.iter_mut().zip(luma).for_each(|(value, luma)| *value = luma);
            self.curve.decode(row);
        } else {
            self.curve.lights(picture.planes()[index].row(y), row);
        }
    }

    /// Has `work` done on the rows of the frame, of these indices, where they lie in `extended`.
    fn for_rows(&self, extended: &mut Plane<f32>, work: &(dyn Fn(usize, &mut [f32]) + Sync)) {
        for_rows(&*self.executor, self.framing, extended, work);
    }
}

/// Whether the one channel is the luma of red, green and blue planes.
pub(crate) fn is_luma_of_rgb(work: &Workspace, layout: Layout) -> bool {
    work.channels.len() == 1 && layout == Layout::Rgb
}
