//! What a stream says of itself beside its format and rate. Restoring changes none of it.

/// Words of a stream about itself, for whoever writes it out again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamNotes {
    /// Whether the stream says that its rate is unknown.
    pub is_rate_unknown: bool,
    /// Order of the fields of a frame: `p` progressive, `t` and `b` top or bottom field first, `m`
    /// mixed, `?` unknown.
    pub interlacing: Option<String>,
    /// Width to height of a pixel, `16:15`; `0:0` is unknown.
    pub aspect: Option<String>,
    /// Name of the colour space, which also says where chroma samples lie: `420mpeg2`.
    pub colours: Option<String>,
    /// What else there is, each a name of its maker's with a value.
    pub others: Vec<String>,
}

impl StreamNotes {
    /// Whether frames are woven from two moments.
    pub fn is_interlaced(&self) -> bool {
        self.interlacing.as_deref().is_some_and(|order| ["t", "b", "m"].contains(&order))
    }
}
