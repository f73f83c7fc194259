//! A promise for later names its issue: `TODO(#12): …`.

use super::{SourceFile, Tree, Violation};

const WORDS: [&str; 3] = ["TODO", "FIXME", "XXX"];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    tree.files.iter().flat_map(in_file).collect()
}

fn in_file(file: &SourceFile) -> Vec<Violation> {
    let mark = if file.path.extension().is_some_and(|it| it == "rs") {
        "//"
    } else {
        "#"
    };
    let lines = (1..).zip(file.text.lines());
    lines
        .filter_map(|(number, line)| Some((number, promise(line, mark)?)))
        .map(|(number, word)| {
            let message = format!("line {number}: {word} without an issue: `{word}(#12)`");
            Violation::new(&file.path, message)
        })
        .collect()
}

/// Finds such a word in a line's comment with no issue number behind it.
fn promise(line: &str, mark: &str) -> Option<&'static str> {
    let (_, comment) = line.split_once(mark)?;
    let is_bare = |word: &&&str| {
        let mut found = comment.split(**word);
        found.next();
        found.any(|after| !names_issue(after))
    };
    WORDS.iter().find(is_bare).copied()
}

fn names_issue(after: &str) -> bool {
    let digits = after.strip_prefix("(#");
    digits.is_some_and(|digits| digits.starts_with(|it: char| it.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::promise;

    #[test]
    fn a_promise_needs_an_issue() {
        let word = "TODO";
        let cases = [
            (format!("    // {word}: later"), true),
            (format!("    // {word}(#12): later"), false),
            (format!("    // {word}(#12) and {word}(me)"), true),
            (format!("    let text = \"{word}\";"), false),
            ("    // done".to_owned(), false),
        ];
        for (line, expected) in cases {
            assert_eq!(promise(&line, "//").is_some(), expected, "{line}");
        }
    }
}
