//! PDF 1.4 (ISO 32000-1): one page, one path in units of cells, a line of Helvetica.

use std::fmt::Write;

use super::sheet::{POINT, Sheet};
use super::{Rectangle, cells, rectangles};

impl Sheet<'_> {
    /// A PDF of one page.
    pub fn pdf(&self) -> Vec<u8> {
        let sheet = self;
        let ((width, height), _) = sheet.page();
        let content = content(sheet);
        let objects = [
            "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
            format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {:.3} {:.3}] /Contents 4 0 R \
                 /Resources << /Font << /F 5 0 R >> >> >>",
                width / POINT,
                height / POINT
            ),
            format!("<< /Length {} >>\nstream\n{content}endstream", content.len()),
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
        ];
        let (mut file, mut table) = ("%PDF-1.4\n".to_owned(), String::new());
        // Writing to a string cannot fail.
        for (index, object) in objects.iter().enumerate() {
            let _ = writeln!(table, "{:010} 00000 n ", file.len());
            let _ = write!(file, "{} 0 obj\n{object}\nendobj\n", index + 1);
        }
        let (start, count) = (file.len(), objects.len() + 1);
        let _ = write!(
            file,
            "xref\n0 {count}\n0000000000 65535 f \n{table}trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
        );
        file.into_bytes()
    }
}

/// What is drawn. Rows of a PDF grow upwards.
fn content(sheet: &Sheet<'_>) -> String {
    let ((_, height), (left, top)) = sheet.page();
    let (cell, rows) = (sheet.cell() / POINT, cells(sheet.pattern).height);
    let bottom = (height - top) / POINT - cell * rows as f64;
    let mut content = format!("q {cell:.6} 0 0 {cell:.6} {:.4} {bottom:.4} cm\n", left / POINT);
    for Rectangle { x, y, width, height } in rectangles(sheet.pattern) {
        let _ = writeln!(content, "{x} {} {width} {height} re", rows - y - height);
    }
    let _ = write!(
        content,
        "f Q\nBT /F 8 Tf {:.4} {:.4} Td ({}) Tj ET\n",
        left / POINT,
        top.min(4.0) / 2.0 / POINT,
        sheet.caption()
    );
    content
}
