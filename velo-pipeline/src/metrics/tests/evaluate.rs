//! As much of PromQL as the alert rules use, over two scrapes ten minutes apart.

use std::collections::BTreeMap;

/// The values of one scrape, by name and labels.
pub(super) struct Scrape(BTreeMap<(String, String), f64>);

impl Scrape {
    /// Reads the text format; `up` is what Prometheus itself adds.
    pub(super) fn of(text: &str, up: bool) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let mut values: BTreeMap<_, _> = lines
            .map(|line| {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let (name, labels) = series.split_once('{').unwrap_or((series, ""));
                let labels = labels.trim_end_matches('}').to_owned();
                ((name.to_owned(), labels), value.parse().unwrap())
            })
            .collect();
        let job = ("up".to_owned(), "job=\"velo\"".to_owned());
        values.insert(job, f64::from(u8::from(up)));
        Self(values)
    }

    fn series(&self, selector: &str) -> BTreeMap<String, f64> {
        let (name, wanted) = selector.split_once('{').unwrap_or((selector, ""));
        let wanted = wanted.trim_end_matches('}');
        let found = self
            .0
            .iter()
            .filter(|((known, labels), _)| known == name && labels.contains(wanted));
        found
            .map(|((_, labels), value)| (labels.clone(), *value))
            .collect()
    }
}

/// Says whether an expression has a result.
pub(super) fn fires(expr: &str, scrapes: &[Scrape; 2]) -> bool {
    !conjunction(expr, scrapes).is_empty()
}

fn conjunction(expr: &str, scrapes: &[Scrape; 2]) -> BTreeMap<String, f64> {
    let mut all = expr.split(" and ").map(|part| comparison(part, scrapes));
    let first = all.next().unwrap();
    all.fold(first, |left, right| {
        let both = left
            .into_iter()
            .filter(|(labels, _)| right.contains_key(labels));
        both.collect()
    })
}

fn comparison(expr: &str, scrapes: &[Scrape; 2]) -> BTreeMap<String, f64> {
    let (expr, sign, bound) = ["==", ">"]
        .iter()
        .find_map(|sign| {
            let (expr, bound) = expr.split_once(&format!(" {sign} "))?;
            Some((expr, *sign, bound.parse::<f64>().unwrap()))
        })
        .unwrap();
    let mut values = quotient(expr, scrapes);
    values.retain(|_, value| match sign {
        "==" => *value == bound,
        _ => *value > bound,
    });
    values
}

fn quotient(expr: &str, scrapes: &[Scrape; 2]) -> BTreeMap<String, f64> {
    let Some((above, below)) = expr.split_once(" / ") else {
        return term(expr, scrapes);
    };
    let below = term(below, scrapes);
    let above = term(above, scrapes).into_iter();
    above
        .filter_map(|(labels, value)| below.get(&labels).map(|by| (labels, value / by)))
        .collect()
}

fn term(expr: &str, [before, now]: &[Scrape; 2]) -> BTreeMap<String, f64> {
    let Some((function, rest)) = expr.split_once('(') else {
        return now.series(expr);
    };
    let selector = rest.strip_suffix("[10m])").unwrap();
    let then = before.series(selector);
    let changes = now
        .series(selector)
        .into_iter()
        .filter_map(|(labels, value)| {
            let change = value - then.get(&labels)?;
            // A counter that fell has begun anew.
            let change = if function == "increase" && change < 0.0 {
                value
            } else {
                change
            };
            Some((labels, change))
        });
    assert!(matches!(function, "increase" | "delta"), "{function}");
    changes.collect()
}
