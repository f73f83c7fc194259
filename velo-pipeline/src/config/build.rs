//! From a pipeline file to a pipeline.

use std::collections::BTreeMap;
use std::sync::Arc;

use velo_core::uri::Host;
use velo_core::{Error, ErrorKind, Result, Sink, Source, Uri};
use velo_registry::Registry;

use super::{DeadLetterOptions, Delivery, End, PipelineFile};
use crate::ends::{Fan, Merged, Routed, Template};
use crate::store::{CheckpointStore, FileStore};
use crate::{Guarantee, Limit, Pipeline, Transforms};

impl PipelineFile {
    /// Opens what the file names; parses and validates, no I/O.
    ///
    /// # Errors
    /// `Config` for what contradicts itself, `delivery` that source and sink cannot give included;
    /// what the registry says about the URIs.
    pub fn pipeline(&self, registry: &Registry) -> Result<Pipeline> {
        self.checked_name()?;
        let source = self.opened_source(registry)?;
        let sink = self.opened_sink(registry)?;
        let mut pipeline = Pipeline::new(self.name.as_str(), source, sink);
        pipeline.task = self.task;
        pipeline.ends = self.ends()?;
        pipeline.transforms = self.parsed_transforms()?;
        pipeline.store = self.opened_store()?;
        pipeline.dead_letters = self.opened_letters(registry)?;
        self.settle_checkpoints(&mut pipeline)?;
        self.settle_letters(&mut pipeline);
        self.placed(self.settle_rest(&mut pipeline))?;
        pipeline.watching = self.placed(self.watching())?;
        let delivery = self.check_delivery(&pipeline);
        self.places.at("delivery", delivery)?;
        Ok(pipeline)
    }

    /// Says where the key stands that an error names.
    fn placed<T>(&self, outcome: Result<T>) -> Result<T> {
        let key = outcome
            .as_ref()
            .err()
            .and_then(|error| error.context("key"));
        let key = key.unwrap_or_default().to_owned();
        self.places.at(&key, outcome)
    }

    pub(super) fn checked_name(&self) -> Result<()> {
        self.placed(check_name(&self.name))
    }

    pub(super) fn parsed_transforms(&self) -> Result<Transforms> {
        let list = serde_json::Value::Array(self.transform.clone());
        let parsed = Transforms::parse(&list);
        let refused = parsed.as_ref().err();
        let item = refused.and_then(|error| error.context("transform item"));
        let item = item.and_then(|item| item.parse::<usize>().ok());
        let key = match item {
            Some(item) => format!("transform.{}", item.saturating_sub(1)),
            None => "transform".to_owned(),
        };
        self.places.at(&key, parsed)
    }

    pub(super) fn opened_store(&self) -> Result<Option<Arc<dyn CheckpointStore>>> {
        let opened = self
            .checkpoint
            .as_ref()
            .map(|options| store(&options.store));
        self.places.at("checkpoint.store", opened.transpose())
    }

    pub(super) fn opened_letters(&self, registry: &Registry) -> Result<Option<Sink>> {
        let open =
            |letters: &DeadLetterOptions| registry.create_sink_of(&appending(&letters.to.uri)?);
        let opened = self.dead_letter.as_ref().map(open);
        self.places.at("dead_letter", opened.transpose())
    }

    pub(super) fn opened_source(&self, registry: &Registry) -> Result<Source> {
        if let Some(end) = self.placed(one(self.source.as_ref(), &self.sources, "source"))? {
            return self.places.at("source", self.source_at(end, registry));
        }
        let mut sources = Vec::new();
        for (name, end) in &self.sources {
            let source = check_name(name).and_then(|()| self.source_at(end, registry));
            let source = source.map_err(|error| error.within("source", name));
            let source = self.places.at(&format!("sources.{name}"), source)?;
            sources.push((Arc::from(name.as_str()), source.shared()));
        }
        Ok(Source::new(Merged::new(sources)))
    }

    fn source_at(&self, end: &End, registry: &Registry) -> Result<Source> {
        let uri = Uri::parse(&end.uri)?;
        let policy = uri.query()?.get("on_bad_row").map(str::to_owned);
        match (&self.dead_letter, policy.as_deref()) {
            (Some(_), None) => {
                let asked = uri.with_option("on_bad_row", "dead_letter")?;
                // Not every source has rows that could be bad.
                let opened = registry.create_source_of(&asked);
                opened.or_else(|_| registry.create_source_of(&uri))
            }
            (None, Some("dead_letter")) => {
                Err(Error::new(ErrorKind::Config, "dead letters have no place")
                    .with("option", "on_bad_row=dead_letter")
                    .with_hint("add `dead_letter: URI`, or use on_bad_row=skip"))
            }
            _ => registry.create_source_of(&uri),
        }
    }

