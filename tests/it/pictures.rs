//! Picture files, good and bad, through the public face of `source`.

use std::fs;
use std::io::Cursor;
use std::path::PathBuf;

use deblurd::frame::{Extent, Layout, Picture};
use deblurd::sink::encode_png;
use deblurd::source::{
    FilesOptions, FilesSource, Filled, Source, SourceError, decode_picture, read_picture,
};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

use crate::harness::{apply, trial};

fn decoded(bytes: &[u8]) -> Result<Picture, SourceError> {
    decode_picture(bytes, "test.picture".as_ref())
}

#[track_caller]
fn check_reads(bytes: &[u8], layout: Layout, depth: u8) -> Picture {
    let picture = decoded(bytes).expect("a picture");
    assert_eq!((picture.format().layout, picture.format().depth), (layout, depth));
    picture
}

/// The error must name the file and contain `words`.
#[track_caller]
fn check_refused(bytes: &[u8], words: &str) {
    let error = decoded(bytes).expect_err("a refusal").to_string();
    assert!(error.starts_with("test.picture: ") && error.contains(words), "{error}");
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("an encoded picture");
    bytes.into_inner()
}

fn byte(value: u32) -> u8 {
    u8::try_from(value).expect("a sample")
}

#[apply(trial)]
fn kinds_of_png_are_read() {
    let rgb = RgbImage::from_fn(5, 3, |x, y| Rgb([byte(x), byte(y), 200]));
    let image = DynamicImage::ImageRgb8(rgb);
    for (kind, layout, depth) in [
        (DynamicImage::ImageLuma8(image.to_luma8()), Layout::Gray, 8),
        (DynamicImage::ImageLumaA8(image.to_luma_alpha8()), Layout::Gray, 8),
        (DynamicImage::ImageLuma16(image.to_luma16()), Layout::Gray, 16),
        (DynamicImage::ImageRgb8(image.to_rgb8()), Layout::Rgb, 8),
        (DynamicImage::ImageRgba8(image.to_rgba8()), Layout::Rgb, 8),
        (DynamicImage::ImageRgb16(image.to_rgb16()), Layout::Rgb, 16),
        (DynamicImage::ImageRgba16(image.to_rgba16()), Layout::Rgb, 16),
    ] {
        let picture = check_reads(&encoded(&kind, ImageFormat::Png), layout, depth);
        assert_eq!(picture.extent(), Extent::new(5, 3));
        let scale = if depth == 16 { 257 } else { 1 };
        if layout == Layout::Rgb {
            assert_eq!(picture.planes()[0].row(2), [0, 1, 2, 3, 4].map(|x| x * scale));
            assert_eq!(picture.planes()[1].row(2), [2 * scale; 5]);
            assert_eq!(picture.planes()[2].row(2), [200 * scale; 5]);
        }
    }
}

#[apply(trial)]
fn palettes_are_expanded() {
    // 2x1, two palette entries of one bit: red, blue.
    let header = [0, 0, 0, 2, 0, 0, 0, 1, 1, 3, 0, 0, 0];
    let png = png_of(&[
        (b"IHDR", &header),
        (b"PLTE", &[255, 0, 0, 0, 0, 255]),
        (b"IDAT", &stored(&[0, 0b0100_0000])),
        (b"IEND", &[]),
    ]);
    let picture = check_reads(&png, Layout::Rgb, 8);
    assert_eq!(picture.planes()[0].samples(), [255, 0]);
    assert_eq!(picture.planes()[2].samples(), [0, 255]);
}

#[apply(trial)]
fn kinds_of_jpeg_are_read() {
    let gray = DynamicImage::new_luma8(9, 7);
    check_reads(&encoded(&gray, ImageFormat::Jpeg), Layout::Gray, 8);
    let rgb = DynamicImage::new_rgb8(9, 7);
    check_reads(&encoded(&rgb, ImageFormat::Jpeg), Layout::Rgb, 8);
}

