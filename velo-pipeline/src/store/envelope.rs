//! How a checkpoint lies in a file: a header that says what it is and whether it is whole.
//!
//! `VELOCKPT`, then version (u32), generation (u64), length of the body (u64) and CRC-32C (u32,
//! Castagnoli) of those three and the body, all little-endian; then the body, which is JSON.

use velo_core::{Error, ErrorKind, Result};

use super::Checkpoint;

const MAGIC: &[u8; 8] = b"VELOCKPT";
const VERSION: u32 = 1;
const HEADER: usize = 32;

/// Largest body that is believed; a checkpoint is a few kilobytes for each split.
pub(super) const LARGEST: u64 = 1 << 30;

/// Puts a body into its envelope.
pub(super) fn seal(generation: u64, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + body.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&generation.to_le_bytes());
    bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
    let sum = checksum(&bytes[MAGIC.len()..], body);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// Takes a body out of its envelope: the generation and the body.
///
/// # Errors
/// `InvalidData` for whatever is not wholly there; `Unsupported` for a newer version.
pub(super) fn open(bytes: &[u8]) -> Result<(u64, &[u8])> {
    let damaged = |what| Error::new(ErrorKind::InvalidData, what);
    let Some((header, body)) = bytes.split_at_checked(HEADER) else {
        return Err(damaged("checkpoint is shorter than its header"));
    };
    if &header[..8] != MAGIC {
        return Err(damaged("file is no checkpoint"));
    }
    let number = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&header[at..at + 8]);
        u64::from_le_bytes(bytes)
    };
    let short = |at: usize| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&header[at..at + 4]);
        u32::from_le_bytes(bytes)
    };
    let (version, generation, length, sum) = (short(8), number(12), number(20), short(28));
    if length != body.len() as u64 {
        return Err(damaged("checkpoint has another length than it says"));
    }
    if sum != checksum(&header[8..28], body) {
        return Err(damaged("checksum of the checkpoint does not match"));
    }
    if version > VERSION {
        return Err(
            Error::new(ErrorKind::Unsupported, "checkpoint has a newer format")
                .with("version", version)
                .with_hint("a newer velo wrote it; use that version"),
        );
    }
    Ok((generation, body))
}

/// Takes a checkpoint out of its envelope.
///
/// # Errors
/// As [`open`]; `InvalidData` for a body that is no checkpoint.
pub(super) fn checkpoint(bytes: &[u8]) -> Result<Checkpoint> {
    let (_, body) = open(bytes)?;
    serde_json::from_slice(body).map_err(|cause| {
        Error::new(ErrorKind::InvalidData, "checkpoint is not understood").with_source(cause)
    })
}

fn checksum(header: &[u8], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(header), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back() {
        for body in [&b""[..], b"{}", &[7; 1000]] {
            let sealed = seal(42, body);
            assert_eq!(open(&sealed).unwrap(), (42, body));
        }
    }

    #[test]
    fn is_refused_at_every_length_but_its_own() {
        let sealed = seal(3, b"{\"a\":1}");
        for length in 0..sealed.len() {
            assert!(open(&sealed[..length]).is_err(), "{length}");
        }
        let longer = [&sealed[..], b"x"].concat();
        assert!(open(&longer).is_err());
        assert!(open(&vec![0; sealed.len()]).is_err());
    }

    #[test]
    fn is_refused_with_any_bit_flipped() {
        let sealed = seal(3, b"{\"a\":1}");
        for at in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            assert!(open(&flipped).is_err(), "bit {at}");
        }
    }

    #[test]
    fn a_newer_version_is_not_called_damage() {
        let mut sealed = seal(3, b"{}");
        sealed[8] = 2;
        let sum = checksum(&sealed[8..28], b"{}");
        sealed[28..32].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(open(&sealed).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
