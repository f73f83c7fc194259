//! Options and secrets: the door that every connector has.

use velo_core::{Error, ErrorKind, Result, Uri, nearest};

use crate::contract::{Clause, Need, Outcome, ensure};
use crate::harness::Door;
use crate::stage::Stage;

const SECRET: &str = "correct-horse-7d1f";

pub(crate) fn clauses() -> Vec<Clause> {
    use Need::{Door, Password};
    vec![
        Clause::new(
            "options::O1 a right URI opens, without a server",
            &[Door],
            |stage| Box::pin(async { opens(&door(stage)?) }),
        ),
        Clause::new(
            "options::O2 an unknown option is refused with the nearest name",
            &[Door],
            |stage| Box::pin(async { unknown_option(&door(stage)?) }),
        ),
        Clause::new(
            "options::O3 a bad value is refused with the option's name",
            &[Door],
            |stage| Box::pin(async { bad_value(&door(stage)?, stage) }),
        ),
        Clause::new("options::O4 every option is described", &[Door], |stage| {
            Box::pin(async { described(&door(stage)?) })
        }),
        Clause::new(
            "secrets::O5 a password shows nowhere",
            &[Door, Password],
            |stage| Box::pin(async { secret(&door(stage)?) }),
        ),
    ]
}

fn door(stage: &Stage) -> Result<Door, libtest_mimic::Failed> {
    stage.harness.door().ok_or_else(|| "no door".into())
}

fn uri(door: &Door) -> Result<Uri> {
    Uri::parse(&door.uri.replace("{password}", SECRET))
}

/// The halves of a connector: its options, and what opening it shows to `Debug`.
fn halves(door: &Door) -> Vec<(Vec<String>, Open<'_>)> {
    let mut halves: Vec<(Vec<String>, Open<'_>)> = Vec::new();
    let connector = &door.connector;
    if let Some(open) = connector.source {
        let names = (connector.source_options)().into_iter();
        let open = move |uri: &Uri| open(uri).map(|source| format!("{source:?}"));
        halves.push((names.map(|option| option.name).collect(), Box::new(open)));
    }
    if let Some(open) = connector.sink {
        let names = (connector.sink_options)().into_iter();
        let open = move |uri: &Uri| open(uri).map(|sink| format!("{sink:?}"));
        halves.push((names.map(|option| option.name).collect(), Box::new(open)));
    }
    halves
}

type Open<'d> = Box<dyn Fn(&Uri) -> Result<String> + 'd>;

fn opens(door: &Door) -> Outcome {
    let uri = uri(door)?;
    for (_, open) in halves(door) {
        open(&uri).map_err(|error| error.report())?;
    }
    Ok(())
}

fn refusal(open: &Open<'_>, uri: &Uri, what: &str) -> Result<Error, libtest_mimic::Failed> {
    match open(uri) {
        Err(error) => Ok(error),
        Ok(_) => Err(format!("{what} was accepted").into()),
    }
}

fn unknown_option(door: &Door) -> Outcome {
    let uri = uri(door)?;
    for (names, open) in halves(door) {
        for name in &names {
            let wrong = format!("{name}x");
            if names.contains(&wrong) {
                continue;
            }
            let error = refusal(&open, &uri.with_option(&wrong, "1")?, &wrong)?;
            let report = error.report();
            let all = names.iter().map(String::as_str);
            let meant = nearest(&wrong, all).unwrap_or(name);
            ensure(error.kind() == ErrorKind::Config, || {
                format!("`{wrong}` is {:?}, not Config: {report}", error.kind())
            })?;
            ensure(
                report.contains(&wrong) && report.contains(&format!("`{meant}`")),
                || format!("refusal of `{wrong}` does not name it and `{meant}`: {report}"),
            )?;
        }
        let error = refusal(&open, &uri.with_option("qqqqqq", "1")?, "qqqqqq")?;
        ensure(error.report().contains("qqqqqq"), || error.report())?;
    }
    Ok(())
}

fn bad_value(door: &Door, stage: &Stage) -> Outcome {
    if door.bad_values.is_empty() {
        stage.lacks("bad values");
    }
    let uri = uri(door)?;
    for (option, value) in &door.bad_values {
        let knowing = halves(door)
            .into_iter()
            .filter(|(names, _)| names.contains(option));
        for (_, open) in knowing {
            let what = format!("{option}={value}");
            let error = refusal(&open, &uri.with_option(option, value)?, &what)?;
            ensure(error.report().contains(option.as_str()), || {
                format!(
                    "refusal of {what} does not name the option: {}",
                    error.report()
                )
            })?;
        }
    }
    Ok(())
}

fn described(door: &Door) -> Outcome {
    let connector = &door.connector;
    let options = (connector.source_options)().into_iter();
    for option in options.chain((connector.sink_options)()) {
        ensure(option.doc.len() > 3, || {
            format!("option `{}` has no text", option.name)
        })?;
    }
    ensure(
        !connector.summary.is_empty() && !connector.uris.is_empty(),
        || "connector has no summary or no example".to_owned(),
    )
}

fn secret(door: &Door) -> Outcome {
    let uri = uri(door)?;
    let mut shown = vec![format!("{uri}"), format!("{uri:?}")];
    for (_, open) in halves(door) {
        shown.push(open(&uri).map_err(|error| error.report())?);
        let error = refusal(&open, &uri.with_option("qqqqqq", "1")?, "qqqqqq")?;
        shown.extend([error.to_string(), format!("{error:?}"), error.report()]);
    }
    let leak = shown.iter().find(|text| text.contains(SECRET));
    ensure(leak.is_none(), || {
        let text = leak.map(|text| text.replace(SECRET, "(the password)"));
        format!("a password shows: {}", text.unwrap_or_default())
    })
}