#[apply(trial)]
fn cmyk_becomes_rgb() {
    use jpeg_encoder::{ColorType, Encoder};
    for colour_type in [ColorType::Cmyk, ColorType::CmykAsYcck] {
        // Cyan, magenta, yellow and black ink: a white field.
        let mut jpeg = Vec::new();
        let paper = [0; 8 * 8 * 4];
        Encoder::new(&mut jpeg, 95).encode(&paper, 8, 8, colour_type).expect("a JPEG");
        let picture = check_reads(&jpeg, Layout::Rgb, 8);
        assert_eq!(picture.extent(), Extent::new(8, 8));
        let dimmest = picture.planes().iter().flat_map(|plane| plane.samples()).min();
        assert!(dimmest > Some(&250), "{colour_type:?}: paper without ink is {dimmest:?}");
    }
}

#[apply(trial)]
fn one_pixel_is_a_picture() {
    let picture =
        check_reads(&encoded(&DynamicImage::new_luma8(1, 1), ImageFormat::Png), Layout::Gray, 8);
    assert_eq!(picture.planes()[0].samples(), [0]);
    assert_eq!(decoded(&encode_png(&picture).expect("a PNG")).expect("a picture"), picture);
}

#[apply(trial)]
fn every_cut_of_a_png_is_refused() {
    let image = DynamicImage::ImageRgb8(RgbImage::from_fn(16, 16, |x, y| Rgb([byte(x * y); 3])));
    let png = encoded(&image, ImageFormat::Png);
    // The last chunk says only that it is the last.
    for length in 0..png.len() - 12 {
        assert!(decoded(&png[..length]).is_err(), "{length} of {} bytes were read", png.len());
    }
}

#[apply(trial)]
fn every_cut_of_a_jpeg_is_refused() {
    let image = DynamicImage::ImageRgb8(RgbImage::from_fn(16, 16, |x, y| Rgb([byte(x * y); 3])));
    let jpeg = encoded(&image, ImageFormat::Jpeg);
    check_cuts(&jpeg);
}

/// Every cut must be refused as such, but for those of the end marker, which the picture does not
/// need.
#[track_caller]
fn check_cuts(jpeg: &[u8]) {
    for length in 4..jpeg.len() - 2 {
        check_refused(&jpeg[..length], "cut short");
    }
    let whole = decoded(jpeg).expect("a picture");
    for length in [jpeg.len() - 2, jpeg.len() - 1] {
        assert_eq!(decoded(&jpeg[..length]).expect("a picture without its end"), whole);
    }
}

/// A coloured picture with detail, in several scans where it is progressive.
fn detailed_jpeg(progressive: bool, restarts: u16) -> Vec<u8> {
    let (mut jpeg, side) = (Vec::new(), 40_u16);
    let samples: Vec<u8> = (0..u32::from(side).pow(2) * 3).map(|i| byte(i * i / 7 % 251)).collect();
    let mut encoder = jpeg_encoder::Encoder::new(&mut jpeg, 85);
    encoder.set_progressive(progressive);
    encoder.set_restart_interval(restarts);
    encoder.encode(&samples, side, side, jpeg_encoder::ColorType::Rgb).expect("a JPEG");
    jpeg
}

#[apply(trial)]
fn jpegs_that_viewers_open_are_read() {
    for (progressive, restarts) in [(false, 0), (false, 2), (true, 0)] {
        let jpeg = detailed_jpeg(progressive, restarts);
        let whole = decoded(&jpeg).expect("a picture");
        let unended = &jpeg[..jpeg.len() - 2];
        let (start, tables) = jpeg.split_at(20);
        let thumbnail = encoded(&DynamicImage::new_rgb8(8, 8), ImageFormat::Jpeg);
        for (what, bytes) in [
            ("no end", unended.to_vec()),
            ("a trailer", [&jpeg, b"\0\0SEFH".as_slice(), &[0; 200]].concat()),
            ("a trailer for an end", [unended, b"\0\0SEFH", &[0; 200]].concat()),
            ("noughts for an end", [unended, &[0; 4096]].concat()),
            ("another picture for an end", [unended, &thumbnail].concat()),
            ("stray bytes", [start, &[0; 3], tables].concat()),
            ("filling bytes", [start, &[0xFF; 3], tables].concat()),
            ("stray bytes and no end", [start, &[7; 9], &tables[..tables.len() - 2]].concat()),
        ] {
            let read = decoded(&bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(read == whole, "{what} changes a picture (progressive: {progressive})");
        }
    }
}

#[apply(trial)]
fn a_jpeg_whose_samples_end_early_is_cut() {
    for (progressive, restarts) in [(false, 0), (false, 2), (true, 0)] {
        let jpeg = detailed_jpeg(progressive, restarts);
        for part in [2, 3, 4] {
            let cut = &jpeg[..jpeg.len() - jpeg.len() / (2 * part)];
            check_refused(cut, "cut short");
            check_refused(&[cut, &[0; 4096]].concat(), "cut short");
        }
    }
    // No room is made for what a header promises and nothing follows.
    let mut jpeg = detailed_jpeg(false, 0);
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).expect("a frame header");
    jpeg[frame + 5..frame + 9].fill(0xFF);
    check_refused(&jpeg[..jpeg.len() - 2], "65535x65535 is more than 120 megapixels");
}

