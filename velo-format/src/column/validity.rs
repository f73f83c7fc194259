//! Which values of a column are not null.

use arrow_buffer::{NullBuffer, NullBufferBuilder};

/// Counts values that are there and writes bits only once there is a null.
pub(crate) struct Validity {
    bits: NullBufferBuilder,
    /// Values since the last null.
    run: usize,
}

impl Validity {
    pub(crate) fn new() -> Self {
        Self {
            bits: NullBufferBuilder::new(0),
            run: 0,
        }
    }

    #[inline]
    pub(crate) fn append(&mut self, valid: bool) {
        if valid {
            self.run += 1;
        } else {
            self.append_null();
        }
    }

    #[cold]
    fn append_null(&mut self) {
        self.bits.append_n_non_nulls(self.run);
        self.bits.append_null();
        self.run = 0;
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        self.bits.append_n_non_nulls(self.run);
        self.bits.truncate(length);
        self.run = 0;
    }

    pub(crate) fn finish(&mut self) -> Option<NullBuffer> {
        self.bits.append_n_non_nulls(self.run);
        self.run = 0;
        self.bits.finish()
    }
}
