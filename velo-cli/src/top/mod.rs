//! `velo top`: running pipelines, live.

mod figures;
mod screen;

use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use serde_json::Value;
use velo_core::{Error, ErrorKind, Result};

use crate::args::Top;
use crate::report;
use crate::visit::Visit;
use figures::Figures;

/// What one address has last answered.
struct Place {
    visit: Visit,
    pipelines: Vec<Figures>,
    error: Option<String>,
}

/// Shows pipelines until somebody has seen enough.
pub(crate) fn top(wanted: &Top) -> Result<()> {
    let mut places = wanted.places.clone();
    if places.is_empty() {
        places.push(Visit::usual());
    }
    let places = places.iter().map(|place| {
        Ok(Place {
            visit: Visit::to(place)?,
            pipelines: Vec::new(),
            error: None,
        })
    });
    let mut places: Vec<Place> = places.collect::<Result<_>>()?;
    if wanted.once {
        return once(&mut places);
    }
    live(&mut places, wanted.every.0)
}

/// Prints one table for scripts.
fn once(places: &mut [Place]) -> Result<()> {
    for place in &mut *places {
        place.pipelines = look(&place.visit)?;
    }
    let all = places.iter().flat_map(|place| &place.pipelines);
    report::print(&figures::table(all))
}

fn look(visit: &Visit) -> Result<Vec<Figures>> {
    let status = visit.ask("/status")?;
    let strange = |cause| {
        Error::new(ErrorKind::Unexpected, "answer is no status")
            .with("address", &visit.address)
            .with_source(cause)
    };
    let status: Value = serde_json::from_str(&status).map_err(strange)?;
    let pipelines = status["pipelines"].as_array();
    Ok(pipelines.into_iter().flatten().map(Figures::of).collect())
}

/// Draws until a key ends it; the terminal is as before afterwards, whatever happens.
fn live(places: &mut [Place], every: Duration) -> Result<()> {
    let lost = |cause| Error::new(ErrorKind::Io, "draw on the terminal").with_source(cause);
    let mut terminal = ratatui::try_init().map_err(lost)?;
    let mut selected = 0;
    let drawn = loop {
        for place in &mut *places {
            match look(&place.visit) {
                Ok(pipelines) => (place.pipelines, place.error) = (pipelines, None),
                Err(error) => place.error = Some(error.report()),
            }
        }
        let count: usize = places.iter().map(|place| place.pipelines.len()).sum();
        selected = selected.min(count.saturating_sub(1));
        let next = Instant::now() + every;
        let ended = loop {
            let drawn = terminal.draw(|frame| screen::draw(frame, places, selected));
            if let Err(cause) = drawn {
                break Some(Err(lost(cause)));
            }
            match pressed(next.saturating_duration_since(Instant::now())) {
                Ok(Some(Pressed::Quit)) => break Some(Ok(())),
                Ok(Some(Pressed::Up)) => selected = selected.saturating_sub(1),
                Ok(Some(Pressed::Down)) => selected = (selected + 1).min(count.saturating_sub(1)),
                Ok(Some(Pressed::Other)) => {}
                Ok(None) => break None,
                Err(cause) => break Some(Err(lost(cause))),
            }
        };
        if let Some(ended) = ended {
            break ended;
        }
    };
    ratatui::restore();
    drawn
}

enum Pressed {
    Quit,
    Up,
    Down,
    Other,
}

/// Waits for a key; `None` when the time is over.
fn pressed(wait: Duration) -> std::io::Result<Option<Pressed>> {
    if !event::poll(wait)? {
        return Ok(None);
    }
    let Event::Key(key) = event::read()? else {
        return Ok(Some(Pressed::Other));
    };
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    Ok(Some(match key.code {
        _ if key.kind == KeyEventKind::Release => Pressed::Other,
        KeyCode::Char('q') | KeyCode::Esc => Pressed::Quit,
        KeyCode::Char('c') if control => Pressed::Quit,
        KeyCode::Up | KeyCode::Char('k') => Pressed::Up,
        KeyCode::Down | KeyCode::Char('j') => Pressed::Down,
        _ => Pressed::Other,
    }))
}
