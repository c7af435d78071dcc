//! How frames are restored, as configurations and command lines say it.

use clap::{ArgAction, Args, ValueEnum};
use serde::{Deserialize, Serialize};

use super::edges::Edges;
use super::fusion::TemporalOptions;
use super::regulariser::Regulariser;
use crate::frame::Layout;
use crate::keys;
use crate::optics::{Blur, Calibration, Clue, Contrast, Curve, GrayLevels, Trust};

/// How frames are restored. Whoever plans brings the model and the camera that are named here.
#[derive(Debug, Clone, PartialEq, Deserialize, Args)]
#[serde(deny_unknown_fields, default)]
pub struct RestoreOptions {
    /// A released model by name, an .onnx file, or `none` for the Wiener filter alone.
    #[arg(long, default_value = "base", value_name = "FILE")]
    pub model: String,
    /// Assumed ratio of noise to signal: spectral, or flat:EPS [default: that of the model].
    #[arg(long)]
    #[serde(deserialize_with = "keys::optional")]
    pub regulariser: Option<Regulariser>,
    /// What lies beyond the edges of a picture.
    #[arg(long, visible_alias = "boundary", value_enum, default_value = "open")]
    #[serde(alias = "boundary")]
    pub edges: Edges,
    /// Transfer curve to undo before and redo after: none, srgb, bt709, gamma:G with G from 1 to 4, or
    /// auto: that of the calibration, else what the source says; files say nothing, and none is.
    #[arg(long, value_name = "CURVE", default_value = "auto")]
    pub transfer: Curve,
    /// What is restored in full: luma, chroma by a filter of its own; or red, green and blue each by
    /// itself.
    #[arg(long, value_enum, default_value = "luma")]
    pub channels: Channels,
    /// How far networks trust the PSF: measured, estimated or guessed [default: as its calibration says,
    /// what is told without one is believed; and guessed where frames speak for another one].
    #[arg(long, value_enum)]
    pub trust: Option<Trust>,
    /// Whether frames that show more noise than is told, or another blur, overrule it; and are held back where
    /// they are not known to and what is restored is ringing or grain.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    pub guard: bool,
    /// What restores: cpu, gpu (a graphics card of NVIDIA's), or auto: whichever is faster here.
    #[arg(long, value_enum, default_value = "auto")]
    pub backend: Chosen,
    /// How much fainter than ordinary ones the pictures are: no key, it is seen.
    #[arg(skip)]
    #[serde(skip)]
    pub contrast: Contrast,
    /// Whether they speak for another PSF: likewise.
    #[arg(skip)]
    #[serde(skip)]
    pub is_doubted: bool,
    /// Whether they speak for none, so that they go on as they came: likewise.
    #[arg(skip)]
    #[serde(skip)]
    pub is_sharp: bool,
    /// Whether they have told noise and PSF, so that the guard need not look at each: likewise.
    #[arg(skip)]
    #[serde(skip)]
    pub is_seen: bool,
    /// Whether frames come at a rate, so that none may take long: likewise, by where they come from.
    #[arg(skip)]
    #[serde(skip)]
    pub is_live: bool,
    /// How frames of a scene at rest are averaged: a section of its own, for streams alone.
    #[arg(skip)]
    #[serde(skip)]
    pub temporal: TemporalOptions,
}

/// What restores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Chosen {
    /// A graphics card, where there is one and it is faster, else processors.
    #[default]
    Auto,
    /// Processors.
    Cpu,
    /// A graphics card, and nothing else.
    Gpu,
}

/// Which planes are restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// Luma; chroma by a Wiener filter of its own.
    #[default]
    Luma,
    /// Red, green and blue, each by itself; pictures of luma and chroma by luma.
    Rgb,
}

impl Default for RestoreOptions {
    fn default() -> Self {
        Self {
            model: "base".to_owned(),
            regulariser: None,
            edges: Edges::default(),
            transfer: Curve::Auto,
            channels: Channels::default(),
            trust: None,
            guard: true,
            backend: Chosen::default(),
            contrast: Contrast::USUAL,
            is_doubted: false,
            is_sharp: false,
            is_seen: false,
            is_live: false,
            temporal: TemporalOptions::default(),
        }
    }
}

impl RestoreOptions {
    /// How far the PSF is to be trusted, where that is said or seen.
    pub fn trust(&self) -> Option<Trust> {
        self.trust.or(self.is_doubted.then_some(Trust::Guessed))
    }

    /// The camera that has this `blur` and adds `noise`, of which nothing else is known.
    pub fn camera(&self, blur: impl Into<Blur>, noise: GrayLevels) -> Calibration {
        let transfer = self.transfer.resolve(None, Clue::Silent).transfer;
        Calibration { transfer, ..Calibration::new(blur, noise) }
    }
}

impl Channels {
    /// Number of planes that are restored of a picture of `layout`.
    pub const fn count(self, layout: Layout) -> usize {
        if matches!((self, layout), (Self::Rgb, Layout::Rgb)) { 3 } else { 1 }
    }
}