#[apply(trial)]
fn zero_sizes_are_refused() {
    for (width, height) in [(0, 5), (5, 0)] {
        assert!(decoded(&gray_png(width, height)).is_err(), "{width}x{height} was read");
    }
    check_refused(&[], "empty");
}

#[apply(trial)]
fn bombs_are_refused_before_they_go_off() {
    check_refused(&gray_png(65_535, 65_535), "65535x65535 is more than 120 megapixels");
    check_refused(&gray_png(70_000, 1), "");
    check_refused(&gray_png(u32::MAX >> 1, u32::MAX >> 1), "");
    let mut jpeg = encoded(&DynamicImage::new_rgb8(8, 8), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).expect("a frame header");
    jpeg[frame + 5..frame + 9].fill(0xFF);
    check_refused(&jpeg, "65535x65535 is more than 120 megapixels");
}

#[apply(trial)]
fn what_is_no_picture_is_refused() {
    check_refused(b"GIF89a, or so it says", "");
    check_refused(b"not a picture at all", "neither PNG nor JPEG");
    let folder = tempfile::tempdir().expect("a temporary folder");
    for path in [folder.path().to_owned(), folder.path().join("missing.png")] {
        let error = read_picture(&path).expect_err("a refusal").to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
    }
}

#[apply(trial)]
fn a_folder_plays_as_a_stream() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let save =
        |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).expect("a file");
    save("1.png", &encoded(&DynamicImage::new_rgb8(8, 6), ImageFormat::Png));
    save("2.jpg", &encoded(&DynamicImage::new_luma8(20, 30), ImageFormat::Jpeg));
    save("3.png", b"broken");
    save("10.png", &encoded(&DynamicImage::new_luma16(8, 5), ImageFormat::Png));
    save("11.PNG", &encoded(&DynamicImage::new_rgba16(8, 6), ImageFormat::Png));
    let paths: Vec<PathBuf> = vec![folder.path().to_owned()];
    let options = FilesOptions { paths, ..FilesOptions::default() };
    let mut source = FilesSource::open(&options).expect("a source");
    let mut frame = deblurd::frame::Frame::new(source.format());
    let mut story = Vec::new();
    loop {
        story.push(match source.fill(&mut frame).expect("no end of the source") {
            Filled::Frame => {
                assert_eq!(frame.blurred.format(), source.format());
                "frame".to_owned()
            }
            Filled::Unusable(SourceError::Small { .. }) => "small".to_owned(),
            Filled::Unusable(_) => "unusable".to_owned(),
            Filled::Waiting | Filled::Placeholder => continue,
            Filled::End => break,
        });
    }
    assert_eq!(story, ["frame", "frame", "unusable", "small", "frame"]);
}

/// A gray PNG that claims a size and holds no samples.
fn gray_png(width: u32, height: u32) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 0, 0, 0, 0]);
    png_of(&[(b"IHDR", &header), (b"IDAT", &stored(&[0])), (b"IEND", &[])])
}

fn png_of(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in chunks {
        png.extend(u32::try_from(data.len()).expect("a short chunk").to_be_bytes());
        let start = png.len();
        png.extend(*kind);
        png.extend(*data);
        png.extend(crc32(&png[start..]).to_be_bytes());
    }
    png
}

/// A zlib stream of one stored block.
fn stored(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("a short block");
    let mut stream = vec![0x78, 0x01, 1];
    stream.extend(length.to_le_bytes());
    stream.extend((!length).to_le_bytes());
    stream.extend(data);
    let (a, b) = data.iter().fold((1_u32, 0_u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    stream.extend((b << 16 | a).to_be_bytes());
    stream
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
    !bytes
        .iter()
        .fold(u32::MAX, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
}
