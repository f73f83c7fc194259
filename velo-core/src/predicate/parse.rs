//! The text of a predicate, by recursive descent: or, and, not, comparison.

use super::{Comparison, Literal, Predicate};
use crate::{Error, ErrorKind, Result};

const DEEPEST: usize = 64;

pub(super) fn parse(text: &str) -> Result<Predicate> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
    };
    let predicate = parser.any()?;
    match parser.peek()? {
        Word::End => Ok(predicate),
        _ => Err(parser.refuse("expected `and`, `or` or the end")),
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

#[derive(PartialEq)]
enum Word<'t> {
    Name(&'t str),
    Quoted(String),
    Text(String),
    Number(&'t str),
    Symbol(&'t str),
    End,
}

impl<'t> Parser<'t> {
    fn any(&mut self) -> Result<Predicate> {
        let mut all = vec![self.every()?];
        while self.keyword("or")? {
            all.push(self.every()?);
        }
        Ok(one_or(all, Predicate::Or))
    }

    fn every(&mut self) -> Result<Predicate> {
        let mut all = vec![self.single()?];
        while self.keyword("and")? {
            all.push(self.single()?);
        }
        Ok(one_or(all, Predicate::And))
    }

    fn single(&mut self) -> Result<Predicate> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.refuse("condition is nested too deeply"));
        }
        let predicate = if self.keyword("not")? {
            Predicate::Not(Box::new(self.single()?))
        } else if self.symbol("(")? {
            let inner = self.any()?;
            self.expect(")")?;
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(predicate)
    }

    fn comparison(&mut self) -> Result<Predicate> {
        let column = match self.next()? {
            Word::Name(name) => name.to_owned(),
            Word::Quoted(name) => name,
            _ => return Err(self.refuse("expected a column name")),
        };
        if self.keyword("is")? {
            let not = self.keyword("not")?;
            if !self.keyword("null")? {
                return Err(self.refuse("expected `null`"));
            }
            return Ok(if not {
                Predicate::IsNotNull(column)
            } else {
                Predicate::IsNull(column)
            });
        }
        if self.keyword("not")? {
            if !self.keyword("in")? {
                return Err(self.refuse("expected `in`"));
            }
            return Ok(Predicate::Not(Box::new(self.member(column)?)));
        }
        if self.keyword("in")? {
            return self.member(column);
        }
        let comparison = match self.next()? {
            Word::Symbol("=" | "==") => Comparison::Equal,
            Word::Symbol("!=" | "<>") => Comparison::NotEqual,
            Word::Symbol("<") => Comparison::Less,
            Word::Symbol("<=") => Comparison::AtMost,
            Word::Symbol(">") => Comparison::Greater,
            Word::Symbol(">=") => Comparison::AtLeast,
            _ => return Err(self.refuse("expected a comparison")),
        };
        Ok(Predicate::Compare {
            column,
            comparison,
            literal: self.literal()?,
        })
    }

    fn member(&mut self, column: String) -> Result<Predicate> {
        self.expect("(")?;
        let mut any = Vec::new();
        loop {
            let (column, literal) = (column.clone(), self.literal()?);
            any.push(Predicate::Compare {
                column,
                comparison: Comparison::Equal,
                literal,
            });
            if !self.symbol(",")? {
                break;
            }
        }
        self.expect(")")?;
        Ok(one_or(any, Predicate::Or))
    }

    fn literal(&mut self) -> Result<Literal> {
        match self.next()? {
            Word::Text(text) => Ok(Literal::Text(text)),
            Word::Number(digits) => Ok(Literal::Number(digits.to_owned())),
            Word::Name(name) if name.eq_ignore_ascii_case("true") => Ok(Literal::Boolean(true)),
            Word::Name(name) if name.eq_ignore_ascii_case("false") => Ok(Literal::Boolean(false)),
            _ => Err(self.refuse("expected a number, 'text', true or false")),
        }
    }

    fn keyword(&mut self, word: &str) -> Result<bool> {
        let found = matches!(self.peek()?, Word::Name(name) if name.eq_ignore_ascii_case(word));
        if found {
            self.next()?;
        }
        Ok(found)
    }

    fn symbol(&mut self, wanted: &str) -> Result<bool> {
        let found = matches!(self.peek()?, Word::Symbol(symbol) if symbol == wanted);
        if found {
            self.next()?;
        }
        Ok(found)
    }

    fn expect(&mut self, wanted: &'static str) -> Result<()> {
        if self.symbol(wanted)? {
            return Ok(());
        }
        Err(self.refuse(if wanted == "(" {
            "expected `(`"
        } else {
            "expected `)`"
        }))
    }

    fn peek(&mut self) -> Result<Word<'t>> {
        let at = self.at;
        let word = self.next();
        self.at = at;
        word
    }

    fn next(&mut self) -> Result<Word<'t>> {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        let Some(first) = rest.chars().next() else {
            return Ok(Word::End);
        };
        let length = match first {
            '\'' | '"' => return self.quoted(first),
            '0'..='9' | '-' | '+' | '.' => {
                span(rest, |c| c.is_alphanumeric() || "+-._".contains(c))
            }
            '<' | '>' | '!' | '=' => span(rest, |c| "<>!=".contains(c)),
            c if c.is_alphabetic() || c == '_' => {
                span(rest, |c| c.is_alphanumeric() || "_.".contains(c))
            }
            other => other.len_utf8(),
        };
        self.at += length;
        let word = &rest[..length];
        Ok(match first {
            '0'..='9' | '-' | '+' | '.' => Word::Number(word),
            c if c.is_alphabetic() || c == '_' => Word::Name(word),
            _ => Word::Symbol(word),
        })
    }

    fn quoted(&mut self, quote: char) -> Result<Word<'t>> {
        let mut text = String::new();
        let mut rest = self.text[self.at + 1..].char_indices().peekable();
        while let Some((at, character)) = rest.next() {
            if character != quote {
                text.push(character);
            } else if rest.next_if(|(_, next)| *next == quote).is_some() {
                text.push(quote);
            } else {
                self.at += 1 + at + 1;
                return Ok(if quote == '"' {
                    Word::Quoted(text)
                } else {
                    Word::Text(text)
                });
            }
        }
        Err(self.refuse("quote is not closed"))
    }

    fn refuse(&self, expected: &'static str) -> Error {
        Error::new(ErrorKind::InvalidInput, expected)
            .with(
                "condition, character",
                self.text[..self.at].chars().count() + 1,
            )
            .with_hint("a condition reads like: price >= 10 and region = 'EU'")
    }
}

