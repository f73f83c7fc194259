//! One file's turn: what is read of it becomes rows, and where it stands a mark.

use std::sync::Arc;
use std::time::Duration;

use velo_core::{Batch, Error, ErrorKind, Event, Rejected, Result, Span};
use velo_format::{BadRow, Decoded};

use super::follow::{TooLong, Turn, lines_at};
use super::member::{Member, Reached, State, Whole};
use super::open::{Lines, Opened, open};
use super::plan::was_left_alone;
use super::reader::{Kind, WatchReader};
use super::whole::{Part, WholeFile};
use crate::config::BadRowPolicy;
use crate::config::watch::OnDone;
use crate::source::records::good;
use crate::source::{metadata, share};

/// How long a file that cannot be read is taken for one that is still being written.
pub(super) const UNFINISHED: Duration = Duration::from_secs(10);
/// Turns that a file has before others are asked for.
const TURNS: usize = 64;

impl WatchReader {
    /// Reads some of a file: up to a batch of a file of lines, an event of another.
    pub(super) async fn turn(&mut self, slot: usize) -> Result<()> {
        if self.roster.is_suspect(slot) {
            self.roster.rest(slot);
            self.rescan();
            return Ok(());
        }
        if !self.is_open(slot) && !self.open(slot).await? {
            return Ok(());
        }
        if matches!(self.session(slot), Some(Kind::Whole(_))) {
            return self.turn_whole(slot).await;
        }
        if self.lease.is_none() {
            let bytes = share(&self.request.budget, self.batch_bytes);
            self.lease = Some(self.request.budget.reserve(bytes).await);
        }
        let block = usize::try_from(self.plan.settings.options.buffer_size.0).unwrap_or(usize::MAX);
        let longest = self.plan.longest;
        for _ in 0..TURNS {
            let Some(Kind::Lines(lines)) = self.session(slot) else {
                return Ok(());
            };
            match lines.follow.advance(block, longest)? {
                Turn::More => {}
                Turn::Ready => return self.emit(slot),
                Turn::TooLong(line) => return self.pass_over(slot, &line),
                Turn::Idle => return self.idle(slot),
                Turn::Changed => {
                    self.shut(slot);
                    self.roster.suspect(slot);
                    self.rescan();
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Opens a file; says whether there is something to read.
    async fn open(&mut self, slot: usize) -> Result<bool> {
        let Some(member) = self.roster.member(slot).cloned() else {
            return Ok(false);
        };
        match open(&self.plan, &member, &self.request)? {
            Opened::Lines(lines) => {
                self.keep(slot, Kind::Lines(lines));
                return Ok(true);
            }
            Opened::Whole => return self.open_whole(slot, &member).await,
            Opened::Empty => self.roster.rest(slot),
            Opened::Changed => {
                self.roster.suspect(slot);
                self.rescan();
            }
            Opened::Gone => {
                self.roster.rest(slot);
                self.rescan();
            }
        }
        Ok(false)
    }

    async fn open_whole(&mut self, slot: usize, member: &Member) -> Result<bool> {
        let reached = match &member.reached {
            Reached::Whole(whole) => whole.clone(),
            Reached::Lines(_) => Whole::default(),
        };
        let begun = reached.stamp != (0, 0);
        if !begun && !self.take_complete(slot) && !self.is_left_for(slot, 2 * self.left_alone()) {
            self.roster.rest(slot);
            self.let_settle(slot, self.left_alone());
            return Ok(false);
        }
        // What it reads it takes memory for itself.
        self.lease = None;
        let (request, records) = (self.request.clone(), self.roster.offset.records);
        let opened = WholeFile::open(&self.plan, &member.path, reached, request, records).await;
        match opened {
            Ok(file) => {
                self.keep(slot, Kind::Whole(Box::new(file)));
                Ok(true)
            }
            Err(error) => self.refuse(slot, error).map(|()| false),
        }
    }

    /// Says whether a file has not changed for so long, by its own time.
    fn is_left_for(&self, slot: usize, time: Duration) -> bool {
        let facts = self.roster.facts.get(&slot);
        facts.is_some_and(|facts| was_left_alone(facts.modified, time))
    }

    async fn turn_whole(&mut self, slot: usize) -> Result<()> {
        let Some(Kind::Whole(file)) = self.session(slot) else {
            return Ok(());
        };
        let part = match file.next().await {
            Ok(part) => part,
            Err(error) => {
                self.shut(slot);
                return self.refuse(slot, error);
            }
        };
        let reached = file.reached.clone();
        match part {
            Part::Event(event) => self.events.push_back(event),
            Part::Reached { records, bytes } => {
                self.roster.offset.records = records;
                self.bytes += bytes;
                self.roster
                    .update(slot, |member| member.reached = Reached::Whole(reached));
                self.mark();
            }
            Part::End => {
                self.shut(slot);
                self.roster.rest(slot);
                self.roster.update(slot, |member| {
                    member.reached = Reached::Whole(reached);
                    member.state = State::Done;
                });
                self.mark();
            }
        }
        Ok(())
    }

    /// Applies the policy to a file that cannot be read; one that changed is read anew later.
    fn refuse(&mut self, slot: usize, error: Error) -> Result<()> {
        self.roster.rest(slot);
        let policy = self.plan.settings.options.on_bad_row;
        match error.kind() {
            ErrorKind::Conflict | ErrorKind::Gap | ErrorKind::NotFound => {
                self.roster.update(slot, |member| {
                    member.reached = Reached::Whole(Whole::default());
                });
                self.let_settle(slot, self.left_alone());
                self.rescan();
                Ok(())
            }
            // Whoever writes it may not have finished.
            ErrorKind::InvalidData if !self.is_left_for(slot, UNFINISHED) => {
                self.let_settle(slot, self.left_alone());
                Ok(())
            }
            ErrorKind::InvalidData if policy != BadRowPolicy::Fail => {
                let ordinal = self.roster.offset.records;
                self.roster.offset.records += 1;
                self.reject(ordinal, Vec::new(), error);
                let seen = self.roster.facts.get(&slot).copied().unwrap_or_default();
                self.roster.update(slot, |member| {
                    member.state = State::Done;
                    member.reached = Reached::Whole(Whole {
                        stamp: (seen.size, seen.modified),
                        ..Whole::default()
                    });
                });
                self.mark();
                Ok(())
            }
            _ => Err(error),
        }
    }

    /// Yields what was decoded.
    fn emit(&mut self, slot: usize) -> Result<()> {
        let Some(Kind::Lines(lines)) = self.session(slot) else {
            return Ok(());
        };
        let records = lines.follow.decoder.records() as u64;
        let decoded = lines.follow.decoder.take()?;
        let Some(before) = self.roster.member(slot).and_then(Member::lines) else {
            return Ok(());
        };
        for bad in &decoded.bad {
            let error = self.bad_row(slot, bad)?;
            let ordinal = self.roster.offset.records + bad.record as u64;
            self.reject(ordinal, bad.raw.clone(), error);
        }
        if decoded.rows.num_rows() > 0 {
            self.rows(slot, decoded, before.record, records)?;
        }
        self.roster.offset.records += records;
        self.reached(slot, before.record + records);
        Ok(())
    }

    /// Notes how far a file of lines has been read.
    fn reached(&mut self, slot: usize, record: u64) {
        let before = self
            .roster
            .member(slot)
            .and_then(Member::lines)
            .unwrap_or_default();
        let Some(Kind::Lines(lines)) = self.session(slot) else {
            return;
        };
        let now = lines.follow.lines(record);
        self.bytes += now.at - before.at.min(now.at);
        self.roster
            .update(slot, |member| member.reached = Reached::Lines(now));
        self.mark();
    }

    fn rows(&mut self, slot: usize, decoded: Decoded, before: u64, records: u64) -> Result<()> {
        let (first, order) = (self.roster.offset.records, self.split.order);
        let split = self.split.id.clone();
        let Some(Kind::Lines(lines)) = self.session(slot) else {
            return Ok(());
        };
        let Lines { shape, found, .. } = &mut **lines;
        let metadata = shape.wants_metadata().then(|| {
            let count = usize::try_from(records).unwrap_or(usize::MAX);
            let numbers = good(&decoded.bad, count).map(|record| before + record as u64 + 1);
            metadata::column(found, numbers.collect(), decoded.row_starts)
        });
        let (rows, metadata) = shape.apply(decoded.rows, metadata)?;
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let bytes = rows.get_array_memory_size() as u64;
        let mut batch = Batch::new(shape.stream().clone(), rows)?.with_span(Span {
            split,
            order,
            first,
            last: first + records - 1,
        });
        if let Some(metadata) = metadata {
            batch = batch.with_metadata(metadata)?;
        }
        self.batch_bytes = self.batch_bytes.max(bytes);
        if let Some(mut lease) = self.lease.take() {
            lease.shrink_to(bytes);
            batch = batch.with_lease(Arc::new(lease));
        }
        self.events.push_back(Event::Rows(batch));
        Ok(())
    }

    /// Says what is wrong with a line, or ends the reading with it.
    fn bad_row(&self, slot: usize, bad: &BadRow) -> Result<Error> {
        let path = self
            .roster
            .member(slot)
            .map_or("", |member| member.path.as_str());
        let mut error = Error::new(ErrorKind::InvalidData, bad.problem.clone())
            .with("file", path)
            .with("byte", bad.byte);
        if let Some(column) = &bad.column {
            error = error.with("column", column);
        }
        let mends = "on_bad_row=skip leaves such rows out";
        error = match &bad.hint {
            Some(hint) => error.with_hint(format!("{hint}, or {mends}")),
            None => error.with_hint(mends),
        };
        match self.plan.settings.options.on_bad_row {
            BadRowPolicy::Fail => Err(error),
            BadRowPolicy::Skip | BadRowPolicy::DeadLetter => Ok(error),
        }
    }

    fn reject(&mut self, ordinal: u64, raw: Vec<u8>, error: Error) {
        let kept = self.plan.settings.options.on_bad_row == BadRowPolicy::DeadLetter;
        self.events.push_back(Event::Rejected(Rejected {
            stream: self.plan.catalog.stream.name().into(),
            split: self.split.id.clone(),
            ordinal,
            offset: None,
            raw: if kept { raw.into() } else { Arc::from([]) },
            error: Arc::new(error),
        }));
    }

    /// Rejects a line that is too long, and goes on behind it.
    fn pass_over(&mut self, slot: usize, line: &TooLong) -> Result<()> {
        let Some(member) = self.roster.member(slot).cloned() else {
            return Ok(());
        };
        let bad = BadRow {
            record: 0,
            record_start: line.start,
            byte: line.start,
            column: None,
            problem: format!("line of {} bytes is longer than allowed", line.length),
            hint: Some("max_line_length= allows more".to_owned()),
            raw: line.first.clone(),
            block: None,
        };
        let error = self
            .bad_row(slot, &bad)?
            .with("max_line_length", self.plan.longest);
        let ordinal = self.roster.offset.records;
        self.roster.offset.records += 1;
        self.reject(ordinal, bad.raw, error);
        let record = member.lines().map_or(0, |lines| lines.record) + 1;
        let at = line.start + line.length + 1;
        let Some(Kind::Lines(lines)) = self.session(slot) else {
            return Ok(());
        };
        let reached = lines_at(&lines.follow.file, at, record);
        let reached = reached.map_err(|error| crate::error::on_file(&member.path, error))?;
        self.bytes += at - line.start;
        self.roster
            .update(slot, |member| member.reached = Reached::Lines(reached));
        // The decoder counts its bytes, so that it begins anew behind the line.
        self.shut(slot);
        self.mark();
        Ok(())
    }

    /// Everything up to the last line feed was read.
    fn idle(&mut self, slot: usize) -> Result<()> {
        let complete = self.take_complete(slot);
        let following = &self.plan.following;
        // Whoever writes into a tailed file keeps it open: only what it was rotated to is done.
        let own = following.on_done != OnDone::Keep && self.plan.tail && self.is_main(slot);
        let after = following.complete_after.filter(|_| !own);
        let gone = self.roster.is_gone(slot);
        if complete {
            return self.complete(slot);
        }
        self.roster.rest(slot);
        if gone {
            self.end_of_gone(slot);
        } else if let Some(after) = after {
            self.let_settle(slot, after);
        }
        Ok(())
    }

    /// Says whether a file is the one that is watched by its own name.
    fn is_main(&self, slot: usize) -> bool {
        let main = self.plan.pattern.plain.as_str();
        let target = std::fs::canonicalize(main).ok();
        let target = target.as_deref().and_then(std::path::Path::to_str);
        let path = self.roster.member(slot).map(|member| member.path.as_str());
        path.is_some_and(|path| path == main || Some(path) == target)
    }

    /// A file that has no name any more was read to its end.
    fn end_of_gone(&mut self, slot: usize) {
        if let Some(Kind::Lines(lines)) = self.session(slot) {
            let begun = lines.follow.begun();
            if begun > 0 {
                let file = lines.follow.path.clone();
                tracing::warn!(
                    file,
                    bytes = begun,
                    "file was removed in the middle of a line"
                );
            }
        }
        if let Some(facts) = self.roster.facts.get_mut(&slot) {
            facts.size = 0;
        }
        self.shut(slot);
        self.rescan();
    }

    /// A file was left alone for so long that its last line counts without a line feed.
    fn complete(&mut self, slot: usize) -> Result<()> {
        let Some(Kind::Lines(lines)) = self.session(slot) else {
            return Ok(());
        };
        lines.follow.finish()?;
        self.roster.rest(slot);
        self.roster
            .update(slot, |member| member.state = State::Done);
        self.emit(slot)?;
        self.shut(slot);
        Ok(())
    }
}
