//! What a JPEG picture's coder took from its luma, as its quantisation table tells.
//!
//! A coefficient is rounded to a multiple of its step `q`, which adds noise of variance `q^2 / 12`. The
//! lowest frequencies decide: blurred pictures have little beyond, and what there was of grain is gone.

const SOI: [u8; 2] = [0xFF, 0xD8];
const DQT: u8 = 0xDB;
const SOS: u8 = 0xDA;

/// Entries, in the order of the file (from low to high frequencies), that are averaged.
const LOWEST: usize = 15;

/// Deviation of what was rounded of luma in gray levels; `None` where the bytes do not say.
pub fn coding_noise(bytes: &[u8]) -> Option<f32> {
    let (mut tables, mut of_luma) = ([None; 4], None);
    let mut rest = bytes.strip_prefix(&SOI)?;
    while let Some((&[0xFF, marker], after)) = rest.split_first_chunk() {
        if marker == 0xFF {
            rest = &rest[1..];
            continue;
        }
        let length = usize::from(u16::from_be_bytes(*after.first_chunk()?)).max(2);
        let body = after.get(2..length)?;
        match marker {
            DQT => note_tables(body, &mut tables)?,
            0xC0..=0xC3 => of_luma = Some(usize::from(*body.get(8)?)),
            SOS => break,
            _ => {}
        }
        rest = after.get(length..)?;
    }
    let steps = *tables.get(of_luma?)?;
    steps.map(|mean_square: f32| (mean_square / 12.0).sqrt())
}

/// Notes the mean square of the lowest entries of each table of a segment.
fn note_tables(mut body: &[u8], tables: &mut [Option<f32>; 4]) -> Option<()> {
    while let Some((&head, rest)) = body.split_first() {
        let bytes = if head >> 4 == 0 { 1 } else { 2 };
        let (entries, behind) = rest.split_at_checked(64 * bytes)?;
        let step =
            |entry: &[u8]| entry.iter().fold(0.0, |step, &byte| step * 256.0 + f32::from(byte));
        let squares = entries.chunks_exact(bytes).take(LOWEST).map(|entry| step(entry).powi(2));
        let mean = squares.sum::<f32>() / LOWEST as f32;
        *tables.get_mut(usize::from(head & 15))? = Some(mean);
        body = behind;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture up to its samples: a table for chroma, then one for luma of `step` in `bytes` each.
    fn header(step: u16, bytes: usize) -> Vec<u8> {
        let table = |id: u8, step: u16| -> Vec<u8> {
            let entry = &step.to_be_bytes()[2 - bytes..];
            let head = u8::from(bytes == 2) << 4 | id;
            [vec![head], entry.repeat(64)].concat()
        };
        let segment = |marker: u8, body: &[u8]| -> Vec<u8> {
            let length = u16::try_from(body.len() + 2).expect("a short one").to_be_bytes();
            [&[0xFF, marker], &length[..], body].concat()
        };
        let frame = [8, 0, 8, 0, 8, 3, 1, 0x22, 1, 2, 0x11, 0, 3, 0x11, 0];
        let parts = [
            SOI.to_vec(),
            segment(DQT, &[table(0, 99), table(1, step)].concat()),
            segment(0xC0, &frame),
            segment(SOS, &[3, 1, 0, 2, 0, 3, 0, 0, 63, 0]),
        ];
        parts.concat()
    }

    #[test]
    fn the_steps_of_luma_are_noise() {
        let close = |is: Option<f32>, expected: f32| {
            assert!(is.is_some_and(|is| (is - expected).abs() < 1e-4), "{is:?}, not {expected}");
        };
        close(coding_noise(&header(12, 1)), 12.0 / 12.0_f32.sqrt());
        close(coding_noise(&header(300, 2)), 300.0 / 12.0_f32.sqrt());
    }

    #[test]
    fn bytes_that_do_not_say_are_none() {
        let whole = header(12, 1);
        for end in 0..whole.len() - 20 {
            assert_eq!(coding_noise(&whole[..end]), None, "cut at {end}");
        }
        assert_eq!(coding_noise(b"\x89PNG"), None);
    }
}
