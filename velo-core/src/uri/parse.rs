//! Splitting the text of a URI; every accessor relies on what is checked here.

use std::net::Ipv6Addr;

use super::{Host, Uri, percent};
use crate::{Error, ErrorKind, Result};

pub(super) fn parse(text: &str) -> Result<Uri> {
    let is_control = |byte: u8| byte < 0x20 || byte == 0x7f;
    // One pass without branches for both questions; the place is looked for only if it matters.
    let (control, escaped) = text
        .bytes()
        .fold((false, false), |(control, escaped), byte| {
            (control | is_control(byte), escaped | (byte == b'%'))
        });
    if control {
        let at = text.bytes().position(is_control).unwrap_or_default();
        return Err(invalid("control character in URI", at));
    }
    if text.is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "URI is empty"));
    }
    if u32::try_from(text.len()).is_err() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "URI is longer than 4 GiB",
        ));
    }
    match scheme_end(text) {
        Some(end) => with_scheme(text, end, escaped),
        None => Ok(bare(text)),
    }
}

/// Finds the end of a scheme: letters, digits, `+`, `-`, `.`, then `://`, or a lone `name:`.
fn scheme_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let end = bytes
        .iter()
        .position(|&byte| !(byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)))?;
    let follows = &bytes[end..];
    let is_scheme = bytes[0].is_ascii_alphabetic()
        && (follows.starts_with(b"://") || follows == b":" || follows.starts_with(b":?"));
    is_scheme.then_some(end)
}

fn bare(text: &str) -> Uri {
    let query = query_start(text, 0);
    let path_end = query.map_or(text.len(), |start| start - 1);
    Uri {
        text: text.to_owned(),
        scheme: 0,
        userinfo: None,
        hosts: (0, 0),
        path: (0, narrow(path_end)),
        query: query.map(narrow),
        bare: true,
    }
}

fn with_scheme(text: &str, scheme: usize, escaped: bool) -> Result<Uri> {
    let bytes = text.as_bytes();
    let has_authority = bytes[scheme..].starts_with(b"://");
    let start = if has_authority {
        scheme + 3
    } else {
        scheme + 1
    };
    let end = bytes[start..]
        .iter()
        .position(|&byte| byte == b'/' || byte == b'?')
        .map_or(bytes.len(), |at| start + at);
    let at_sign = bytes[start..end]
        .iter()
        .rposition(|&byte| byte == b'@')
        .map(|at| start + at);
    let hosts = at_sign.map_or(start, |at| at + 1);
    check_hosts(&text[hosts..end], hosts)?;
    let query = query_start(text, end);
    let path_end = query.map_or(text.len(), |start| start - 1);
    if escaped {
        for part in [
            start..end,
            end..path_end,
            query.unwrap_or(text.len())..text.len(),
        ] {
            percent::decode(&text[part])?;
        }
    }
    let mut text = text.to_owned();
    text[..scheme].make_ascii_lowercase();
    Ok(Uri {
        text,
        scheme: narrow(scheme),
        userinfo: at_sign.map(|at| (narrow(start), narrow(at))),
        hosts: (narrow(hosts), narrow(end)),
        path: (narrow(end), narrow(path_end)),
        query: query.map(narrow),
        bare: false,
    })
}

/// Finds where the query starts: behind the first `?` that a name follows. Any other `?` is a
/// glob's, as in `part-?.csv`.
fn query_start(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut start = from;
    loop {
        start += bytes[start..].iter().position(|&byte| byte == b'?')? + 1;
        let name = &bytes[start..];
        let length = name
            .iter()
            .position(|&byte| !(byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'))
            .unwrap_or(name.len());
        if length > 0 && matches!(name.get(length), None | Some(b'=' | b'&')) {
            return Some(start);
        }
    }
}

fn check_hosts(text: &str, at: usize) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    for host in text.split(',') {
        let (name, port) = split_port(host);
        let named = match name.strip_prefix('[') {
            Some(address) => is_ipv6(address.trim_end_matches(']')) && name.ends_with(']'),
            None => is_host_name(name),
        };
        if !named {
            return Err(invalid("host is empty or malformed", at)
                .with_hint("hosts are separated by commas, IPv6 addresses stand in [brackets]"));
        }
        if port.is_some_and(|port| port.parse::<u16>().map_or(true, |port| port == 0)) {
            return Err(invalid("port is not a number from 1 to 65535", at));
        }
    }
    Ok(())
}

pub(super) fn host(text: &str) -> Host<'_> {
    let (name, port) = split_port(text);
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    Host {
        name: percent::decoded(bare),
        port: port.and_then(|port| port.parse().ok()),
    }
}

