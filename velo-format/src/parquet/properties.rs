//! The options of writing, validated, and what they mean for the columns of a file.

use ::parquet::basic::{Compression as PageCompression, Encoding, Type as Physical};
use ::parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion,
};
use ::parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};
use velo_core::{ByteSize, Error, ErrorKind, Result, nearest};

use super::options::{Dictionary, PageVersion, Statistics, page_compression};
use crate::WriteOptions;

/// Least and most bytes of what has a size.
const SIZES: (u64, u64) = (1 << 10, 1 << 30);

const ENCODINGS: [(&str, Encoding); 6] = [
    ("plain", Encoding::PLAIN),
    ("delta_binary_packed", Encoding::DELTA_BINARY_PACKED),
    ("delta_length_byte_array", Encoding::DELTA_LENGTH_BYTE_ARRAY),
    ("delta_byte_array", Encoding::DELTA_BYTE_ARRAY),
    ("byte_stream_split", Encoding::BYTE_STREAM_SPLIT),
    ("rle", Encoding::RLE),
];

/// How row groups are written.
#[derive(Debug, Clone)]
pub(super) struct GroupSettings {
    /// Rows of a row group at most.
    pub(super) rows: usize,
    /// Memory of an open row group at most.
    pub(super) bytes: usize,
    pub(super) dictionary: Dictionary,
    compression: PageCompression,
    page_size: usize,
    dictionary_page_size: usize,
    statistics: EnabledStatistics,
    version: WriterVersion,
    bloom_filters: Vec<String>,
    bloom_filter_fpp: f64,
    encodings: Vec<(String, Encoding)>,
}

impl GroupSettings {
    pub(super) fn new(options: &WriteOptions) -> Result<Self> {
        let own = &options.parquet;
        if own.row_group_rows == 0 {
            return Err(Error::new(ErrorKind::Config, "a row group needs rows")
                .with("option", "row_group_rows")
                .with("value", own.row_group_rows)
                .with_hint("leave it out for 122880"));
        }
        if !(own.bloom_filter_fpp > 0.0 && own.bloom_filter_fpp < 1.0) {
            let message = "share is not between 0 and 1";
            return Err(Error::new(ErrorKind::Config, message)
                .with("option", "bloom_filter_fpp")
                .with_hint("leave it out for 0.05"));
        }
        let encodings = own.column_encoding.iter().flatten();
        Ok(Self {
            rows: own.row_group_rows,
            bytes: size("row_group_size", own.row_group_size)?,
            dictionary: own.dictionary,
            compression: page_compression(options)?,
            page_size: size("page_size", own.page_size)?,
            dictionary_page_size: size("dictionary_page_size", own.dictionary_page_size)?,
            statistics: match own.statistics {
                Statistics::None => EnabledStatistics::None,
                Statistics::Chunk => EnabledStatistics::Chunk,
                Statistics::Page => EnabledStatistics::Page,
            },
            version: match own.parquet_version {
                PageVersion::One => WriterVersion::PARQUET_1_0,
                PageVersion::Two => WriterVersion::PARQUET_2_0,
            },
            bloom_filters: own.bloom_filter.clone().unwrap_or_default(),
            bloom_filter_fpp: own.bloom_filter_fpp,
            encodings: encodings
                .map(|text| encoding(text))
                .collect::<Result<_>>()?,
        })
    }

    /// Refuses names that are no columns, and encodings that their types do not have.
    pub(super) fn check(&self, schema: &SchemaDescriptor) -> Result<()> {
        for name in &self.bloom_filters {
            let leaves = leaves("bloom_filter", name, schema)?;
            if leaves
                .iter()
                .any(|leaf| leaf.physical_type() == Physical::BOOLEAN)
            {
                return Err(
                    Error::new(ErrorKind::Config, "truth values have no bloom filter")
                        .with("option", "bloom_filter")
                        .with("column", name),
                );
            }
        }
        for (name, encoding) in &self.encodings {
            for leaf in leaves("column_encoding", name, schema)? {
                if !suits(*encoding, leaf.physical_type()) {
                    return Err(
                        Error::new(ErrorKind::Config, "encoding is not one of the type")
                            .with("option", "column_encoding")
                            .with("column", name)
                            .with("physical type", leaf.physical_type())
                            .with_hint(suiting(leaf.physical_type())),
                    );
                }
            }
        }
        Ok(())
    }

