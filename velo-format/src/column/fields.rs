//! The same field of many records, as places in a block of bytes.

use super::ColumnBuilder;

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

/// What takes texts of one column; a trait so that its loop is compiled for each way in which
/// they are stored.
pub(crate) trait TakeTexts {
    /// Takes each text, `None` for null.
    fn take_texts<'a>(&mut self, texts: impl Iterator<Item = Option<&'a [u8]>>);
}

/// Appends texts one by one.
pub(crate) struct OneByOne<'c, C> {
    pub(crate) column: &'c mut C,
    pub(crate) refused: &'c mut Vec<u32>,
}

impl<C: ColumnBuilder> TakeTexts for OneByOne<'_, C> {
    fn take_texts<'a>(&mut self, texts: impl Iterator<Item = Option<&'a [u8]>>) {
        for (record, text) in texts.enumerate() {
            match text {
                Some(text) if !self.column.append(text) => self.refused.push(record as u32),
                Some(_) => {}
                None => self.column.append_null(),
            }
        }
    }
}

/// One field of many records.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    side: &'a [u8],
    places: Places<'a>,
    /// Fields between separators that are quoted: the record and the text, in order.
    quoted: &'a [(u32, Span)],
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
            side: &[],
            places,
            quoted: &[],
            nulls: None,
        }
    }

    /// Says which of the fields between separators are quoted: the record's number and the text,
    /// ascending.
    #[must_use]
    pub fn with_quoted(mut self, side: &'a [u8], quoted: &'a [(u32, Span)]) -> Self {
        (self.side, self.quoted) = (side, quoted);
        self
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
            spans,
            stride,
            column,
        };
        Self {
            bytes,
            side,
            places,
            quoted: &[],
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

    /// Hands the field of each record to a builder in turn.
    #[inline]
    pub(crate) fn feed(&self, into: &mut impl TakeTexts) {
        match self.places {
            Places::Separated {
                ends,
                stride,
                column,
            } => {
                let last = column + 1 == stride;
                let records = ends.get(column..).unwrap_or_default().chunks(stride);
                let text = |(record, chunk): (usize, &[u32])| {
                    // A stride of one leaves the next separator to the next chunk.
                    let behind = chunk.get(1).copied();
                    let behind = behind.unwrap_or_else(|| ends[record * stride + column + 1]);
                    let text = between(self.bytes, chunk[0], behind, last);
                    (!self.is_null(text)).then_some(text)
                };
                let records = records.take(self.len()).enumerate();
                let mut quoted = self.quoted.iter().peekable();
                if quoted.peek().is_none() {
                    return into.take_texts(records.map(text));
                }
                into.take_texts(records.map(|(record, chunk)| {
                    match quoted.next_if(|(at, _)| *at as usize == record) {
                        None => text((record, chunk)),
                        Some((_, span)) => self.text(span),
                    }
                }));
            }
            Places::Listed {
                spans,
                stride,
                column,
            } => into.take_texts(
                spans
                    .iter()
                    .skip(column)
                    .step_by(stride)
                    .map(|span| self.text(span)),
            ),
        }
    }

    /// Gives the text of one record's field and whether it stands unquoted.
    #[must_use]
    pub fn get(&self, record: usize) -> Option<(&'a [u8], bool)> {
        let span = match self.places {
            Places::Separated {
                ends,
                stride,
                column,
            } => {
                let at = record * stride + column;
                let last = column + 1 == stride;
                let text = between(self.bytes, *ends.get(at)?, *ends.get(at + 1)?, last);
                let quoted = self
                    .quoted
                    .binary_search_by_key(&record, |(at, _)| *at as usize);
                match quoted {
                    Err(_) => return Some((text, true)),
                    Ok(place) => &self.quoted[place].1,
                }
            }
            Places::Listed {
                spans,
                stride,
                column,
            } => spans.get(record * stride + column)?,
        };
        self.raw(span)
    }

    /// Gives the text of a span and whether it stands unquoted; `None` where there is none.
    #[inline]
    fn raw(&self, span: &Span) -> Option<(&'a [u8], bool)> {
        let (from, to) = (span.start as usize, span.end as usize);
        match span.kind {
            SpanKind::Plain => Some((&self.bytes[from..to], true)),
            SpanKind::Quoted => Some((&self.bytes[from..to], false)),
            SpanKind::Unescaped => Some((&self.side[from..to], false)),
            SpanKind::Missing => None,
        }
    }

    /// Gives the text of a span, `None` for null.
    #[inline]
    fn text(&self, span: &Span) -> Option<&'a [u8]> {
        let (text, unquoted) = self.raw(span)?;
        (!(unquoted && self.is_null(text))).then_some(text)
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
