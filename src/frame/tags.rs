//! What a picture file says of its picture beside the samples: restoring changes none of it, and
//! files of another kind may have no place for it.
//!
//! The samples of a picture stand as the sensor gave them, whatever an orientation says: the blur
//! belongs to the sensor's own axes. So the orientation stays what it was, too.

/// What a file says of its picture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags {
    /// EXIF, from its byte order on.
    pub exif: Option<Vec<u8>>,
    /// The orientation in it, 1 to 8, where viewers are to turn or mirror the picture.
    pub orientation: Option<u8>,
    /// ICC profile of the colours.
    pub profile: Option<Vec<u8>>,
    /// Samples a length, across and down.
    pub density: Option<Density>,
    /// Chunks of PNG that hold for the restored picture, too: their names and what is in them.
    pub chunks: Vec<([u8; 4], Vec<u8>)>,
    /// Segments of JPEG, alike: their numbers and what is in them.
    pub segments: Vec<(u8, Vec<u8>)>,
    /// Names of what could not be read.
    pub lost: Vec<&'static str>,
}

/// Samples a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Density {
    /// Across and down.
    pub samples: [u32; 2],
    /// What they are counted in; nothing where only their ratio is known.
    pub per: Option<Length>,
}

/// What samples are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// 25.4 mm.
    Inch,
    /// 1 cm.
    Centimetre,
    /// 1 m.
    Metre,
}

impl Density {
    /// Samples a metre; the ratio where nothing else is known.
    pub fn per_metre(self) -> [u32; 2] {
        self.samples.map(|samples| match self.per {
            Some(Length::Inch) => scaled(samples, 10_000, 254),
            Some(Length::Centimetre) => samples.saturating_mul(100),
            Some(Length::Metre) | None => samples,
        })
    }

    /// Samples an inch; the ratio where nothing else is known.
    pub fn per_inch(self) -> [u32; 2] {
        self.samples.map(|samples| match self.per {
            Some(Length::Metre) => scaled(samples, 254, 10_000),
            Some(Length::Centimetre) => scaled(samples, 254, 100),
            Some(Length::Inch) | None => samples,
        })
    }
}

/// `value` times a ratio, rounded.
fn scaled(value: u32, numerator: u64, denominator: u64) -> u32 {
    let scaled = (u64::from(value) * numerator + denominator / 2) / denominator;
    u32::try_from(scaled).unwrap_or(u32::MAX)
}

impl Tags {
    /// Names of all that is said, for people.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        match self.orientation {
            Some(orientation) => names.push(format!("EXIF with the orientation {orientation}")),
            None if self.exif.is_some() => names.push("EXIF".to_owned()),
            None => {}
        }
        names.extend(self.profile.is_some().then(|| "the colour profile (ICC)".to_owned()));
        names.extend(self.density.is_some().then(|| "the resolution".to_owned()));
        let chunks = self.chunks.iter().map(|(name, _)| chunk_name(name));
        let segments = self.segments.iter().map(|_| "text".to_owned());
        names.extend(chunks.chain(segments).chain(self.lost.iter().map(|&lost| lost.to_owned())));
        names.dedup();
        names
    }
}

/// What a chunk of PNG is called.
fn chunk_name(name: &[u8; 4]) -> String {
    match name {
        b"sBIT" => "the significant bits (sBIT)".to_owned(),
        b"tEXt" | b"zTXt" | b"iTXt" => "text".to_owned(),
        colour => format!("the colours ({})", String::from_utf8_lossy(colour)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn densities_keep_whole_numbers_of_dots() {
        for dpi in [72, 96, 150, 300, 600, 1200] {
            let inch = Density { samples: [dpi, dpi], per: Some(Length::Inch) };
            let metre = Density { samples: inch.per_metre(), per: Some(Length::Metre) };
            assert_eq!(metre.per_inch(), [dpi, dpi]);
        }
        let ratio = Density { samples: [4, 3], per: None };
        assert_eq!((ratio.per_metre(), ratio.per_inch()), ([4, 3], [4, 3]));
        let centimetre = Density { samples: [118, 118], per: Some(Length::Centimetre) };
        assert_eq!((centimetre.per_metre()[0], centimetre.per_inch()[0]), (11_800, 300));
    }
}
