//! One stripe, decompressed and looked over for the decoder (ORC 1, "Stripes").

use bytes::Bytes;
use orc_rust::proto::column_encoding::Kind as Encoding;
use orc_rust::proto::stream::Kind;
use orc_rust::proto::{ColumnEncoding, PostScript, StripeFooter, StripeInformation, Type};
use orc_rust::reader::ChunkReader;
use orc_rust::reader::metadata::{FileMetadata, read_metadata};
use orc_rust::stripe::StripeMetadata;
use prost::Message;
use velo_core::{Error, ErrorKind, Result};

use super::chunks::lay;
use super::error::{corrupt, unreadable, wrong};
use super::footer::{Footer, LARGEST_FOOTER, Tail, encrypted, fetch};
use super::lengths::{Total, total};
use super::tree::Lengths;
use crate::ReadAt;

/// Values of one stripe once they are decompressed, in bytes.
const LARGEST: u64 = 2 << 30;
/// Nanoseconds of one second, with three bits for zeros at their end that are left out.
const NANOSECONDS: u64 = 1_000_000_000 << 3;
/// Time zones whose clocks show UTC; nothing has to be computed for them.
const UTC: [&str; 5] = ["UTC", "GMT", "Etc/UTC", "Etc/GMT", "Z"];

/// A part of an ORC file that never was in one.
pub(super) struct Image(Bytes);

impl ChunkReader for Image {
    type T = bytes::buf::Reader<Bytes>;

    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn get_read(&self, offset: u64) -> std::io::Result<Self::T> {
        let rest = self.get_bytes(offset, self.len().saturating_sub(offset))?;
        Ok(bytes::Buf::reader(rest))
    }