fn span(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.char_indices()
        .find(|(_, c)| !belongs(*c))
        .map_or(text.len(), |(at, _)| at)
}

fn one_or(mut all: Vec<Predicate>, many: fn(Vec<Predicate>) -> Predicate) -> Predicate {
    match all.pop() {
        Some(only) if all.is_empty() => only,
        Some(last) => {
            all.push(last);
            many(all)
        }
        None => many(all),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sql_conditions() {
        let parsed = parse("not (a >= -1.5e3 and \"b c\" <> 'it''s') or d is not null").unwrap();
        let Predicate::Or(any) = &parsed else {
            panic!("{parsed:?}")
        };
        assert!(matches!(&any[0], Predicate::Not(_)));
        assert_eq!(parsed.columns(), ["a", "b c", "d"]);
        assert_eq!(
            parse("a not in (1, 2)").unwrap(),
            parse("not (a = 1 or a = 2)").unwrap()
        );
    }

    #[test]
    fn refuses_with_the_place() {
        for text in [
            "",
            "a",
            "a =",
            "a = 'x",
            "a = 1 b = 2",
            "(a = 1",
            "a in ()",
            "= 1",
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
        }
        assert!(parse(&"(".repeat(10_000)).is_err());
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[a-z0-9'\"()=<>! .,é-]{0,40}") {
            let _ = parse(&text).is_ok();
        }
    }
}
