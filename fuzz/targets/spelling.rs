//! Types and conditions as users spell them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use velo_core::Predicate;
use velo_format::{parse_columns, parse_type};

fuzz_target!(|text: &str| {
    let _ = parse_type(text);
    let _ = parse_columns(text);
    let _ = text.parse::<Predicate>();
});
