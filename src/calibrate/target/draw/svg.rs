//! Scalable vector graphics (W3C, SVG 1.1): one path in units of cells.

use std::fmt::Write;

use super::sheet::Sheet;
use super::{Rectangle, rectangles};

impl Sheet<'_> {
    /// Scalable vector graphics.
    pub fn svg(&self) -> String {
        let sheet = self;
        let ((width, height), (left, top)) = sheet.page();
        let (cell, caption) = (sheet.cell(), sheet.caption());
        let mut path = String::new();
        for Rectangle { x, y, width, height } in rectangles(sheet.pattern) {
            // Writing to a string cannot fail.
            let _ = write!(path, "M{x} {y}h{width}v{height}h-{width}z");
        }
        let below = height - top.min(4.0) / 2.0;
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}mm" height="{height}mm" viewBox="0 0 {width} {height}">
    <title>{caption}</title>
    <rect width="{width}" height="{height}" fill="white"/>
    <path transform="translate({left} {top}) scale({cell})" shape-rendering="crispEdges" d="{path}"/>
    <text x="{left}" y="{below}" font-family="sans-serif" font-size="3">{caption}</text>
    </svg>
    "#
        )
    }
}
