//! `velo dlq`: dead letters counted, shown, brought in again and removed.

use serde_json::Value;

use crate::velo::Folder;

/// Seven rows, three of which do not decode; amounts of more than 100 are too many for the sink.
fn orders() -> Folder {
    let folder = Folder::new();
    folder.put(
        "in/a.jsonl",
        "{\"id\":1,\"v\":1}\n{bad 2\n{\"id\":3,\"v\":3}\n{\"id\":\u{1b}[31m\n\
         {\"id\":5,\"v\":5}\n{\"id\":6,\"v\":\"six\"}\n{\"id\":7,\"v\":7}\n",
    );
    pipeline(
        &folder,
        "in/*.jsonl?schema=id:int64,v:int64",
        "out/?format=jsonl",
    );
    folder.ok(&["run", "p.yaml", "-q"]);
    assert_eq!(folder.text("dead.jsonl").lines().count(), 3);
    folder
}

fn pipeline(folder: &Folder, source: &str, sink: &str) {
    folder.put(
        "p.yaml",
        format!(
            "name: orders\nsource: {source}\nsink: {sink}\n\
             checkpoint: {{ store: state }}\ndead_letter: dead.jsonl\n"
        ),
    );
}

fn letters(folder: &Folder) -> Vec<Value> {
    let shown = folder.ok(&["dlq", "show", "p.yaml", "--json"]);
    let lines = shown
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

fn count(folder: &Folder) -> String {
    folder.ok(&["count", "out"])
}

#[test]
fn counts_letters_by_what_became_of_them() {
    let folder = orders();
    let list = folder.ok(&["dlq", "list", "p.yaml"]);
    assert!(list.contains("decode  InvalidData  in: "), "{list}");
    let list = folder.ok(&["dlq", "list", "p.yaml", "--json"]);
    let groups: Vec<Value> = serde_json::from_str(&list).unwrap();
    let counts = groups.iter().map(|group| group["count"].as_u64().unwrap());
    assert_eq!(counts.sum::<u64>(), 3);
    assert!(groups.iter().all(|group| group["stage"] == "decode"));
}

#[test]
fn a_pipeline_without_letters_has_none() {
    let folder = orders();
    std::fs::remove_file(folder.path("dead.jsonl")).unwrap();
    assert_eq!(folder.ok(&["dlq", "list", "p.yaml"]), "no dead letters\n");
    assert_eq!(folder.ok(&["dlq", "show", "p.yaml"]), "");
    folder.put("q.yaml", "name: q\nsource: a.csv\nsink: b.csv\n");
    let words = ["keeps no dead letters", "dead_letter:"];
    folder.fails(&["dlq", "list", "q.yaml"], 78, &words);
}

#[test]
fn t182_shows_letters_of_which_a_terminal_obeys_nothing() {
    let folder = orders();
    let shown = folder.ok(&["dlq", "show", "p.yaml"]);
    assert_eq!(shown.lines().count(), 3);
    assert!(
        shown.contains(r"\u{1b}[31m") && !shown.contains('\u{1b}'),
        "{shown}"
    );
    let show = ["dlq", "show", "p.yaml", "--limit", "2", "--json"];
    assert_eq!(folder.ok(&show).lines().count(), 2);
    let id = letters(&folder)[1]["id"].as_str().unwrap().to_owned();
    let one = folder.ok(&["dlq", "show", "p.yaml", "--id", &id]);
    assert!(one.starts_with(&id) && one.lines().count() == 1, "{one}");
    let late = folder.ok(&["dlq", "show", "p.yaml", "--where", "ordinal >= 3"]);
    assert_eq!(late.lines().count(), 2);
    let refused = ["dlq", "show", "p.yaml", "--where", "ordinal >"];
    assert_ne!(folder.run(&refused).code(), Some(0));
}

#[test]
fn discards_what_was_chosen_and_nothing_else() {
    let folder = orders();
    let before = letters(&folder);
    let discard = ["dlq", "discard", "p.yaml"];
    folder.fails(&discard, 64, &["--all"]);
    let chosen = [&discard[..], &["--where", "ordinal = 3"]].concat();
    assert_eq!(folder.ok(&chosen), "1 discarded\n");
    assert_eq!(letters(&folder), [before[0].clone(), before[2].clone()]);
    // The pipeline goes on behind what is left.
    folder.put("in/b.jsonl", "{worse\n{\"id\":8,\"v\":8}\n");
    folder.ok(&["run", "p.yaml", "-q"]);
    assert_eq!(letters(&folder).len(), 3);
    let all = [&discard[..], &["--all", "--json"]].concat();
    assert_eq!(folder.ok(&all), "{\"discarded\":3}\n");
    assert_eq!(letters(&folder).len(), 0);
    folder.put("in/c.jsonl", "{worst\n");
    folder.ok(&["run", "p.yaml", "-q"]);
    assert_eq!(letters(&folder).len(), 1);
    assert_eq!(count(&folder), "5\n");
}

#[test]
fn replays_letters_and_keeps_those_that_fail_again() {
    let folder = orders();
    let replay = ["dlq", "replay", "p.yaml"];
    assert_eq!(folder.ok(&replay), "0 replayed, 3 failed again\n");
    assert!(letters(&folder).iter().all(|letter| letter["attempt"] == 2));
    assert_eq!(count(&folder), "4\n");
    // The mended source takes text.
    let mended = "in/*.jsonl?schema=id:int64,v:text";
    pipeline(&folder, mended, "out/?format=jsonl");
    assert_eq!(folder.ok(&replay), "1 replayed, 2 failed again\n");
    assert_eq!(count(&folder), "5\n");
    assert_eq!(letters(&folder).len(), 2);
    folder.ok(&["run", "p.yaml", "-q"]);
    assert_eq!(count(&folder), "5\n");
}

#[test]
fn replays_records_of_csv_with_the_columns_of_their_file() {
    let folder = Folder::new();
    folder.put("in/a.csv", "id;v\n1;1,5\n2;two\n3;3,5\n");
    let source = "in/*.csv?delimiter=;&decimal_separator=,&types=v:";
    pipeline(&folder, &format!("{source}float64"), "out/?format=jsonl");
    folder.ok(&["run", "p.yaml", "-q"]);
    assert_eq!(
        (count(&folder).as_str(), letters(&folder).len()),
        ("2\n", 1)
    );
    pipeline(&folder, &format!("{source}text"), "out/?format=jsonl");
    let replay = ["dlq", "replay", "p.yaml"];
    assert_eq!(folder.ok(&replay), "1 replayed, 0 failed again\n");
    assert_eq!(count(&folder), "3\n");
    assert_eq!(folder.ok(&replay), "0 replayed, 0 failed again\n");
}

#[test]
fn replays_rows_that_a_transform_refused() {
    let folder = Folder::new();
    folder.put("in/a.csv", "id,v\n1,5\n2,seven\n");
    pipeline(&folder, "in/*.csv?types=v:text", "out/?format=jsonl");
    let yaml = folder.text("p.yaml");
    folder.put(
        "p.yaml",
        format!("{yaml}transform: [{{ cast: {{ v: int64 }} }}]\n"),
    );
    folder.ok(&["run", "p.yaml", "-q"]);
    assert_eq!(letters(&folder)[0]["stage"], "transform");
    let replay = ["dlq", "replay", "p.yaml"];
    assert_eq!(folder.ok(&replay), "0 replayed, 1 failed again\n");
    folder.put("p.yaml", yaml);
    assert_eq!(folder.ok(&replay), "1 replayed, 0 failed again\n");
    assert_eq!(count(&folder), "2\n");
}

#[test]
fn replays_rows_that_the_sink_refused_without_transforms() {
    let folder = orders();
    let yaml = folder.text("p.yaml");
    let rename = format!("{yaml}transform: [{{ rename: {{ v: total }} }}]\n");
    folder.put("p.yaml", rename);
    let first = folder.text("dead.jsonl");
    let mut letter: Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    letter["stage"] = "write".into();
    letter["raw"] = "{\"id\":9,\"total\":9}".into();
    folder.put("dead.jsonl", format!("{letter}\n"));
    let replay = ["dlq", "replay", "p.yaml", "--json"];
    assert_eq!(folder.ok(&replay), "{\"failed again\":0,\"replayed\":1}\n");
    let rows = folder.ok(&["count", "out", "--filter", "total = 9"]);
    assert_eq!(rows, "1\n");
}

#[test]
fn letters_that_would_come_to_nothing_are_left() {
    let folder = Folder::new();
    folder.put("in/a.csv", "id,v\n1,2\n#2,two\n");
    pipeline(
        &folder,
        "in/*.csv?types=id:int64,v:int64",
        "out/?format=jsonl",
    );
    folder.ok(&["run", "p.yaml", "-q"]);
    assert_eq!(letters(&folder).len(), 1);
    let comments = "in/*.csv?comment=%23&types=id:int64,v:int64";
    pipeline(&folder, comments, "out/?format=jsonl");
    folder.fails(&["dlq", "replay", "p.yaml"], 65, &["input is empty"]);
    assert_eq!(letters(&folder).len(), 1);
}

#[test]
fn records_of_other_formats_are_left_with_the_reason() {
    let folder = orders();
    let text = folder
        .text("dead.jsonl")
        .replace("in/a.jsonl", "in/a.parquet");
    folder.put("dead.jsonl", text);
    let replay = ["dlq", "replay", "p.yaml"];
    folder.fails(&replay, 78, &["of this format cannot be replayed"]);
    assert_eq!(letters(&folder).len(), 3);
}

#[test]
fn what_cannot_be_rewritten_is_refused() {
    let folder = orders();
    let yaml = folder.text("p.yaml");
    let replay = ["dlq", "replay", "p.yaml"];
    let discard = ["dlq", "discard", "p.yaml", "--all"];
    folder.put("p.yaml", yaml.replace("dead.jsonl", "dead/?format=jsonl"));
    for command in [&replay[..], &discard] {
        folder.fails(command, 78, &["single local file"]);
    }
    folder.put("p.yaml", yaml.replace("checkpoint: { store: state }\n", ""));
    folder.fails(&discard, 78, &["checkpoint:"]);
    folder.put("p.yaml", yaml.replace("out/?format=jsonl", "out.jsonl"));
    folder.fails(&replay, 78, &["would replace the file", "if_exists=append"]);
    folder.put("p.yaml", yaml);
    assert_eq!(letters(&folder).len(), 3);
}