    pub(super) fn opened_sink(&self, registry: &Registry) -> Result<Sink> {
        if let Some(end) = self.placed(one(self.sink.as_ref(), &self.sinks, "sink"))? {
            return self.places.at("sink", sink_at(end, registry));
        }
        let mut sinks = Vec::new();
        for (name, end) in &self.sinks {
            let sink = check_name(name).and_then(|()| sink_at(end, registry));
            let sink = sink.map_err(|error| error.within("sink", name));
            let sink = self.places.at(&format!("sinks.{name}"), sink)?;
            sinks.push((Arc::from(name.as_str()), sink.shared()));
        }
        Ok(Sink::new(Fan::new(sinks)))
    }

    /// Says what positions belong to: where rows come from and go to, without options and secrets.
    fn ends(&self) -> Result<Vec<String>> {
        let one = |kind: &'static str, end: &End| (format!("{kind} "), end.uri.clone());
        let many = |kind: &'static str, ends: &BTreeMap<String, End>| {
            let of = ends.iter();
            of.map(|(name, end)| (format!("{kind} {name} "), end.uri.clone()))
                .collect::<Vec<_>>()
        };
        let mut ends: Vec<_> = self.source.iter().map(|end| one("source", end)).collect();
        ends.extend(many("source", &self.sources));
        ends.extend(self.sink.iter().map(|end| one("sink", end)));
        ends.extend(many("sink", &self.sinks));
        let shown = ends.into_iter().map(|(kind, uri)| {
            let uri = Uri::parse(&uri)?;
            let named = |host: Host<'_>| match host.port {
                Some(port) => format!("{}:{port}", host.name),
                None => host.name.into_owned(),
            };
            let hosts: Vec<_> = uri.hosts().map(named).collect();
            let (scheme, hosts) = (uri.scheme(), hosts.join(","));
            Ok(format!("{kind}{scheme}://{hosts}{}", uri.path()))
        });
        shown.collect()
    }

    fn settle_checkpoints(&self, pipeline: &mut Pipeline) -> Result<()> {
        let Some(options) = &self.checkpoint else {
            return Ok(());
        };
        if let Some(every) = options.every {
            if every.0.is_zero() {
                let error = Error::new(ErrorKind::Config, "an epoch needs some time");
                return self.placed(Err(error.with("key", "checkpoint.every")));
            }
            pipeline.every = every.0;
        }
        Ok(())
    }

    fn settle_letters(&self, pipeline: &mut Pipeline) {
        let Some(options) = &self.dead_letter else {
            return;
        };
        let usual = Limit::default();
        pipeline.dead_letter_limit = Limit {
            ratio: options.max_ratio.unwrap_or(usual.ratio),
            after: options.after_rows.unwrap_or(usual.after),
        };
    }

    fn settle_rest(&self, pipeline: &mut Pipeline) -> Result<()> {
        if let Some(memory) = self.memory {
            const LEAST: u64 = 32 << 20;
            if memory.0 < LEAST {
                return Err(Error::new(ErrorKind::Config, "memory is less than 32 MiB")
                    .with("key", "memory"));
            }
            pipeline.memory = memory.0;
        }
        if let Some(threads) = self.threads {
            if threads == 0 {
                return Err(
                    Error::new(ErrorKind::Config, "nobody would work").with("key", "threads")
                );
            }
            pipeline.threads = threads;
        }
        if let Some(within) = self.stop_within {
            pipeline.drain = within.0;
        }
        if let Some(limit) = self.timeout {
            pipeline.deadline = limit.0;
        }
        self.settle_breaker(pipeline)?;
        let (retry, options) = (&mut pipeline.retry, &self.retry);
        retry.first = options.first.map_or(retry.first, |span| span.0);
        retry.longest = options.longest.map_or(retry.longest, |span| span.0);
        retry.factor = options.factor.unwrap_or(retry.factor);
        retry.jitter = options.jitter.unwrap_or(retry.jitter);
        retry.tries = options.tries;
        Ok(())
    }

    fn settle_breaker(&self, pipeline: &mut Pipeline) -> Result<()> {
        let Some(options) = &self.circuit_breaker else {
            return Ok(());
        };
        let breaker = &mut pipeline.breaker;
        breaker.failures = options.failures.unwrap_or(breaker.failures);
        breaker.successes = options.successes.unwrap_or(breaker.successes);
        breaker.open_for = options.open_for.map_or(breaker.open_for, |span| span.0);
        if breaker.failures == 0 || breaker.successes == 0 {
            return Err(
                Error::new(ErrorKind::Config, "a circuit breaker counts from 1")
                    .with("key", "circuit_breaker"),
            );
        }
        Ok(())
    }

    /// Refuses what source, sink and store cannot promise, and says what would help (P8).
    fn check_delivery(&self, pipeline: &Pipeline) -> Result<()> {
        if self.delivery != Some(Delivery::EffectivelyOnce)
            || pipeline.guarantee() == Guarantee::EffectivelyOnce
        {
            return Ok(());
        }
        let (why, hint) = pipeline.shortfall();
        Err(Error::new(ErrorKind::Config, why)
            .with("delivery", "effectively_once")
            .with("possible", pipeline.guarantee())
            .with_hint(hint))
    }
}

