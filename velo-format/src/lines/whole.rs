//! Decoding a whole input into one row.

use arrow_schema::SchemaRef;
use velo_core::Result;

use super::check_length;
use super::decode::{Column, bad_row, not_text};
use crate::{BadRow, DecodeRequest, Decoded, Decoder};

/// Waits for an input's end and makes one row of all of it.
pub(super) struct WholeDecoder {
    most: usize,
    schema: SchemaRef,
    start: u64,
    wants_starts: bool,
    text: Column,
    bad: Vec<BadRow>,
    records: usize,
}

impl WholeDecoder {
    pub(super) fn new(most: usize, request: DecodeRequest) -> Self {
        Self {
            most,
            schema: request.schema,
            start: request.start,
            wants_starts: request.row_starts,
            text: Column::new(),
            bad: Vec::new(),
            records: 0,
        }
    }
}

impl Decoder for WholeDecoder {
    fn decode(&mut self, input: &[u8], last: bool) -> Result<usize> {
        check_length(input.len(), self.most, self.start)?;
        if !last || input.is_empty() {
            return Ok(0);
        }
        match not_text(input) {
            None => self.text.push(input),
            Some(at) => self
                .bad
                .push(bad_row(0, input, self.start, at, &self.schema)),
        }
        self.records = 1;
        Ok(input.len())
    }

    fn records(&self) -> usize {
        self.records
    }

    fn is_full(&self) -> bool {
        self.records > 0
    }

    fn take(&mut self) -> Result<Decoded> {
        self.records = 0;
        let rows = self.text.finish(&self.schema)?;
        let starts = if self.wants_starts {
            rows.num_rows()
        } else {
            0
        };
        Ok(Decoded {
            resumable: true,
            row_starts: vec![self.start; starts],
            rows,
            bad: std::mem::take(&mut self.bad),
        })
    }
}
