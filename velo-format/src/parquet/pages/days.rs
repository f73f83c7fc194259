//! Timestamps of twelve bytes (`INT96`), as old writers have them: nanoseconds of the day and the
//! day by the Julian count.

const VALUE: usize = 12;
/// The Julian day of 1970-01-01.
const EPOCH: i64 = 2_440_588;
const NANOSECONDS: i64 = 86_400 * 1_000_000_000;

/// Says whether nanoseconds since 1970 reach every one of the values, which the decoder takes for
/// granted: from September 1677 to April 2262.
pub(super) fn are_reached(values: &[u8]) -> bool {
    let is_reached = |value: &[u8; VALUE]| {
        let [a, b, c, d, e, f, g, h, day @ ..] = *value;
        let of_day = i64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let day = i64::from(i32::from_le_bytes(day)) - EPOCH;
        let start = day.checked_mul(NANOSECONDS);
        start.and_then(|start| start.checked_add(of_day)).is_some()
    };
    values.as_chunks().0.iter().all(is_reached)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(day: i64, of_day: i64) -> Vec<u8> {
        let day = i32::try_from(day + EPOCH).unwrap();
        [&of_day.to_le_bytes()[..], &day.to_le_bytes()].concat()
    }

    #[test]
    fn the_reach_of_nanoseconds_is_kept() {
        assert!(are_reached(&[value(0, 0), value(-106_751, 0)].concat()));
        assert!(are_reached(&value(106_751, NANOSECONDS / 2)));
        assert!(!are_reached(&value(106_752, 0)));
        assert!(!are_reached(&[value(0, 0), value(-719_162, 0)].concat()));
    }
}
