//! The planes that a frame is restored on.

use crate::frame::{Extent, Plane};

/// The planes of a frame, one set a channel.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Luma alone, or red, green and blue.
    pub(crate) channels: Vec<Channel>,
}

/// The planes of one channel; all have the extended extent and, but for `mean`, zero mean.
#[derive(Debug)]
pub(crate) struct Channel {
    /// Mean of the captured channel, set aside from every plane below.
    pub(crate) mean: f32,
    /// The blurred plane `y`, extended to the extent of the transforms.
    pub(crate) y: Plane<f32>,
    /// Lamps that were set aside from `y`, and come back at the end; of use where [`Channel::has_lamps`].
    pub(crate) beyond: Plane<f32>,
    /// Whether they were looked for.
    pub(crate) has_lamps: bool,
    /// Whether there are any.
    pub(crate) is_lit: bool,
    /// The Wiener estimate `x_w`.
    pub(crate) x_w: Plane<f32>,
    /// The same with a tenth of the regulariser; empty where no network wants it.
    pub(crate) weak: Plane<f32>,
    /// What networks are told of the noise, where it differs from place to place; empty elsewhere.
    pub(crate) sigma: Plane<f32>,
    /// The residual network's output `f`.
    pub(crate) f: Plane<f32>,
    /// The restored plane `g`, once there is one.
    pub(crate) g: Plane<f32>,
}

/// The newest estimate of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Estimate {
    /// `x_w`, which is also `g_0`.
    Wiener,
    /// `g`, of the last network that did not fail.
    Networks,
}

impl Workspace {
    /// Planes of `extent` for `channels` channels, the weak estimate among them where `has_weak`.
    pub(crate) fn new(extent: Extent, channels: usize, has_weak: bool) -> Self {
        Self { channels: (0..channels).map(|_| Channel::new(extent, has_weak)).collect() }
    }

    /// The same with planes for what networks are told of the noise.
    pub(crate) fn with_sigma(mut self) -> Self {
        for Channel { y, sigma, .. } in &mut self.channels {
            *sigma = Plane::new(y.extent(), 0.0);
        }
        self
    }
}

impl Channel {
    fn new(extent: Extent, has_weak: bool) -> Self {
        let plane = || Plane::new(extent, 0.0);
        Self {
            mean: 0.0,
            has_lamps: false,
            is_lit: false,
            y: plane(),
            beyond: plane(),
            x_w: plane(),
            weak: if has_weak { plane() } else { Plane::default() },
            sigma: Plane::default(),
            f: plane(),
            g: plane(),
        }
    }

    /// The plane of an estimate.
    pub(crate) fn estimate(&self, newest: Estimate) -> &Plane<f32> {
        match newest {
            Estimate::Wiener => &self.x_w,
            Estimate::Networks => &self.g,
        }
    }
}
