//! What stands before a page (parquet-format, `parquet.thrift`, `PageHeader`).

use ::parquet::basic::Encoding;

use crate::parquet::thrift::{STRUCT, TRUE, Thrift};

/// A page's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    /// Bytes that the page is said to have when it is decompressed.
    pub(super) plain: usize,
    /// Bytes that the page has in the file.
    pub(super) stored: usize,
    /// Bytes of the header itself.
    pub(super) length: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Dictionary(Dictionary),
    Data(Data),
    /// A data page whose levels are not compressed.
    DataV2(DataV2),
    /// A page of an index, which is passed over.
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dictionary {
    pub(super) values: u32,
    pub(super) encoding: Encoding,
    pub(super) sorted: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Data {
    pub(super) values: u32,
    pub(super) encoding: Encoding,
    pub(super) definitions: Encoding,
    pub(super) repetitions: Encoding,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DataV2 {
    pub(super) values: u32,
    pub(super) nulls: u32,
    pub(super) rows: u32,
    pub(super) encoding: Encoding,
    /// Bytes of definition levels.
    pub(super) definitions: u32,
    /// Bytes of repetition levels.
    pub(super) repetitions: u32,
    pub(super) compressed: bool,
}

/// The largest number of a field that any header has.
const FIELDS: usize = 9;

impl Header {
    /// Reads the header that the bytes start with; `None` where they end before it does, or are
    /// none.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut input = Thrift::new(bytes);
        let (mut numbers, mut id) = ([None; FIELDS], 0);
        let mut body = None;
        while let Some(kind) = input.field(&mut id)? {
            match (id, kind) {
                (5 | 7 | 8, STRUCT) => body = Some((id, fields(&mut input)?)),
                _ => keep(&mut numbers, id, kind, &mut input)?,
            }
        }
        let kind = match (numbers[1]?, body) {
            (0, Some((5, fields))) => Kind::Data(data(&fields)?),
            (2, Some((7, fields))) => Kind::Dictionary(dictionary(&fields)?),
            (3, Some((8, fields))) => Kind::DataV2(data_v2(&fields)?),
            (0 | 2 | 3, _) => return None,
            _ => Kind::Other,
        };
        Some(Self {
            kind,
            plain: usize::try_from(numbers[2]?).ok()?,
            stored: usize::try_from(numbers[3]?).ok()?,
            length: bytes.len() - input.left(),
        })
    }
}

type Fields = [Option<i32>; FIELDS];

fn data(fields: &Fields) -> Option<Data> {
    Some(Data {
        values: count(fields[1])?,
        encoding: encoding(fields[2]?)?,
        definitions: encoding(fields[3]?)?,
        repetitions: encoding(fields[4]?)?,
    })
}

fn dictionary(fields: &Fields) -> Option<Dictionary> {
    Some(Dictionary {
        values: count(fields[1])?,
        encoding: encoding(fields[2]?)?,
        sorted: fields[3] == Some(1),
    })
}

fn data_v2(fields: &Fields) -> Option<DataV2> {
    Some(DataV2 {
        values: count(fields[1])?,
        nulls: count(fields[2])?,
        rows: count(fields[3])?,
        encoding: encoding(fields[4]?)?,
        definitions: count(fields[5])?,
        repetitions: count(fields[6])?,
        compressed: fields[7] != Some(0),
    })
}

fn count(field: Option<i32>) -> Option<u32> {
    u32::try_from(field?).ok()
}

/// Reads a structure's numbers; what else it has (statistics) is passed over.
fn fields(input: &mut Thrift<'_>) -> Option<Fields> {
    let (mut numbers, mut id) = ([None; FIELDS], 0);
    while let Some(kind) = input.field(&mut id)? {
        keep(&mut numbers, id, kind, input)?;
    }
    Some(numbers)
}

/// Keeps a field that is a number of 32 bits or a truth value, and passes over every other.
fn keep(numbers: &mut Fields, id: i64, kind: u8, input: &mut Thrift<'_>) -> Option<()> {
    const I32: u8 = 5;
    let place = usize::try_from(id).ok().and_then(|id| numbers.get_mut(id));
    match (kind, place) {
        (I32, Some(place)) => {
            let zigzag = input.number()?;
            let number = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
            *place = Some(i32::try_from(number).ok()?);
        }
        (TRUE | FALSE, Some(place)) => *place = Some(i32::from(kind == TRUE)),
        _ => input.skip(kind, 0)?,
    }
    Some(())
}

const FALSE: u8 = 2;

fn encoding(number: i32) -> Option<Encoding> {
    Some(match number {
        0 => Encoding::PLAIN,
        2 => Encoding::PLAIN_DICTIONARY,
        3 => Encoding::RLE,
        // Deprecated for writing; old files have it.
        #[allow(deprecated)]
        4 => Encoding::BIT_PACKED,
        5 => Encoding::DELTA_BINARY_PACKED,
        6 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        7 => Encoding::DELTA_BYTE_ARRAY,
        8 => Encoding::RLE_DICTIONARY,
        9 => Encoding::BYTE_STREAM_SPLIT,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A data page of 24 bytes with three values, as the format's own writers put it.
    const DATA: [u8; 16] = [
        0x15, 0, 0x15, 48, 0x15, 48, 0x2c, 0x15, 6, 0x15, 0, 0x15, 6, 0x15, 6, 0,
    ];

    #[test]
    fn a_header_is_read_to_its_end_and_no_further() {
        let mut bytes = DATA.to_vec();
        bytes.extend([0, 0xff, 0xff]);
        let header = Header::read(&bytes).unwrap();
        assert_eq!(header.length, 17);
        assert_eq!((header.plain, header.stored), (24, 24));
        let data = Data {
            values: 3,
            encoding: Encoding::PLAIN,
            definitions: Encoding::RLE,
            repetitions: Encoding::RLE,
        };
        assert_eq!(header.kind, Kind::Data(data));
    }

    #[test]
    fn every_end_and_every_negative_size_is_none() {
        for end in 0..DATA.len() {
            assert_eq!(Header::read(&DATA[..end]), None, "{end}");
        }
        for (place, negative) in [(3, 47), (5, 1), (8, 3)] {
            let mut bytes = DATA.to_vec();
            bytes[place] = negative;
            bytes.push(0);
            assert_eq!(Header::read(&bytes), None, "{place}");
        }
    }

    #[test]
    fn pages_of_indices_are_told_from_others() {
        let header = Header::read(&[0x15, 2, 0x15, 2, 0x15, 2, 0]).unwrap();
        assert_eq!((header.kind, header.stored), (Kind::Other, 1));
    }
}
