//! A page with the target in its middle.

use super::cells;
use super::png::{PngError, write_png};
use crate::calibrate::target::pattern::{Description, Pattern};
use crate::frame::Extent;

/// Millimetres of white that printers leave at each edge.
const EDGE: f64 = 5.0;
/// Millimetres of a point, in which PDF counts.
pub(super) const POINT: f64 = 25.4 / 72.0;
/// The height of a screen, in pixels.
const SCREEN: usize = 1080;

/// What the target is drawn on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paper {
    /// 210 x 297 mm.
    #[default]
    A4,
    /// 8.5 x 11 inches.
    Letter,
    /// A screen of 1080 rows or more.
    Screen,
}

/// The target on a page: what is written as a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet<'a> {
    pub(super) pattern: &'a Pattern,
    pub(super) paper: Paper,
    /// Millimetres of a cell on paper.
    pub(super) cell: f64,
}

/// Why a target cannot be drawn.
#[derive(Debug, Clone, PartialEq, displaydoc::Display, thiserror::Error)]
pub enum SheetError {
    /// a cell of {cell} mm is too large for the paper (expected at most {most:.2} mm)
    Cell {
        /// Millimetres that were asked for.
        cell: f64,
        /// The most that there is room for.
        most: f64,
    },
    /// a cell of {0} mm (expected 0.1 mm or more)
    TooSmall(f64),
    /// the pattern is {0} cells high (expected at most 1080, one pixel of a screen each)
    TooHigh(usize),
}

impl Paper {
    /// Width and height in millimetres; none of a screen.
    pub fn millimetres(self) -> Option<(f64, f64)> {
        match self {
            Self::A4 => Some((210.0, 297.0)),
            Self::Letter => Some((215.9, 279.4)),
            Self::Screen => None,
        }
    }

    /// The largest cell in millimetres, in steps of a twentieth; none of a screen.
    pub fn largest_cell(self, pattern: &Pattern) -> Option<f64> {
        let (width, height) = self.millimetres()?;
        let Extent { width: columns, height: rows } = cells(pattern);
        let room = |length: f64, cells: usize| (length - 2.0 * EDGE) / cells as f64;
        Some((room(width, columns).min(room(height, rows)) * 20.0).floor() / 20.0)
    }
}

impl<'a> Sheet<'a> {
    /// The target on `paper` with cells of `cell` millimetres; as large as there is room for where
    /// none is given. On a screen they are as many whole pixels as there is room for.
    ///
    /// # Errors
    /// Where there is no room.
    pub fn new(pattern: &'a Pattern, paper: Paper, cell: Option<f64>) -> Result<Self, SheetError> {
        let rows = cells(pattern).height;
        let Some(most) = paper.largest_cell(pattern) else {
            return match SCREEN / rows {
                0 => Err(SheetError::TooHigh(rows)),
                _ => Ok(Self { pattern, paper, cell: 1.0 }),
            };
        };
        let cell = cell.unwrap_or(most);
        if cell.is_nan() || cell < 0.1 {
            return Err(SheetError::TooSmall(cell));
        }
        // Half a micrometre is rounding.
        if cell > most + 5e-4 {
            return Err(SheetError::Cell { cell, most });
        }
        Ok(Self { pattern, paper, cell })
    }

    /// Millimetres of a cell on paper; pixels of a cell on a screen.
    pub fn cell(&self) -> f64 {
        match self.paper {
            Paper::Screen => (SCREEN / cells(self.pattern).height) as f64,
            _ => self.cell,
        }
    }

