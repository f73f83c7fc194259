//! ORC: any bytes are decoded or refused.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| velo_fuzz::read(velo_format::Format::Orc, bytes));