    fn get_bytes(&self, offset: u64, length: u64) -> std::io::Result<Bytes> {
        let end = offset.checked_add(length);
        match end.filter(|end| *end <= self.len()) {
            Some(end) => Ok(self.0.slice(offset as usize..end as usize)),
            None => Err(std::io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// Gives the metadata of files that are made of images.
pub(super) fn metadata(types: &[Type]) -> Result<FileMetadata> {
    let footer = Footer {
        types: types.to_vec(),
        ..Footer::default()
    };
    let mut image = Vec::new();
    let postscript = PostScript {
        footer_length: Some(lay(&footer.encode_to_vec(), &mut image)),
        metadata_length: Some(0),
        // So that streams are chunks, which are taken apart without another copy.
        compression: Some(orc_rust::proto::CompressionKind::Zlib as i32),
        ..PostScript::default()
    };
    let postscript = postscript.encode_to_vec();
    image.extend_from_slice(&postscript);
    image.push(postscript.len() as u8);
    read_metadata(&mut Image(image.into())).map_err(unreadable)
}

/// Reads the streams of some columns of a stripe.
pub(super) fn load(
    bytes: &dyn ReadAt,
    tail: &Tail,
    stripe: &StripeInformation,
    needed: &[bool],
) -> Result<(Image, StripeMetadata)> {
    let end = stripe.offset() + stripe.index_length() + stripe.data_length();
    let footer = fetch(bytes, end, stripe.footer_length())?;
    let footer = tail.chunks.decompress(footer, LARGEST_FOOTER)?;
    let mut footer =
        StripeFooter::decode(&*footer).map_err(|error| corrupt().with_source(error))?;
    if !footer.encryption.is_empty() {
        return Err(encrypted());
    }
    if footer.columns.len() < tail.footer.types.len() {
        return Err(wrong("a stripe has fewer columns than its file"));
    }
    let mut streams = Vec::with_capacity(footer.streams.len());
    let mut image = Vec::new();
    let mut sizes = Sizes::new(&tail.footer.types, &footer.columns);
    let (mut offset, mut left) = (stripe.offset(), LARGEST);
    for mut stream in std::mem::take(&mut footer.streams) {
        let length = stream.length();
        let place = offset;
        let behind = place.checked_add(length).filter(|behind| *behind <= end);
        offset = behind.ok_or_else(|| wrong("a stream reaches beyond its stripe"))?;
        let column = stream.column() as usize;
        if !needed.get(column).is_some_and(|needed| *needed) || !holds_values(stream.kind) {
            continue;
        }
        let plain = tail.chunks.decompress(fetch(bytes, place, length)?, left)?;
        left -= plain.len() as u64;
        sizes.take(stream.kind(), column, &plain)?;
        stream.length = Some(lay(&plain, &mut image));
        streams.push(stream);
    }
    sizes.check()?;
    footer.streams = streams;
    let is_utc = footer.writer_timezone().is_empty() || UTC.contains(&footer.writer_timezone());
    footer.writer_timezone = footer.writer_timezone.filter(|_| !is_utc);
    let data_length = image.len() as u64;
    let footer_length = lay(&footer.encode_to_vec(), &mut image);
    let place = StripeInformation {
        offset: Some(0),
        index_length: Some(0),
        data_length: Some(data_length),
        footer_length: Some(footer_length),
        number_of_rows: stripe.number_of_rows,
        ..StripeInformation::default()
    };
    let place = StripeMetadata::try_from(&place).map_err(unreadable)?;
    Ok((Image(image.into()), place))
}

/// Says whether values are made of a stream of this kind; the others are indexes.
fn holds_values(kind: Option<i32>) -> bool {
    let kind = kind.and_then(|kind| Kind::try_from(kind).ok());
    matches!(
        kind,
        Some(Kind::Present | Kind::Data | Kind::Length | Kind::DictionaryData | Kind::Secondary)
    )
}

/// What is known of a stripe's streams, by column.
struct Sizes<'a> {
    types: &'a [Type],
    encodings: &'a [ColumnEncoding],
    columns: Vec<ColumnSizes>,
}

#[derive(Debug, Clone, Copy, Default)]
struct ColumnSizes {
    lengths: Total,
    /// Bytes of the values, and of the values of the dictionary.
    data: u64,
    dictionary: u64,
}

impl<'a> Sizes<'a> {
    fn new(types: &'a [Type], encodings: &'a [ColumnEncoding]) -> Self {
        Self {
            types,
            encodings,
            columns: vec![ColumnSizes::default(); types.len()],
        }
    }

    fn take(&mut self, kind: Kind, column: usize, plain: &[u8]) -> Result<()> {
        let second = matches!(
            self.encodings[column].kind(),
            Encoding::DirectV2 | Encoding::DictionaryV2
        );
        let sizes = &mut self.columns[column];
        match kind {
            Kind::Length => sizes.lengths = total(plain, second)?,
            Kind::Data => sizes.data = plain.len() as u64,
            Kind::DictionaryData => sizes.dictionary = plain.len() as u64,
            Kind::Secondary if is_timestamp(&self.types[column]) => {
                let nanoseconds = total(plain, second)?;
                if nanoseconds.sum > nanoseconds.count * NANOSECONDS {
                    let problem = "orc timestamps have nanoseconds below zero";
                    return Err(Error::new(ErrorKind::Unsupported, problem).with_hint(
                        "pyarrow writes them so before 1970: write whole seconds, or parquet",
                    ));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Refuses lengths that the streams do not bear out.
    fn check(&self) -> Result<()> {
        for (column, sizes) in self.columns.iter().enumerate() {
            let encoding = &self.encodings[column];
            let lengths = sizes.lengths;
            let fits = match Lengths::of(self.types, column) {
                Lengths::Values(width) if lengths.sum.saturating_mul(width) > LARGEST => {
                    let problem = "lists of an orc stripe have over 2 GiB of values";
                    return Err(Error::new(ErrorKind::Unsupported, problem)
                        .with_hint("write it with smaller stripes"));
                }
                Lengths::Values(_) => true,
                Lengths::Bytes => match encoding.kind() {
                    Encoding::Dictionary | Encoding::DictionaryV2 => {
                        u64::from(encoding.dictionary_size()) <= lengths.count
                            && lengths.sum <= sizes.dictionary
                    }
                    Encoding::Direct | Encoding::DirectV2 => lengths.sum <= sizes.data,
                },
            };
            if !fits {
                return Err(wrong("its text is shorter than its lengths say"));
            }
        }
        Ok(())
    }
}

fn is_timestamp(this: &Type) -> bool {
    use orc_rust::proto::r#type::Kind::{Timestamp, TimestampInstant};
    matches!(this.kind(), Timestamp | TimestampInstant)
}