    /// A gray PNG: for a screen 1080 rows, cells of whole pixels; for paper cells of as many whole
    /// pixels as come next to 300 dots an inch.
    ///
    /// # Errors
    /// Where the encoder fails.
    pub fn png(&self) -> Result<Vec<u8>, PngError> {
        const DOTS: f64 = 300.0 / 25.4;
        let dots = match self.paper {
            Paper::Screen => self.cell(),
            _ => (self.cell * DOTS).round().max(1.0),
        };
        let page = (self.paper == Paper::Screen).then_some(SCREEN);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole dots of a page"
        )]
        let dots = dots as usize;
        write_png(self.pattern, dots, page)
    }

    /// The page, and where on it the target begins, in millimetres. A screen's pixels are taken for
    /// millimetres.
    pub(super) fn page(&self) -> ((f64, f64), (f64, f64)) {
        let Extent { width, height } = cells(self.pattern);
        let size = (width as f64 * self.cell(), height as f64 * self.cell());
        let page = self.paper.millimetres().unwrap_or((size.0, SCREEN as f64));
        (page, ((page.0 - size.0) / 2.0, (page.1 - size.1) / 2.0))
    }

    /// What is printed below.
    pub(super) fn caption(&self) -> String {
        let unit = if self.paper == Paper::Screen { "pixels" } else { "mm" };
        let cell = self.cell();
        match self.pattern.description() {
            Description::Noise { seed } => {
                format!("deblurd target, seed {seed}, cell {cell} {unit}")
            }
            Description::Cells { .. } => format!("deblurd target, cell {cell} {unit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_as_large_as_asked_or_as_there_is_room_for() {
        let pattern = Pattern::default();
        for (paper, most) in [(Paper::A4, 1.9), (Paper::Letter, 1.85)] {
            assert_eq!(Sheet::new(&pattern, paper, None).expect("a sheet").cell(), most);
            assert_eq!(Sheet::new(&pattern, paper, Some(1.5)).expect("a sheet").cell(), 1.5);
            let error = Sheet::new(&pattern, paper, Some(2.5)).expect_err("too large");
            assert_eq!(error, SheetError::Cell { cell: 2.5, most });
            assert!(matches!(
                Sheet::new(&pattern, paper, Some(f64::NAN)),
                Err(SheetError::TooSmall(_))
            ));
        }
        assert_eq!(Sheet::new(&pattern, Paper::Screen, None).expect("a sheet").cell(), 7.0);
    }

    /// Coordinates of an SVG and of a PDF give the same cells.
    #[test]
    fn vector_files_hold_the_black_area_in_millimetres() {
        let pattern = Pattern::default();
        let black = pattern.cells().samples().iter().filter(|light| **light < 0.5).count() as f64;
        let sheet = Sheet::new(&pattern, Paper::A4, Some(1.5)).expect("a sheet");
        let svg = sheet.svg();
        assert!(
            svg.contains("width=\"210mm\"") && svg.contains("seed 0, cell 1.5 mm"),
            "head and caption"
        );
        let data =
            svg.split("d=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a path");
        let area: f64 = data
            .split('M')
            .filter(|part| !part.is_empty())
            .map(|part| {
                let number = |after: char| {
                    part.split(after)
                        .nth(1)
                        .and_then(|rest| rest.split(char::is_alphabetic).next())
                        .and_then(|n| n.parse::<f64>().ok())
                        .expect("a number")
                };
                number('h') * number('v')
            })
            .sum();
        assert_eq!(area, black, "cells of the path");
        let pdf = String::from_utf8(sheet.pdf()).expect("ASCII");
        let area: f64 = pdf
            .lines()
            .filter(|line| line.ends_with(" re"))
            .map(|line| {
                let numbers: Vec<f64> =
                    line.split(' ').filter_map(|word| word.parse().ok()).collect();
                numbers[2] * numbers[3]
            })
            .sum();
        assert_eq!(area, black, "cells of the page");
    }

    #[test]
    fn a_picture_for_a_screen_has_whole_pixels() {
        let pattern = Pattern::default();
        let sheet = Sheet::new(&pattern, Paper::Screen, None).expect("a sheet");
        let picture =
            image::load_from_memory(&sheet.png().expect("a PNG")).expect("a picture").into_luma8();
        assert_eq!(picture.height(), 1080);
        let top = (1080 - 7 * 144) / 2;
        for (x, y) in [(30, 50), (60, 70), (10, 130), (25, 45)] {
            let white = pattern.cells().row(y as usize)[x as usize] > 0.5;
            for (dx, dy) in [(0, 0), (6, 6)] {
                let pixel = picture.get_pixel(7 * x + dx, top + 7 * y + dy).0[0];
                assert_eq!(pixel, if white { 255 } else { 0 }, "cell {x},{y}");
            }
        }
    }
}
