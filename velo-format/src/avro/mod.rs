//! Apache Avro: object container files (Avro 1.12), both directions.
//!
//! # Reading
//! The schema in the file's header gives the columns; a file whose values are not records has one
//! column `value`.
//!
//! | Avro | column |
//! |---|---|
//! | null, boolean, int, long, float, double | null, boolean, int32, int64, float32, float64 |
//! | bytes; fixed | binary; binary of fixed size |
//! | string; enum; uuid on string or fixed | text |
//! | array, map, record | list, map, struct |
//! | union of null and a type | the type, nullable |
//! | any other union | a struct with one nullable field for each branch, named by its type |
//! | decimal on bytes or fixed, to 76 digits | decimal |
//! | date; time-millis, time-micros | date; time(ms), time(us) |
//! | timestamp-millis, -micros, -nanos | timestamp in UTC |
//! | local-timestamp-millis, -micros, -nanos | timestamp without a zone |
//! | duration | a struct of months, days and milliseconds (uint32) |
//!
//! A logical type that does not fit what it stands on is left out, as the specification demands. A
//! type that contains itself is `Unsupported`: it has no columns.
//!
//! Records are decoded straight into columns; fields of columns that nobody wants are passed over.
//! A record that does not decode takes the rest of its block with it, because nothing tells where
//! the next one starts: one [`BadRow`](crate::BadRow) stands for them all. Borders of blocks that
//! cannot be made out end the reading: a wrong marker, a number of records that the bytes cannot
//! hold, an end within a block. `max_line_length` is the longest block, compressed or not; the
//! items of one record may take 256 MiB, and a block of records without bytes may have 2^20.
//!
//! # Writing
//! Blocks are encoded and compressed side by side. The marker between them is made of the header
//! and the first block, so that equal rows give equal files. See [`AvroOutput`] for the types.

mod options;

#[cfg(feature = "avro")]
mod block;
#[cfg(feature = "avro")]
mod codec;
#[cfg(feature = "avro")]
mod column;
#[cfg(feature = "avro")]
mod decode;
#[cfg(feature = "avro")]
mod header;
#[cfg(feature = "avro")]
mod infer;
#[cfg(feature = "avro")]
mod input;
#[cfg(feature = "avro")]
mod read;
#[cfg(feature = "avro")]
mod rows;
#[cfg(feature = "avro")]
mod schema;
#[cfg(feature = "avro")]
mod shape;
#[cfg(feature = "avro")]
mod skip;
#[cfg(feature = "avro")]
mod splitter;
#[cfg(feature = "avro")]
mod write;

#[cfg(test)]
#[cfg(feature = "avro")]
mod tests;

pub use options::AvroWriteOptions;
#[cfg(feature = "avro")]
pub use read::Avro;
#[cfg(feature = "avro")]
pub use write::AvroOutput;
