//! What the targets share: reading bytes as a format, from the first look to the last row.

use std::sync::{Arc, Once};

use arrow_array::RecordBatch;
use bytes::Bytes;
use velo_format::{
    DecodeRequest, Format, Layout, RandomFormat, RandomRequest, ReadOptions, Settled, StreamFormat,
};

/// Rows after which an input is left; a few bytes can stand for any number of rows.
const ENOUGH_ROWS: usize = 100_000;

/// Reads bytes as a format.
///
/// # Panics
/// When a decoder consumes more than there is, stands still, or gives other rows for another size
/// of blocks.
pub fn read(format: Format, bytes: &[u8]) {
    let_fences_stand();
    match format.layout(&ReadOptions::default()) {
        Ok(Layout::Stream(format)) => read_stream(&*format, bytes),
        Ok(Layout::Random(format)) => read_random(&*format, bytes),
        Err(error) => panic!("the defaults are refused: {error}"),
    }
}

/// The fuzzer's own panic hook ends the process with every panic, also with those that a fence
/// turns into errors; this one leaves them alone.
pub fn let_fences_stand() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let fatal = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !velo_format::is_fenced() {
                fatal(panic);
            }
        }));
    });
}

fn read_stream(format: &dyn StreamFormat, bytes: &[u8]) {
    let settled = match format.settle(bytes, true) {
        Ok(Settled::To { format, .. }) => Some(format),
        Ok(Settled::AsItIs) => None,
        Ok(Settled::More) => panic!("more is asked of a whole input"),
        Err(_) => return,
    };
    let format = settled.as_deref().unwrap_or(format);
    let Ok(Some(prologue)) = format.prologue(bytes, true) else {
        return;
    };
    let start = usize::try_from(prologue.bytes).expect("fits");
    let body = bytes
        .get(start..)
        .expect("a prologue lies within the input");
    let mut inference = format.infer(&prologue);
    let Ok(consumed) = inference.update(body, true) else {
        return;
    };
    assert!(consumed <= body.len());
    let Ok(inferred) = inference.finish() else {
        return;
    };
    let request = |batch_rows| DecodeRequest {
        schema: inferred.schema.clone(),
        columns: prologue.columns.clone(),
        header: prologue.header.clone(),
        batch_rows,
        start: prologue.bytes,
        row_starts: false,
    };
    let whole = decode(format, request(8192), body, body.len().max(1));
    let parts = decode(format, request(7), body, 61);
    if let (Some(whole), Some(parts)) = (whole, parts) {
        assert_eq!(whole, parts, "the size of blocks changes the rows");
    }
}

/// Gives the numbers of good and bad rows; `None` for an error or more rows than wanted.
fn decode(
    format: &dyn StreamFormat,
    request: DecodeRequest,
    body: &[u8],
    block: usize,
) -> Option<(usize, usize)> {
    let mut decoder = format.decoder(request).ok()?;
    let (mut at, mut end, mut good, mut bad) = (0, block.min(body.len()), 0, 0);
    loop {
        let last = end == body.len();
        let consumed = decoder.decode(&body[at..end], last).ok()?;
        at += consumed;
        assert!(at <= end, "more consumed than given");
        let ended = last && at == end;
        if decoder.is_full() || ended {
            let had = decoder.records();
            let decoded = decoder.take().ok()?;
            good += decoded.rows.num_rows();
            bad += decoded.bad.len();
            assert!(ended || had > 0 || consumed > 0, "a full batch of nothing");
            if ended && !decoder.is_full() && decoder.records() == 0 {
                return Some((good, bad));
            }
        } else {
            assert!(!last || consumed > 0, "a record stays undecoded");
            end = (end + block).min(body.len());
        }
        if good > ENOUGH_ROWS {
            return None;
        }
    }
}

fn read_random(format: &dyn RandomFormat, bytes: &[u8]) {
    let Ok(input) = format.open(Arc::new(Bytes::copy_from_slice(bytes))) else {
        return;
    };
    let mut rows = 0;
    for unit in 0..input.units().units.len() {
        let request = RandomRequest {
            unit,
            rows: 0..u64::MAX,
            projection: None,
            predicate: None,
            batch_rows: 1000,
            views: false,
        };
        let Ok(batches) = input.read(request) else {
            return;
        };
        let sound = batches.map_while(Result::ok);
        for batch in sound {
            rows += RecordBatch::num_rows(&batch);
            if rows > ENOUGH_ROWS {
                return;
            }
        }
    }
}
