//! The same field of many records, as places in a block of bytes.

/// Where one field's text stands.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Its first byte.
    pub start: u32,
    /// Behind its last byte.
    pub end: u32,
    /// How to take it.
    pub kind: SpanKind,
}

/// How to take a [`Span`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// As it stands in the block.
    Plain,
    /// As it stands in the block, between quotes: never null.
    Quoted,
    /// As it stands in the side buffer, its quotes and escapes resolved: never null.
    Unescaped,
    /// Not there: null.
    Missing,
}

/// One field of many records.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    places: Places<'a>,
    nulls: Option<&'a [Vec<u8>]>,
}

#[derive(Debug, Clone, Copy)]
enum Places<'a> {
    /// Between separators: field `column` of record `n` ends at `ends[n * stride + column + 1]`
    /// and starts behind the separator before it.
    Separated {
        ends: &'a [u32],
        stride: usize,
        column: usize,
    },
    Listed {
        side: &'a [u8],
        spans: &'a [Span],
        stride: usize,
        column: usize,
    },
}

impl<'a> Fields<'a> {
    /// Describes fields of records that lie between separators with none missing.
    ///
    /// `ends` holds the place before the first record (wrapped: `u32::MAX` for 0), then the place
    /// of the separator behind each field, `stride` for each record.
    #[must_use]
    pub fn separated(bytes: &'a [u8], ends: &'a [u32], stride: usize, column: usize) -> Self {
        let places = Places::Separated {
            ends,
            stride,
            column,
        };
        Self {
            bytes,
            places,
            nulls: None,
        }
    }

    /// Describes fields by their spans, `stride` for each record.
    #[must_use]
    pub fn listed(
        (bytes, side): (&'a [u8], &'a [u8]),
        spans: &'a [Span],
        stride: usize,
        column: usize,
    ) -> Self {
        let places = Places::Listed {
            side,
            spans,
            stride,
            column,
        };
        Self {
            bytes,
            places,
            nulls: None,
        }
    }

    /// Takes these spellings for null where they are not quoted, and no others; without this the
    /// empty text is null.
    #[must_use]
    pub fn with_nulls(mut self, nulls: Option<&'a [Vec<u8>]>) -> Self {
        self.nulls = nulls;
        self
    }

    /// Gives the number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.places {
            Places::Separated { ends, stride, .. } => (ends.len() - 1) / stride,
            Places::Listed { spans, stride, .. } => spans.len() / stride,
        }
    }

    /// Says whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives the field of each record in turn, `None` for null.
    #[inline]
    pub(crate) fn for_each(&self, mut each: impl FnMut(Option<&'a [u8]>)) {
        let bytes = self.bytes;
        match self.places {
            Places::Separated {
                ends,
                stride,
                column,
            } => {
                for record in 0..self.len() {
                    let at = record * stride + column;
                    let text = between(bytes, ends[at], ends[at + 1], column + 1 == stride);
                    each((!self.is_null(text)).then_some(text));
                }
            }
            Places::Listed {
                side,
                spans,
                stride,
                column,
            } => {
                for span in spans.iter().skip(column).step_by(stride) {
                    let (from, to) = (span.start as usize, span.end as usize);
                    each(match span.kind {
                        SpanKind::Plain => {
                            Some(&bytes[from..to]).filter(|text| !self.is_null(text))
                        }
                        SpanKind::Quoted => Some(&bytes[from..to]),
                        SpanKind::Unescaped => Some(&side[from..to]),
                        SpanKind::Missing => None,
                    });
                }
            }
        }
    }

    /// Gives the text of one record's field and whether it stands unquoted.
    #[must_use]
    pub fn get(&self, record: usize) -> Option<(&'a [u8], bool)> {
        match self.places {
            Places::Separated {
                ends,
                stride,
                column,
            } => {
                let at = record * stride + column;
                let last = column + 1 == stride;
                let text = between(self.bytes, *ends.get(at)?, *ends.get(at + 1)?, last);
                Some((text, true))
            }
            Places::Listed {
                side,
                spans,
                stride,
                column,
            } => {
                let span = spans.get(record * stride + column)?;
                let (from, to) = (span.start as usize, span.end as usize);
                match span.kind {
                    SpanKind::Plain => Some((&self.bytes[from..to], true)),
                    SpanKind::Quoted => Some((&self.bytes[from..to], false)),
                    SpanKind::Unescaped => Some((&side[from..to], false)),
                    SpanKind::Missing => None,
                }
            }
        }
    }

    #[inline]
    fn is_null(&self, text: &[u8]) -> bool {
        match self.nulls {
            None => text.is_empty(),
            Some(spellings) => spellings.iter().any(|spelling| spelling == text),
        }
    }
}

/// Gives what stands between two separators, without the carriage return before a line feed.
#[inline]
fn between(bytes: &[u8], before: u32, behind: u32, ends_record: bool) -> &[u8] {
    let text = &bytes[before.wrapping_add(1) as usize..behind as usize];
    match text {
        [text @ .., b'\r'] if ends_record && (behind as usize) < bytes.len() => text,
        _ => text,
    }
}
