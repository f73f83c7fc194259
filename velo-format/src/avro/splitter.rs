//! Following blocks without looking into them.

use super::block;
use super::header::SYNC;
use crate::Splitter;

/// Hops from block to block; only the numbers before a block and the marker behind it are looked
/// at.
pub(super) struct BlockSplitter {
    sync: [u8; SYNC],
    /// The beginning of a block whose numbers are not whole yet.
    head: Vec<u8>,
    state: State,
}

enum State {
    /// In the numbers before a block.
    Head,
    /// In a block: its records, and the bytes that are left of it.
    Body(u64, u64),
    /// In the marker: the block's records, and the bytes of the marker that were met.
    Marker(u64, usize),
    /// No block can be made out any more.
    Lost,
}

impl BlockSplitter {
    pub(super) fn new(sync: [u8; SYNC]) -> Self {
        Self {
            sync,
            head: Vec::new(),
            state: State::Head,
        }
    }

    /// Reads the numbers before a block; gives how many bytes were taken.
    fn head(&mut self, bytes: &[u8]) -> usize {
        let known = self.head.len();
        // Two numbers of 64 bits.
        let taken = bytes.len().min(20);
        self.head.extend_from_slice(&bytes[..taken]);
        let (state, used) = match block::sizes(&self.head) {
            Ok(Some(sizes)) => (
                State::Body(sizes.records, sizes.bytes),
                sizes.length - known,
            ),
            Ok(None) => return taken,
            Err(_) => (State::Lost, taken),
        };
        self.state = state;
        self.head.clear();
        used
    }
}

impl Splitter for BlockSplitter {
    fn scan(&mut self, block: &[u8]) -> (u64, Option<usize>) {
        let (mut records, mut end, mut at) = (0, None, 0);
        while at < block.len() {
            let rest = &block[at..];
            match &mut self.state {
                State::Head => at += self.head(rest),
                State::Body(count, 0) => self.state = State::Marker(*count, 0),
                State::Body(_, left) => {
                    let step = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= step as u64;
                    at += step;
                }
                State::Marker(count, met) => {
                    let wanted = &self.sync[*met..];
                    let step = wanted.len().min(rest.len());
                    at += step;
                    *met += step;
                    if wanted[..step] != rest[..step] {
                        self.state = State::Lost;
                    } else if *met == SYNC {
                        records += *count;
                        end = Some(at);
                        self.state = State::Head;
                    }
                }
                State::Lost => break,
            }
        }
        (records, end)
    }
}