/// Opens a checkpoint store by its URI.
///
/// # Errors
/// `Config` for a scheme that keeps no checkpoints.
pub fn store(uri: &str) -> Result<Arc<dyn CheckpointStore>> {
    let parsed = Uri::parse(uri)?;
    match parsed.scheme() {
        "file" => {
            parsed.query()?.finish()?;
            Ok(Arc::new(FileStore::new(parsed.path().into_owned())))
        }
        "sqlite" => {
            parsed.query()?.finish()?;
            sqlite(&parsed)
        }
        other => Err(
            Error::new(ErrorKind::Config, "no checkpoint store of this scheme")
                .with("key", "checkpoint.store")
                .with("scheme", other)
                .with_hint("use file:///var/lib/velo or sqlite:///var/lib/velo/state.db"),
        ),
    }
}

#[cfg(feature = "sqlite")]
fn sqlite(uri: &Uri) -> Result<Arc<dyn CheckpointStore>> {
    if uri.path().is_empty() || uri.path().ends_with('/') {
        return Err(Error::new(ErrorKind::Config, "database has no name")
            .with("key", "checkpoint.store")
            .with_hint("name a file: sqlite:///var/lib/velo/state.db"));
    }
    let path = uri.path().into_owned();
    Ok(Arc::new(crate::store::SqliteStore::new(path)))
}

#[cfg(not(feature = "sqlite"))]
fn sqlite(_: &Uri) -> Result<Arc<dyn CheckpointStore>> {
    Err(
        Error::new(ErrorKind::Config, "this velo was built without SQLite")
            .with("key", "checkpoint.store")
            .with_hint("add the feature `sqlite`"),
    )
}

/// Gives the only end, or none where there are several.
fn one<'a>(
    end: Option<&'a End>,
    several: &BTreeMap<String, End>,
    key: &'static str,
) -> Result<Option<&'a End>> {
    match (end, several.is_empty()) {
        (Some(end), true) => Ok(Some(end)),
        (None, false) => Ok(None),
        (None, true) => Err(Error::new(ErrorKind::Config, "key is missing").with("key", key)),
        (Some(_), false) => Err(Error::new(ErrorKind::Config, "one or several, not both")
            .with("key", key)
            .with_hint(format!("leave out `{key}` or `{key}s`"))),
    }
}

fn sink_at(end: &End, registry: &Registry) -> Result<Sink> {
    let Some(template) = Template::parse(&end.uri)? else {
        // What looks like a place to fill in and was escaped is meant as it stands.
        return registry.create_sink(&end.uri.replace("$${", "${"));
    };
    let registry = registry.clone();
    let routed = Routed::new(template, move |uri| registry.create_sink(uri))?;
    Ok(Sink::new(routed))
}

/// A name becomes part of paths, tables and transaction ids.
fn check_name(name: &str) -> Result<()> {
    const LONGEST: usize = 64;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins_well && name.len() <= LONGEST && name.chars().all(plain) {
        return Ok(());
    }
    Err(
        Error::new(ErrorKind::Config, "name is not one for a pipeline")
            .with("key", "name")
            .with_hint("use up to 64 letters, digits, `-`, `_` and `.`, beginning with a letter"),
    )
}

/// A single file of dead letters is appended to, unless it says otherwise.
fn appending(uri: &str) -> Result<Uri> {
    let parsed = Uri::parse(uri)?;
    let says = [
        "if_exists",
        "partition_by",
        "roll_rows",
        "roll_bytes",
        "roll_age",
    ];
    let query = parsed.query()?;
    let single = parsed.scheme() == "file"
        && !parsed.path().ends_with('/')
        && says.iter().all(|name| query.get(name).is_none());
    drop(query);
    match single {
        true => parsed.with_option("if_exists", "append"),
        false => Ok(parsed),
    }
}
