//! One screen of `velo top`.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph, Row, Sparkline, Table};

use super::Place;
use super::figures::{COLUMNS, Figures};

/// Draws all pipelines and the details of one of them.
pub(super) fn draw(frame: &mut Frame<'_>, places: &[Place], selected: usize) {
    let all: Vec<&Figures> = places.iter().flat_map(|place| &place.pipelines).collect();
    let silent: Vec<_> = places
        .iter()
        .filter_map(|place| place.error.as_ref())
        .collect();
    let rows = u16::try_from(all.len()).unwrap_or(u16::MAX);
    let most = frame.area().height / 2;
    let [title, errors, table, details] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(u16::try_from(silent.len()).unwrap_or(1)),
        Constraint::Length(rows.saturating_add(2).min(most)),
        Constraint::Min(0),
    ])
    .areas(frame.area());
    frame.render_widget(heading(all.len()), title);
    let bad = Style::new().fg(Color::Red);
    let lines: Vec<_> = silent
        .iter()
        .map(|error| Line::styled(error.as_str(), bad))
        .collect();
    frame.render_widget(Paragraph::new(lines), errors);
    frame.render_widget(overview(&all, selected), table);
    if let Some(figures) = all.get(selected) {
        self::details(frame, details, figures);
    }
}

fn heading(pipelines: usize) -> Line<'static> {
    let plural = if pipelines == 1 {
        "pipeline"
    } else {
        "pipelines"
    };
    Line::from(vec![
        Span::styled("velo top", Style::new().add_modifier(Modifier::BOLD)),
        Span::raw(format!("  {pipelines} {plural}")),
        Span::styled("  q ends, arrows choose", Style::new().fg(Color::DarkGray)),
    ])
}

fn color(level: &str) -> Color {
    match level {
        "healthy" => Color::Green,
        "degraded" => Color::Yellow,
        _ => Color::Red,
    }
}

fn overview<'a>(all: &[&'a Figures], selected: usize) -> Table<'a> {
    let row = |(at, figures): (usize, &&'a Figures)| {
        let cells = figures.cells.iter().enumerate().map(|(column, cell)| {
            let style = match column {
                1 => Style::new().fg(color(&figures.level)),
                _ => Style::new(),
            };
            Span::styled(cell.as_str(), style)
        });
        let style = match at == selected {
            true => Style::new().add_modifier(Modifier::BOLD),
            false => Style::new(),
        };
        Row::new(cells).style(style)
    };
    let widths = [
        Constraint::Min(12),
        Constraint::Length(9),
        Constraint::Length(7),
        Constraint::Length(8),
        Constraint::Length(7),
        Constraint::Length(8),
        Constraint::Length(6),
        Constraint::Length(7),
        Constraint::Length(4),
    ];
    let header = Row::new(COLUMNS).style(Style::new().fg(Color::DarkGray));
    Table::new(all.iter().enumerate().map(row), widths).header(header)
}

fn details(frame: &mut Frame<'_>, area: ratatui::layout::Rect, figures: &Figures) {
    let reasons = u16::try_from(figures.reasons.len()).unwrap_or(u16::MAX);
    let [head, chart, splits, errors] = Layout::vertical([
        Constraint::Length(reasons.saturating_add(1).min(6)),
        Constraint::Length(6),
        Constraint::Min(3),
        Constraint::Length(5),
    ])
    .areas(area);
    let mut lines = vec![Line::styled(
        figures.route.as_str(),
        Style::new().fg(Color::DarkGray),
    )];
    let style = Style::new().fg(color(&figures.level));
    let reasons = figures.reasons.iter();
    lines.extend(reasons.map(|reason| Line::styled(reason.as_str(), style)));
    frame.render_widget(Paragraph::new(lines), head);
    let wide = usize::from(chart.width);
    let from = figures.recent.len().saturating_sub(wide);
    let line = Sparkline::default()
        .block(
            Block::new()
                .borders(Borders::TOP)
                .title(" rows per second "),
        )
        .style(Style::new().fg(Color::Cyan))
        .data(&figures.recent[from..]);
    frame.render_widget(line, chart);
    let rows = figures
        .splits
        .iter()
        .map(|split| Row::new(split.iter().map(String::as_str)));
    let widths = [
        Constraint::Min(20),
        Constraint::Length(10),
        Constraint::Length(9),
    ];
    let header = Row::new(["SPLIT", "LAG", "MOVED"]).style(Style::new().fg(Color::DarkGray));
    let table = Table::new(rows, widths)
        .header(header)
        .block(Block::new().borders(Borders::TOP).title(" splits "));
    frame.render_widget(table, splits);
    let lines: Vec<_> = figures
        .errors
        .iter()
        .map(|error| Line::raw(error.as_str()))
        .collect();
    let shown =
        Paragraph::new(lines).block(Block::new().borders(Borders::TOP).title(" last errors "));
    frame.render_widget(shown, errors);
}
