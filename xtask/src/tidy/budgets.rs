//! Files stay short: 400 lines, tests and examples in docs not counted.

use std::path::Path;

use super::{Tree, Violation};

const LINES: usize = 400;

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    tree.rust()
        .filter(|file| !is_test(&file.path))
        .map(|file| (file, counted_lines(&file.text)))
        .filter(|(_, lines)| *lines > LINES)
        .map(|(file, lines)| {
            let message = format!("{lines} lines without tests, at most {LINES}: split it");
            Violation::new(&file.path, message)
        })
        .collect()
}

/// Whether a whole file only tests: `tests/…`, `src/uri/tests.rs`, `benches/…`.
fn is_test(path: &Path) -> bool {
    path.with_extension("")
        .iter()
        .any(|part| part == "tests" || part == "benches")
}

/// Counts lines outside `#[cfg(test)]` items and outside the examples of doc comments.
fn counted_lines(text: &str) -> usize {
    let mut in_example = false;
    let counts = |line: &&str| {
        let fence = is_fence(line);
        in_example ^= fence;
        !fence && !in_example
    };
    outside_tests(text).into_iter().filter(counts).count()
}

/// The lines of a file that stand outside its `#[cfg(test)]` items.
pub(super) fn outside_tests(text: &str) -> Vec<&str> {
    let mut kept = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" {
            skip_item(&mut lines);
        } else {
            kept.push(line);
        }
    }
    kept
}

/// Skips a top-level item: to its closing brace at the line's start, or to its semicolon.
fn skip_item<'a>(lines: &mut impl Iterator<Item = &'a str>) {
    for line in lines {
        let ends_here = line.ends_with(';') || line.ends_with('}');
        if line.starts_with('}') || (!line.starts_with([' ', '#']) && ends_here) {
            return;
        }
    }
}

fn is_fence(line: &str) -> bool {
    let line = line.trim_start();
    let comment = line
        .strip_prefix("///")
        .or_else(|| line.strip_prefix("//!"));
    comment.is_some_and(|comment| comment.trim_start().starts_with("```"))
}

#[cfg(test)]
mod tests {
    use super::super::tree;
    use super::*;

    #[test]
    fn tests_and_examples_cost_nothing() {
        let cases = [
            ("fn a() {\n    b();\n}\n", 3),
            (
                "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {\n    }\n}\n",
                2,
            ),
            ("#[cfg(test)]\nmod tests;\nfn a() {}\n", 1),
            (
                "#[cfg(test)]\n#[path = \"x.rs\"]\nmod tests;\nfn a() {}\n",
                1,
            ),
            ("/// Adds.\n///\n/// ```\n/// a();\n/// ```\nfn a() {}\n", 3),
        ];
        for (text, lines) in cases {
            assert_eq!(counted_lines(text), lines, "{text}");
        }
    }

    #[test]
    fn the_limit_is_inclusive_and_test_files_have_none() {
        let full = "x\n".repeat(LINES);
        let over = "x\n".repeat(LINES + 1);
        let files = tree(&[
            ("a.rs", &full),
            ("b.rs", &over),
            ("velo-a/tests/c.rs", &over),
            ("velo-a/src/d/tests.rs", &over),
        ]);
        let broken = check(&files);
        assert_eq!(broken.len(), 1);
        assert_eq!(broken[0].path.to_str(), Some("b.rs"));
    }
}
