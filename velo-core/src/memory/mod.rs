//! `memory://name`: tables in this process.
use crate::{Error, ErrorKind, Offset, Result};
use std::cmp::Ordering;
/// x
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryOffset {
    /// x
    pub partition: u32,
    /// x
    pub row: u64,
}
impl Offset for MemoryOffset {
    const KIND: &'static str = "memory";
    const VERSION: u32 = 1;
    fn encode(&self) -> String {
        format!("{}/{}", self.partition, self.row)
    }
    fn decode(_version: u32, text: &str) -> Result<Self> {
        text.split_once('/')
            .and_then(|(p, r)| {
                Some(Self {
                    partition: p.parse().ok()?,
                    row: r.parse().ok()?,
                })
            })
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidInput,
                    "stored memory offset is not partition/row",
                )
            })
    }
    fn compare(&self, other: &Self) -> Option<Ordering> {
        (self.partition == other.partition).then(|| self.row.cmp(&other.row))
    }
}