fn split_port(host: &str) -> (&str, Option<&str>) {
    let name_end = if host.starts_with('[') {
        host.find(']').map_or(0, |at| at + 1)
    } else {
        0
    };
    match host[name_end..].find(':') {
        Some(at) => (&host[..name_end + at], Some(&host[name_end + at + 1..])),
        None => (host, None),
    }
}

fn is_ipv6(address: &str) -> bool {
    let address = address.split("%25").next().unwrap_or(address);
    address.parse::<Ipv6Addr>().is_ok()
}

fn is_host_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%$".contains(&byte) || byte > 0x7f;
    !name.is_empty() && (name.bytes().all(plain) || name.contains("${"))
}

fn narrow(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

fn invalid(message: &'static str, at: usize) -> Error {
    Error::new(ErrorKind::InvalidInput, message).with("byte", at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_every_part() {
        let uri = parse("S3+X://u%40x:p@h1:1,[fe80::1]:2/a%20b/c?x=1&y=%3F").unwrap();
        assert_eq!(uri.scheme(), "s3+x");
        assert_eq!(uri.user().as_deref(), Some("u@x"));
        assert_eq!(uri.authority(), "h1:1,[fe80::1]:2");
        assert_eq!(uri.path(), "/a b/c");
        assert_eq!(uri.query().unwrap().get("y"), Some("?"));
        assert_eq!(
            uri.to_string(),
            "s3+x://***@h1:1,[fe80::1]:2/a%20b/c?x=1&y=%3F"
        );
    }

    #[test]
    fn a_question_mark_without_a_name_is_a_glob() {
        for (text, path, query) in [
            ("data/part-?.csv", "data/part-?.csv", None),
            (
                "data/part-?.csv?header=false",
                "data/part-?.csv",
                Some("header=false"),
            ),
            ("file:///a/?/b.csv", "/a/?/b.csv", None),
            ("x?", "x?", None),
            ("kafka://a/t?cdc", "/t", Some("cdc")),
        ] {
            let uri = parse(text).unwrap();
            assert_eq!(uri.raw_path(), path, "{text}");
            assert_eq!(
                uri.query.map(|at| &uri.text[at as usize..]),
                query,
                "{text}"
            );
        }
    }

    #[test]
    fn bare_paths_are_taken_as_they_stand() {
        for text in [
            "100%.csv",
            "-",
            "2020-01-01T10:00.csv",
            "a b/c.csv",
            "C:x",
            "user@host",
        ] {
            let uri = parse(text).unwrap();
            assert!(uri.is_bare(), "{text}");
            assert_eq!(uri.path(), text);
        }
        assert_eq!(parse("stdin:").unwrap().scheme(), "stdin");
        assert_eq!(parse("stdin:?format=csv").unwrap().scheme(), "stdin");
    }

    #[test]
    fn refuses_what_is_malformed() {
        for text in [
            "",
            "a\nb",
            "kafka://a,,b/t",
            "kafka://a:0/t",
            "kafka://a:x/t",
            "kafka://[::g]/t",
            "kafka://a:70000/t",
            "file:///%zz",
            "file:///%",
            "file:///%ff",
            "kafka://a b/t",
            "s3://b/k?x=%ff",
        ] {
            assert_eq!(
                parse(text).unwrap_err().kind(),
                ErrorKind::InvalidInput,
                "{text:?}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_shows_no_password(text in "\\PC{0,40}", password in "[a-z]{12}") {
            if let Ok(uri) = parse(&text) {
                let _ = (uri.user(), uri.password(), uri.path(), uri.hosts().count(), uri.query().is_ok());
            }
            let uri = parse(&format!("kafka://u:{password}@h/t?sasl_password={password}")).unwrap();
            let shown = format!("{uri} {uri:?}");
            proptest::prop_assert!(!shown.contains(&password));
        }

        #[test]
        fn escapes_round_trip(text in "\\PC{0,40}") {
            let escaped = percent::encode(&text);
            let decoded = percent::decode(&escaped).unwrap();
            proptest::prop_assert_eq!(&*decoded, &*text);
        }
    }
}
