//! The fields of a protobuf message as they lie in its bytes, without parsing what is in them and
//! without taking memory (`protobuf.dev/programming-guides/encoding`).

/// A field of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) number: u64,
    /// What is in it; nothing of a number.
    pub(super) bytes: &'a [u8],
    /// Where that begins in the message.
    pub(super) at: usize,
}

/// The bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// The fields of a message, in order; where it is none, an error is the last.
pub(super) struct Fields<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self { message, at: 0 }
    }

    fn read(&mut self) -> Option<Field<'a>> {
        let key = self.varint()?;
        let length = match key & 7 {
            0 => {
                self.varint()?;
                0
            }
            1 => 8,
            2 => usize::try_from(self.varint()?).ok()?,
            5 => 4,
            // Groups, which nobody writes any more.
            _ => return None,
        };
        let at = self.at;
        let bytes = self.message.get(at..at.checked_add(length)?)?;
        self.at += length;
        let bytes = if key & 7 == 2 { bytes } else { &[] };
        Some(Field { number: key >> 3, bytes, at })
    }

    /// A number in groups of seven bits, the lowest first.
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.message.get(self.at)?;
            self.at += 1;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.message.len() {
            return None;
        }
        let field = self.read().ok_or(Malformed);
        if field.is_err() {
            self.at = self.message.len();
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The examples of the encoding's own guide: field 1 is 150, field 2 is "testing", field 3 a message.
    #[test]
    fn fields_are_found_where_they_lie() {
        let message =
            [&[0x08, 0x96, 0x01, 0x12, 0x07], b"testing".as_slice(), &[0x1A, 0x03, 8, 0x96, 1]];
        let message = message.concat();
        let fields: Vec<_> = Fields::of(&message).map(|field| field.expect("a field")).collect();
        let found: Vec<_> =
            fields.iter().map(|field| (field.number, field.bytes, field.at)).collect();
        assert_eq!(found, [(1, [].as_slice(), 3), (2, b"testing", 5), (3, &[8, 0x96, 1], 14)]);
    }

    #[test]
    fn what_is_no_message_ends_in_an_error() {
        for message in [
            [0x12, 0x07, b't'].as_slice(),
            &[0x08],
            &[0x0B],
            &[0xFF; 12],
            &[0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
        ] {
            assert_eq!(Fields::of(message).last(), Some(Err(Malformed)), "{message:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Fields::of(&bytes).count() <= bytes.len());
        }
    }
}
