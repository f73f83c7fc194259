// Shows /status once a second. Everything from there is set as text, never as markup.
'use strict';

const known = new Map();

const number = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit += 1; }
  return (unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)) + ' ' + units[unit];
}

function time(seconds) {
  if (seconds === null || seconds === undefined) return '–';
  if (seconds < 10) return seconds.toFixed(1) + ' s';
  if (seconds < 60) return seconds.toFixed(0) + ' s';
  if (seconds < 3600) return Math.floor(seconds / 60) + ' min ' + Math.floor(seconds % 60) + ' s';
  if (seconds < 86400) return Math.floor(seconds / 3600) + ' h ' + Math.floor(seconds / 60 % 60) + ' min';
  return Math.floor(seconds / 86400) + ' d ' + Math.floor(seconds / 3600 % 24) + ' h';
}

function amount(value, shown) {
  return value === null || value === undefined ? '–' : shown(value);
}

function sum(lags, field) {
  const values = lags.map(lag => lag[field]).filter(value => value !== null);
  return values.length === 0 ? null : values.reduce((a, b) => a + b, 0);
}

function texts(of) {
  const lags = of.splits.lag;
  const rows = sum(lags, 'rows');
  const behind = rows === null ? sum(lags, 'bytes') : rows;
  const unit = rows === null ? bytes : value => short.format(value) + ' rows';
  const peak = Math.max(0, ...of.recent.map(second => second.rows_per_second));
  return {
    name: of.pipeline + (of.task === 0 ? '' : ' #' + of.task),
    health: of.health.level,
    phase: of.phase,
    source: of.source || 'source',
    sink: of.sink || 'sink',
    rate: number.format(of.rates.rows_per_second),
    bytes: bytes(of.rates.bytes_per_second) + '/s read',
    written: number.format(of.rows.written),
    read: number.format(of.rows.read) + ' read, ' + number.format(of.rows.filtered) + ' filtered',
    epoch: number.format(of.epoch.number),
    checkpoint: 'positions ' + time(of.epoch.checkpoint_age_seconds) + ' old'
      + (of.epoch.held_seconds > 0 ? ', held ' + time(of.epoch.held_seconds) : ''),
    lag: amount(behind, unit),
    splits: of.splits.open + ' open, ' + of.splits.waiting + ' waiting, ' + of.splits.ended + ' ended',
    rejected: number.format(of.rows.rejected),
    retries: of.retries + ' retries, breaker ' + of.breaker,
    uptime: time(of.uptime_seconds),
    guarantee: of.guarantee,
    peak: 'peak ' + number.format(peak),
  };
}

function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function fill(body, lines) {
  while (body.rows.length > lines.length) body.deleteRow(-1);
  lines.forEach((line, at) => {
    const row = body.rows[at] || body.insertRow();
    line.forEach((text, column) => set(row.cells[column] || row.insertCell(), text));
  });
}

function chart(svg, recent) {
  const values = recent.map(second => second.rows_per_second);
  const top = Math.max(1, ...values) * 1.1;
  const first = 120 - values.length;
  const points = values.map((value, at) =>
    ((first + at) * 600 / 119).toFixed(1) + ',' + (118 - value / top * 116).toFixed(1));
  const line = points.length === 0 ? '' : 'M' + points.join('L');
  const start = (first * 600 / 119).toFixed(1);
  svg.querySelector('.line').setAttribute('d', line);
  svg.querySelector('.area').setAttribute('d', line && line + 'L600,120L' + start + ',120Z');
  const now = values.length === 0 ? 0 : values[values.length - 1];
  svg.setAttribute('aria-label', 'Rows per second over the last two minutes: now '
    + number.format(now) + ', at most ' + number.format(Math.max(0, ...values)));
}

function memory(node, parts) {
  parts.forEach((part, at) => {
    let label = node.children[at];
    if (!label) {
      label = node.appendChild(document.createElement('label'));
      label.append(document.createElement('span'), document.createElement('meter'));
    }
    set(label.firstChild, part.part + ': ' + bytes(part.used) + ' of ' + bytes(part.limit));
    const meter = label.lastChild;
    meter.max = part.limit;
    meter.high = part.limit * 0.95;
    meter.value = part.used;
  });
}

function errors(list, all) {
  const lines = all.map(error => [new Date(error.at).toLocaleTimeString(), error.report]);
  if (lines.length === 0) lines.push(['', 'none']);
  const text = JSON.stringify(lines);
  if (list.dataset.shown === text) return;
  list.dataset.shown = text;
  list.replaceChildren(...lines.map(([at, report]) => {
    const item = document.createElement('li');
    const when = document.createElement('time');
    when.textContent = at;
    item.append(when, report);
    return item;
  }));
}

function reasons(list, health) {
  list.hidden = health.reasons.length === 0;
  list.className = 'reasons ' + health.level;
  const text = health.reasons.map(reason => reason.text);
  if (list.dataset.shown === text.join('\n')) return;
  list.dataset.shown = text.join('\n');
  list.replaceChildren(...text.map(reason => {
    const item = document.createElement('li');
    item.textContent = reason;
    return item;
  }));
}

function show(of) {
  const key = of.pipeline + '/' + of.task;
  let section = known.get(key);
  if (!section) {
    const copy = document.getElementById('pipeline').content.cloneNode(true);
    section = copy.querySelector('section');
    document.getElementById('pipelines').append(copy);
    known.set(key, section);
  }
  const shown = texts(of);
  for (const node of section.querySelectorAll('[data-text]')) set(node, shown[node.dataset.text]);
  section.querySelector('.badge').className = 'badge ' + of.health.level;
  reasons(section.querySelector('.reasons'), of.health);
  chart(section.querySelector('.chart'), of.recent);
  memory(section.querySelector('.memory'), of.memory);
  fill(section.querySelector('.rolling tbody'), of.rolling.rows_per_second.map(span =>
    [span.window, number.format(span.min), number.format(span.mean), number.format(span.max)]));
  fill(section.querySelector('.lags tbody'), of.splits.lag.map(lag => [
    lag.split, amount(lag.rows, number.format), amount(lag.bytes, bytes), time(lag.seconds),
    time(lag.age_seconds) + ' ago']));
  fill(section.querySelector('.letters tbody'), of.dead_letters.map(letter =>
    [letter.stage, letter.kind, number.format(letter.rows)]));
  errors(section.querySelector('.errors'), of.errors);
}

async function look() {
  const connection = document.getElementById('connection');
  try {
    const answer = await fetch('/status', { cache: 'no-store' });
    const status = await answer.json();
    set(document.getElementById('version'), status.velo);
    status.pipelines.forEach(show);
    const worst = ['unhealthy', 'degraded', 'healthy'].find(level =>
      status.pipelines.some(of => of.health.level === level)) || 'healthy';
    document.title = worst + ' – velo';
    connection.className = '';
    set(connection, 'live');
  } catch {
    connection.className = 'lost';
    set(connection, 'no answer: the process may have ended');
  }
}

look();
setInterval(look, 1000);