    /// Gives the properties that a file and its row groups share.
    pub(super) fn properties(&self, schema: &SchemaDescriptor) -> Result<WriterPropertiesBuilder> {
        let mut properties = WriterProperties::builder()
            .set_created_by(concat!("velo version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(self.compression)
            .set_writer_version(self.version)
            .set_data_page_size_limit(self.page_size)
            .set_dictionary_enabled(self.dictionary != Dictionary::Off)
            .set_dictionary_page_size_limit(self.dictionary_page_size)
            .set_statistics_enabled(self.statistics)
            // Chunks are already cut.
            .set_max_row_group_row_count(None);
        for name in &self.bloom_filters {
            for leaf in leaves("bloom_filter", name, schema)? {
                let path = leaf.path();
                properties = properties
                    .set_column_bloom_filter_enabled(path.clone(), true)
                    .set_column_bloom_filter_fpp(path.clone(), self.bloom_filter_fpp)
                    .set_column_bloom_filter_ndv(path.clone(), self.rows as u64);
            }
        }
        for (name, encoding) in &self.encodings {
            for leaf in leaves("column_encoding", name, schema)? {
                properties = properties
                    .set_column_encoding(leaf.path().clone(), *encoding)
                    .set_column_dictionary_enabled(leaf.path().clone(), false);
            }
        }
        Ok(properties)
    }

    /// Says whether a top-level column's first rows decide on its dictionary.
    pub(super) fn decides_by_data(&self, column: &str) -> bool {
        let encoded = self.encodings.iter().any(|(name, _)| name == column);
        self.dictionary == Dictionary::Auto && !encoded
    }
}

fn size(option: &'static str, size: ByteSize) -> Result<usize> {
    let (least, most) = SIZES;
    if (least..=most).contains(&size.0) {
        return Ok(usize::try_from(size.0).unwrap_or(usize::MAX));
    }
    Err(Error::new(ErrorKind::Config, "size is out of range")
        .with("option", option)
        .with("value", size.0)
        .with_hint("1KiB to 1GiB"))
}

fn encoding(text: &str) -> Result<(String, Encoding)> {
    let refuse = |hint: String| {
        Error::new(ErrorKind::Config, "expected a column and its encoding")
            .with("option", "column_encoding")
            .with("value", text.escape_debug())
            .with_hint(hint)
    };
    let names = ENCODINGS.map(|(name, _)| name);
    let Some((column, wanted)) = text.rsplit_once(':') else {
        return Err(refuse("write it as id:delta_binary_packed".to_owned()));
    };
    match ENCODINGS.iter().find(|(name, _)| *name == wanted) {
        Some((_, encoding)) => Ok((column.to_owned(), *encoding)),
        None => Err(refuse(match nearest(wanted, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("encodings are {}", names.join(", ")),
        })),
    }
}

/// Finds the leaves of a column by its name or its path, as `address.city`.
fn leaves<'s>(
    option: &'static str,
    name: &str,
    schema: &'s SchemaDescriptor,
) -> Result<Vec<&'s ColumnDescriptor>> {
    let columns = schema.columns().iter().map(|column| &**column);
    let is_named = |column: &&ColumnDescriptor| {
        let parts = column.path().parts();
        parts.first().is_some_and(|root| root == name) || column.path().string() == name
    };
    let found: Vec<&ColumnDescriptor> = columns.filter(is_named).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let error = Error::new(ErrorKind::Config, "no such column")
        .with("option", option)
        .with("column", name);
    let roots = schema.root_schema().get_fields();
    Err(match nearest(name, roots.iter().map(|root| root.name())) {
        Some(near) => error.with_hint(format!("did you mean `{near}`?")),
        None => error,
    })
}

/// Says whether values of a physical type can be encoded so.
fn suits(encoding: Encoding, kind: Physical) -> bool {
    use Physical as P;
    match encoding {
        Encoding::DELTA_BINARY_PACKED => matches!(kind, P::INT32 | P::INT64),
        Encoding::DELTA_LENGTH_BYTE_ARRAY => kind == P::BYTE_ARRAY,
        Encoding::DELTA_BYTE_ARRAY => matches!(kind, P::BYTE_ARRAY | P::FIXED_LEN_BYTE_ARRAY),
        Encoding::BYTE_STREAM_SPLIT => matches!(
            kind,
            P::INT32 | P::INT64 | P::FLOAT | P::DOUBLE | P::FIXED_LEN_BYTE_ARRAY
        ),
        Encoding::RLE => kind == P::BOOLEAN,
        _ => true,
    }
}

fn suiting(kind: Physical) -> String {
    let names = ENCODINGS
        .iter()
        .filter(|(_, encoding)| suits(*encoding, kind));
    let names: Vec<&str> = names.map(|(name, _)| *name).collect();
    format!("it has {}", names.join(", "))
}
