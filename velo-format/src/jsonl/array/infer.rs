//! Finding columns and types of an array's elements.

use std::sync::Arc;

use memchr::{memchr, memmem};
use velo_core::Result;

use super::decode::{endless, refuse};
use super::elements::{Elements, blank, is_blank};
use crate::jsonl::Settings;
use crate::jsonl::infer::JsonInference;
use crate::{Inference, Inferred};

/// Places in a window where the elements may go on that are tried.
const TRIES: usize = 16;

/// Collects evidence element by element.
pub(super) struct ArrayInference {
    settings: Arc<Settings>,
    lines: JsonInference,
    /// Where the next bytes stand in the input.
    position: u64,
    /// What stands between two elements, up to the colon of the second one's first key.
    glue: Option<Vec<u8>>,
    broken: Option<velo_core::Error>,
}

impl ArrayInference {
    pub(super) fn new(settings: Arc<Settings>, position: u64) -> Self {
        Self {
            lines: JsonInference::new(Arc::clone(&settings)),
            settings,
            position,
            glue: None,
            broken: None,
        }
    }
}

impl Inference for ArrayInference {
    /// What is wrong with the array is left for the decoder to say, who knows where.
    fn update(&mut self, bytes: &[u8], last: bool) -> Result<usize> {
        if self.settings.schema.is_some() {
            return Ok(bytes.len());
        }
        let mut elements = Elements::default();
        let problem = match elements.feed(bytes) {
            Err(broken) => Some(refuse(broken, self.position)),
            Ok(()) if last && !elements.may_end() => {
                Some(endless(self.position + bytes.len() as u64))
            }
            Ok(()) => None,
        };
        let lines = elements.lines();
        self.lines.observe_lines(lines, true);
        self.glue = self.glue.take().or_else(|| glue(bytes, lines));
        let consumed = match last || problem.is_some() || blank(bytes) {
            true => bytes.len(),
            false => lines.len(),
        };
        self.broken = self.broken.take().or(problem);
        self.position += consumed as u64;
        self.settings.check_length(bytes.len() - consumed, None)?;
        Ok(consumed)
    }

    /// Looks for what stood between elements before. The same can stand between objects inside of
    /// an element, so that only those are evidence that have no other keys.
    fn window(&mut self, bytes: &[u8], _reaches_end: bool) {
        let Some(glue) = self.glue.clone() else {
            return;
        };
        let mut at = 0;
        for _ in 0..TRIES {
            let Some(found) = memmem::find(&bytes[at..], &glue) else {
                return;
            };
            let mut elements = Elements::default();
            let fed = elements.feed(&bytes[at + found..]);
            self.lines.observe_known_lines(elements.lines());
            if fed.is_ok() && !elements.may_end() {
                return;
            }
            at += found + glue.len();
        }
    }

    fn finish(self: Box<Self>) -> Result<Inferred> {
        match self.broken {
            Some(broken) if !self.lines.has_records() => Err(broken),
            _ => Box::new(self.lines).finish(),
        }
    }
}

/// Finds what stands between the first two elements.
fn glue(bytes: &[u8], lines: &[u8]) -> Option<Vec<u8>> {
    let first = memchr(b'\n', lines).unwrap_or(lines.len());
    let rest = bytes.get(first..).filter(|rest| rest.starts_with(b","))?;
    let space = |from: usize| {
        let blanks = rest[from..].iter().take_while(|byte| is_blank(**byte));
        from + blanks.count()
    };
    let brace = space(1);
    let key = (rest.get(brace) == Some(&b'{')).then(|| space(brace + 1))?;
    let name = (rest.get(key) == Some(&b'"')).then_some(key + 1)?;
    let end = name + memchr(b'"', &rest[name..])? + 1;
    Some(rest[..end].to_vec())
}
