//! The least and the greatest value of pages and of the column.

use ::parquet::basic::BoundaryOrder;

/// Bounds of the column, and how those of its pages follow each other.
pub(super) struct Bounds<T> {
    column: Option<(T, T)>,
    last: Option<(T, T)>,
    ascending: bool,
    descending: bool,
}

impl<T: PartialOrd + Clone> Bounds<T> {
    pub(super) fn new() -> Self {
        Self {
            column: None,
            last: None,
            ascending: true,
            descending: true,
        }
    }

    /// Takes in the bounds of a page.
    pub(super) fn add(&mut self, least: T, most: T) {
        if let Some((last_least, last_most)) = &self.last {
            self.ascending &= *last_least <= least && *last_most <= most;
            self.descending &= *last_least >= least && *last_most >= most;
        }
        match &mut self.column {
            None => self.column = Some((least.clone(), most.clone())),
            Some((column_least, column_most)) => {
                if least < *column_least {
                    *column_least = least.clone();
                }
                if most > *column_most {
                    *column_most = most.clone();
                }
            }
        }
        self.last = Some((least, most));
    }

    /// Gives the order of the pages; pages without values do not count.
    pub(super) fn order(&self) -> BoundaryOrder {
        match (self.ascending, self.descending) {
            (true, _) => BoundaryOrder::ASCENDING,
            (false, true) => BoundaryOrder::DESCENDING,
            (false, false) => BoundaryOrder::UNORDERED,
        }
    }

    pub(super) fn column(&self) -> Option<(T, T)> {
        self.column.clone()
    }
}

/// Bytes that a bound of text or bytes may have.
const LONGEST: usize = 64;

/// Cuts a least value short: what is left is not greater.
pub(super) fn cut_least(value: &[u8], text: bool) -> &[u8] {
    &value[..cut(value, text)]
}

/// Cuts a greatest value short and raises its end, so that it is not less; `None` where that
/// cannot be done.
pub(super) fn cut_most(value: &[u8], text: bool) -> Option<Vec<u8>> {
    let head = &value[..cut(value, text)];
    if head.len() == value.len() {
        return Some(head.to_vec());
    }
    if text {
        return raised_text(std::str::from_utf8(head).ok()?);
    }
    let last = head.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut raised = head[..=last].to_vec();
    raised[last] += 1;
    Some(raised)
}

/// Gives the length to cut to, which divides no character of a text.
fn cut(value: &[u8], text: bool) -> usize {
    if value.len() <= LONGEST {
        return value.len();
    }
    let inside = |at: &usize| text && value[*at] & 0xc0 == 0x80;
    (0..=LONGEST).rfind(|at| !inside(at)).unwrap_or(0)
}

/// Raises the last character that has a follower of the same length, and cuts behind it.
fn raised_text(text: &str) -> Option<Vec<u8>> {
    text.char_indices().rev().find_map(|(at, character)| {
        let next = char::from_u32(u32::from(character) + 1)?;
        let same = next.len_utf8() == character.len_utf8();
        same.then(|| format!("{}{next}", &text[..at]).into_bytes())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn cut_bounds_still_bound(bytes in prop::collection::vec(0x7e..=0xff_u8, 0..100)) {
            prop_assert!(cut_least(&bytes, false) <= &bytes[..]);
            if let Some(most) = cut_most(&bytes, false) {
                prop_assert!(most >= bytes && most.len() <= LONGEST);
            }
        }

        #[test]
        fn cut_texts_still_bound_and_stay_texts(text in "[\u{0}-\u{7f}é\u{7ff}\u{ffff}😀]{0,50}") {
            let bytes = text.as_bytes();
            let least = cut_least(bytes, true);
            prop_assert!(least <= bytes && std::str::from_utf8(least).is_ok());
            if let Some(most) = cut_most(bytes, true) {
                prop_assert!(&most[..] >= bytes && most.len() <= LONGEST);
                prop_assert!(String::from_utf8(most).is_ok());
            }
        }
    }

    #[test]
    fn the_greatest_of_all_cannot_be_cut() {
        assert_eq!(cut_most(&[0xff; 65], false), None);
        assert_eq!(cut_most(&[0xff; 64], false), Some(vec![0xff; 64]));
        assert_eq!(cut_most(&"\u{10ffff}".repeat(17).into_bytes(), true), None);
    }

    #[test]
    fn pages_in_order_are_noticed() {
        let order = |pages: &[(i32, i32)]| {
            let mut bounds = Bounds::new();
            pages
                .iter()
                .for_each(|(least, most)| bounds.add(*least, *most));
            (bounds.order(), bounds.column())
        };
        let (up, down, none) = (
            BoundaryOrder::ASCENDING,
            BoundaryOrder::DESCENDING,
            BoundaryOrder::UNORDERED,
        );
        assert_eq!(order(&[]), (up, None));
        assert_eq!(order(&[(1, 2), (1, 3), (4, 4)]), (up, Some((1, 4))));
        assert_eq!(order(&[(4, 4), (1, 3), (1, 2)]), (down, Some((1, 4))));
        assert_eq!(order(&[(1, 2), (0, 3)]), (none, Some((0, 3))));
    }
}
