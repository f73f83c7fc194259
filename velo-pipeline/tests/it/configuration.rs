//! Pipeline files: extended, with profiles, variables and named sources, and what is refused.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use velo_core::{Error, ErrorKind};
use velo_pipeline::config::{Loading, PipelineFile};

const ENDS: &str = "name: p\nsource: in.csv\nsink: out.csv\n";

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn load(&self, name: &str) -> Result<PipelineFile, Error> {
        self.load_with(name, &Loading::default())
    }

    fn load_with(&self, name: &str, loading: &Loading) -> Result<PipelineFile, Error> {
        let loaded = PipelineFile::load(&self.path(name), loading);
        loaded.map_err(|mut errors| errors.remove(0))
    }

    /// The report of a refusal, with this folder's name left out.
    fn refused(&self, name: &str) -> String {
        self.refused_with(name, &Loading::default())
    }

    fn refused_with(&self, name: &str, loading: &Loading) -> String {
        let error = self.load_with(name, loading).err();
        let error = error.unwrap_or_else(|| panic!("{name} is not refused"));
        assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
        let own = format!("{}/", self.0.path().display());
        error.report().replace(&own, "")
    }
}

fn uri(file: &PipelineFile) -> &str {
    &file.source.as_ref().unwrap().uri
}

#[test]
fn t177_several_levels_are_laid_over_one_another() {
    let folder = Folder::new();
    folder.put(
        "shared/base.yaml",
        "source: base.csv\nsink: out.csv\nmemory: 64MiB\n\
         retry: { first: 1s, longest: 5s }\ntransform: [{ select: [a] }, { drop: [b] }]\n",
    );
    folder.put(
        "shared/middle.yaml",
        "extends: base.yaml\nretry: { longest: 9s, tries: 3 }\ntransform: [{ drop: [c] }]\n",
    );
    folder.put(
        "p.yaml",
        "extends: shared/middle.yaml\nname: p\nsource: own.csv\n",
    );
    let file = folder.load("p.yaml").unwrap();
    assert_eq!((file.name.as_str(), uri(&file)), ("p", "own.csv"));
    // Maps are merged, lists and scalars replaced.
    assert_eq!(file.retry.first.unwrap().0.as_secs(), 1);
    assert_eq!(file.retry.longest.unwrap().0.as_secs(), 9);
    assert_eq!((file.retry.tries, file.transform.len()), (Some(3), 1));
    // Of several the later is laid over the earlier, and null takes a value away.
    folder.put("a.yaml", "name: a\nthreads: 1\nmemory: 40MiB\n");
    folder.put("b.yaml", "name: b\nthreads: 2\n");
    folder.put(
        "list.yaml",
        "extends: [./a.yaml, b.yaml]\nsource: in.csv\nsink: out.csv\nmemory: ~\n",
    );
    let file = folder.load("list.yaml").unwrap();
    assert_eq!(
        (file.name.as_str(), file.threads, file.memory),
        ("b", Some(2), None)
    );
    let absolute = format!("extends: {}\nname: c\n", folder.path("list.yaml").display());
    folder.put("absolute.yaml", &absolute);
    assert_eq!(folder.load("absolute.yaml").unwrap().name, "c");
}

#[test]
fn t177_a_circle_is_shown_as_a_path_every_time() {
    let folder = Folder::new();
    folder.put("one.yaml", "extends: one.yaml\n");
    for _ in 0..2 {
        let report = folder.refused("one.yaml");
        assert!(report.contains("circle one.yaml -> one.yaml: "), "{report}");
    }
    folder.put("a.yaml", "extends: sub/b.yaml\n");
    folder.put("sub/b.yaml", "\nextends: ../a.yaml\n");
    for _ in 0..2 {
        let report = folder.refused("a.yaml");
        let expected = "sub/b.yaml, line 2, column 10, circle a.yaml -> sub/b.yaml -> a.yaml: \
                        files extend one another in a circle";
        assert_eq!(report, expected);
    }
    for n in 0..30 {
        folder.put(
            &format!("n{n}.yaml"),
            &format!("extends: n{}.yaml\n", (n + 1) % 30),
        );
    }
    let report = folder.refused("n0.yaml");
    assert!(
        report.contains("n0.yaml -> n1.yaml -> ") && report.contains(" -> n29.yaml -> n0.yaml")
    );
    // Not from the main file: the circle is what is shown.
    folder.put("main.yaml", "extends: a.yaml\n");
    assert!(
        folder
            .refused("main.yaml")
            .contains("circle a.yaml -> sub/b.yaml -> a.yaml")
    );
}

#[test]
fn t177_a_file_under_another_name_is_the_same_file() {
    let folder = Folder::new();
    folder.put("a.yaml", "extends: link.yaml\n");
    symlink("a.yaml", folder.path("link.yaml")).unwrap();
    assert!(folder.refused("a.yaml").contains("a.yaml -> a.yaml"));
    folder.put("b.yaml", "extends: B.yaml\n");
    std::fs::hard_link(folder.path("b.yaml"), folder.path("B.yaml")).unwrap();
    assert!(folder.refused("b.yaml").contains("circle"));
    folder.put("c.yaml", "extends: ./sub/../c.yaml\n");
    folder.put("sub/x", "");
    assert!(folder.refused("c.yaml").contains("circle"));
    symlink("loop.yaml", folder.path("loop.yaml")).unwrap();
    folder.put("d.yaml", "extends: loop.yaml\n");
    let error = folder.load("d.yaml").err().unwrap();
    assert!(
        error.report().contains("d.yaml, line 1, column 10"),
        "{error:?}"
    );
}

#[test]
fn t177_a_diamond_reads_each_file_once() {
    let folder = Folder::new();
    folder.put("d0.yaml", &format!("{ENDS}threads: 3\n"));
    // Read anew for each path to it, the first file would be read 2^30 times.
    for n in 1..31 {
        let extends = format!("extends: [d{0}.yaml, d{0}.yaml]\n", n - 1);
        folder.put(&format!("d{n}.yaml"), &extends);
    }
    assert_eq!(folder.load("d30.yaml").unwrap().threads, Some(3));
    folder.put("d31.yaml", "extends: d30.yaml\n");
    folder.put("d32.yaml", "extends: d31.yaml\n");
    assert!(folder.load("d32.yaml").is_ok());
    folder.put("d33.yaml", "extends: d32.yaml\n");
    assert!(folder.refused("d33.yaml").contains("more than 32 files"));
}

#[test]
fn t177_files_stay_within_the_folders() {
    let folder = Folder::new();
    folder.put("outside/base.yaml", ENDS);
    folder.put("in/up.yaml", "extends: ../outside/base.yaml\n");
    folder.put(
        "in/absolute.yaml",
        &format!("extends: {}\n", folder.path("outside/base.yaml").display()),
    );
    symlink(
        folder.path("outside/base.yaml"),
        folder.path("in/link.yaml"),
    )
    .unwrap();
    folder.put("in/linked.yaml", "extends: link.yaml\n");
    folder.put("in/system.yaml", "extends: /etc/passwd\n");
    for name in [
        "in/up.yaml",
        "in/absolute.yaml",
        "in/linked.yaml",
        "in/system.yaml",
    ] {
        let report = folder.refused(name);
        assert!(
            report.contains("outside the folders") && report.contains("--config-root"),
            "{report}"
        );
        assert!(!report.contains("root:"), "{report}");
    }
    let loading = Loading {
        roots: vec![folder.path("outside")],
        ..Loading::default()
    };
    for name in ["in/up.yaml", "in/absolute.yaml", "in/linked.yaml"] {
        assert!(folder.load_with(name, &loading).is_ok(), "{name}");
    }
    for (extends, words) in [
        ("https://example.com/a.yaml", "only files of this machine"),
        ("s3://bucket/a.yaml", "only files of this machine"),
        ("${HOME}/a.yaml", "after the files are read"),
        ("missing.yaml", "does not exist"),
        (".", "no regular file"),
        ("/dev/zero", "outside the folders"),
        ("[a, [b]]", "a list of paths"),
        ("{ a: b }", "a list of paths"),
        ("''", "a path"),
    ] {
        folder.put("in/p.yaml", &format!("name: p\nextends: {extends}\n"));
        let report = folder.refused("in/p.yaml");
        assert!(
            report.contains(words) && report.contains("line 2"),
            "{extends}: {report}"
        );
    }
}

#[test]
fn files_have_limits() {
    let folder = Folder::new();
    folder.put("large.yaml", &format!("name: {}\n", "x".repeat(1 << 20)));
    assert!(folder.refused("large.yaml").contains("larger than 1 MiB"));
    let filler = format!("# {}\n", "x".repeat(1_000_000));
    let mut names = Vec::new();
    for n in 0..9 {
        folder.put(&format!("f{n}.yaml"), &format!("{filler}threads: 1\n"));
        names.push(format!("f{n}.yaml"));
    }
    folder.put(
        "sum.yaml",
        &format!("extends: [{}]\n{ENDS}", names.join(", ")),
    );
    assert!(folder.refused("sum.yaml").contains("larger than 8 MiB"));
    let deep = format!("{ENDS}metadata: {}{}\n", "{ a: ".repeat(70), "}".repeat(70));
    folder.put("deep.yaml", &deep);
    assert!(folder.refused("deep.yaml").contains("more than 64"));
    let metadata = format!("{ENDS}metadata: {{ a: '{}' }}\n", "x".repeat(70_000));
    folder.put("metadata.yaml", &metadata);
    let report = folder.refused("metadata.yaml");
    assert!(
        report.contains("line 4") && report.contains("64 KiB"),
        "{report}"
    );
    let not_text = folder.path("bytes.yaml");
    std::fs::write(not_text, b"name: \xff\n").unwrap();
    assert!(folder.refused("bytes.yaml").contains("not UTF-8"));
}

#[test]
fn a_profile_is_laid_over_the_rest() {
    let folder = Folder::new();
    folder.put(
        "base.yaml",
        "profiles: { prod: { memory: 1GiB }, dev: ~ }\n",
    );
    folder.put(
        "p.yaml",
        &format!("extends: base.yaml\n{ENDS}threads: 1\nprofiles:\n  prod:\n    threads: 8\n    sink: prod.csv\n"),
    );
    let with = |profile: &str| Loading {
        profile: Some(profile.to_owned()),
        ..Loading::default()
    };
    let plain = folder.load("p.yaml").unwrap();
    assert_eq!((plain.threads, plain.memory), (Some(1), None));
    let prod = folder.load_with("p.yaml", &with("prod")).unwrap();
    assert_eq!(
        (prod.threads, prod.sink.unwrap().uri.as_str()),
        (Some(8), "prod.csv")
    );
    assert_eq!(prod.memory.unwrap().0, 1 << 30);
    assert_eq!(
        folder.load_with("p.yaml", &with("dev")).unwrap().threads,
        Some(1)
    );
    let report = folder.refused_with("p.yaml", &with("prd"));
    assert!(report.contains("did you mean `prod`?"), "{report}");
    folder.put("none.yaml", ENDS);
    assert!(
        folder
            .refused_with("none.yaml", &with("prod"))
            .contains("no profiles")
    );
    folder.put(
        "bad.yaml",
        &format!("{ENDS}profiles:\n  prod: {{ extends: x.yaml }}\n"),
    );
    assert!(folder.refused("bad.yaml").contains("line 5"));
    folder.put(
        "typo.yaml",
        &format!("{ENDS}profiles:\n  prod: {{ thread: 1 }}\n"),
    );
    let report = folder.refused_with("typo.yaml", &with("prod"));
    assert!(
        report.contains("line 5, column 11") && report.contains("`threads`"),
        "{report}"
    );
}

/// What stands behind the ends, in line 4, and what is said of it.
const FAULTS: &[(&str, &str)] = &[
    (
        "extends: base.yaml\n",
        "base.yaml, line 2, column 3, key frist: no such key; did you mean `first`?",
    ),
    ("extend: base.yaml\n", "did you mean `extends`?"),
    (
        "threads: 0x10\n",
        "line 4, column 10: expected a whole number",
    ),
    (
        "threads: 1e3\n",
        "line 4, column 10: expected a whole number",
    ),
    ("threads: 007\n", "expected a whole number"),
    ("threads: yes\n", "expected a whole number"),
    ("threads: -1\n", "out of range"),
    ("threads: '2'\n", "expected a whole number"),
    ("task: 99999999999\n", "out of range"),
    ("name: q\n", "line 4, column 1, key name: key stands twice"),
    ("\tthreads: 1\n", "line 4, column 1: a tab"),
    ("retry: [1]\n", "line 4, column 8: expected"),
    (
        "retry: { factor: fast }\n",
        "line 4, column 18: expected a number",
    ),
    (
        "memory: much\n",
        "line 4, column 9: expected a size such as 64MiB",
    ),
    ("timeout: 5\n", "expected a time such as 250ms"),
    ("delivery: exactly_once\n", "did you mean"),
    (
        "checkpoint: {}\n",
        "line 4, column 13, key store: key is missing",
    ),
    ("checkpoint: state\n", "line 4, column 13: expected"),
    ("metadata: 5\n", "line 4, column 11: expected a map"),
    (
        "data_sources: { a: { type: fle, path: x } }\n",
        "did you mean `file`?",
    ),
    (
        "data_sources: { a: { type: kafka, topic: x } }\n",
        "there are file",
    ),
    (
        "data_sources: { a: { type: file, pth: x } }\n",
        "column 34, key pth: no such key; did you mean `path`?",
    ),
    (
        "data_sources: { a: { type: file, path: x, position_tracking: { enabled: true } } }\n",
        "checkpoint: { store",
    ),
    (
        "data_sources: { a: { type: file, path: x, watching: { mod: tail } } }\n",
        "did you mean `mode`?",
    ),
    (
        "dead_letter: { uri: d.jsonl, max_ratio: 7 }\n",
        "from 0 to 1",
    ),
];

#[test]
fn t155_says_where_and_what_was_meant() {
    let folder = Folder::new();
    folder.put("base.yaml", "retry:\n  frist: 1s\n");
    for (text, words) in FAULTS {
        folder.put("p.yaml", &format!("{ENDS}{text}"));
        let report = folder.refused("p.yaml");
        assert!(report.contains(words), "{text}: {report}");
    }
    for text in [
        "name: p\nsource: [b]\nsink: c\n",
        "name: p\nsource: { url: x }\nsink: c\n",
        "- a\n",
        "p\n",
    ] {
        folder.put("p.yaml", text);
        folder.refused("p.yaml");
    }
    let missing = folder.load("missing.yaml").err().unwrap();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}

#[test]
fn every_fault_of_a_file_is_found_at_once() {
    let folder = Folder::new();
    let path = folder.put(
        "p.yaml",
        "name: p\nthread: 1\nmemory: much\nretry: { frist: 1s }\nsink: c\n",
    );
    let errors = PipelineFile::load(&path, &Loading::default())
        .err()
        .unwrap();
    let lines: Vec<_> = errors
        .iter()
        .map(|error| error.context("line").unwrap())
        .collect();
    assert_eq!(lines, ["2", "3", "4"]);
    let text = "name: a/b\nsource: in.csv?delimter=x\nsink: out.parquet?cdec=zstd\ntransform: [{ selec: [a] }]\n\
                checkpoint: { store: redis://x }\n";
    let path = folder.put("p.yaml", text);
    let file = PipelineFile::load(&path, &Loading::default()).unwrap();
    let errors = file
        .check(&velo_registry::Registry::default())
        .err()
        .unwrap();
    let lines: Vec<_> = errors
        .iter()
        .map(|error| error.context("line").unwrap())
        .collect();
    assert_eq!(lines, ["1", "2", "3", "4", "5"]);
}

#[test]
fn sources_are_named_and_typed() {
    let folder = Folder::new();
    let text = "name: p\nsource: orders_in\nsink: { type: file, path: 'out/${country}/', format: csv }\n\
                dead_letter: { type: file, path: dead.jsonl, max_ratio: 0.5, after_rows: 10 }\n\
                data_sources:\n  orders_in:\n    type: file\n    path: /data/x.json\n    format: json\n\
                \x20   watching: { enabled: true, mode: tail, poll_interval: 100ms }\n\
                \x20   rotation: { detect_rotation: true, rotation_pattern: 'app.log.*', finish_rotated: true }\n\
                \x20 made_up: { type: test, kind: order, rows: 1000 }\n  raw: file:///x\n";
    folder.put("p.yaml", text);
    let file = folder.load("p.yaml").unwrap();
    assert_eq!(
        uri(&file),
        "/data/x.json?watch=tail&poll_interval=100ms&finish_rotated=true&rotation_pattern=app.log.*&format=json"
    );
    assert_eq!(
        file.sink.as_ref().unwrap().uri,
        "out/${country}/?format=csv"
    );
    let letters = file.dead_letter.as_ref().unwrap();
    assert_eq!(
        (letters.to.uri.as_str(), letters.max_ratio),
        ("dead.jsonl", Some(0.5))
    );
    folder.put(
        "q.yaml",
        &text.replace("source: orders_in", "source: made_up"),
    );
    assert_eq!(
        uri(&folder.load("q.yaml").unwrap()),
        "test://order?rows=1000"
    );
    folder.put(
        "q.yaml",
        &text.replace("source: orders_in", "source: order_in"),
    );
    let report = folder.refused("q.yaml");
    assert!(
        report.contains("line 2, column 9") && report.contains("did you mean `orders_in`?"),
        "{report}"
    );
    let off = text
        .replace("enabled: true", "enabled: false")
        .replace("detect_rotation: true", "detect_rotation: false");
    folder.put("q.yaml", &off);
    assert!(folder.refused("q.yaml").contains("always noticed"));
}

#[test]
fn an_options_value_stays_as_it_is_written() {
    let text = "name: p\nsource: { uri: in.csv, header: yes, a: 1.10, b: 007, c: 1e3, d: [x, 2], e: 'a&b' }\nsink: out.csv\n";
    let file = PipelineFile::parse(text).unwrap();
    assert_eq!(
        uri(&file),
        "in.csv?a=1.10&b=007&c=1e3&d=x,2&e=a%26b&header=yes"
    );
}

#[test]
fn t185_secrets_come_only_from_the_folders() {
    let folder = Folder::new();
    folder.put("secrets/pw", "p@ss/w:rd\n");
    folder.put("secrets/uri", "file:///from/secret.csv\n");
    folder.put("cfg/own", "own");
    folder.put("elsewhere/pw", "stolen-words");
    symlink(folder.path("elsewhere/pw"), folder.path("secrets/link")).unwrap();
    folder.put("secrets/large", &"x".repeat(70_000));
    let loading = Loading {
        secret_folders: vec![folder.path("secrets")],
        ..Loading::default()
    };
    let at = |name: &str| folder.path(name).display().to_string();
    let load = |source: &str| {
        folder.put(
            "cfg/p.yaml",
            &format!("name: p\nsink: out.csv\nsource: {source}\n"),
        );
        folder.load_with("cfg/p.yaml", &loading)
    };
    let password = load(&format!("pg://u:${{file:{}}}@h/db", at("secrets/pw"))).unwrap();
    assert_eq!(uri(&password), "pg://u:p%40ss%2Fw%3Ard@h/db");
    assert!(!format!("{password:?}").contains("p%40ss"));
    assert_eq!(
        uri(&load(&format!("${{file:{}}}", at("secrets/uri"))).unwrap()),
        "file:///from/secret.csv"
    );
    assert_eq!(
        uri(&load("{ uri: a.csv, password: '${file:own}' }").unwrap()),
        "a.csv?password=own"
    );
    for path in [
        at("elsewhere/pw"),
        at("secrets/link"),
        at("secrets/../elsewhere/pw"),
        "/etc/shadow".to_owned(),
        "/proc/self/environ".to_owned(),
        at("secrets/large"),
        at("secrets/missing"),
        at("secrets"),
    ] {
        let error = load(&format!("pg://u:${{file:{path}}}@h/db"))
            .err()
            .unwrap();
        assert_eq!(error.kind(), ErrorKind::Config, "{path}");
        let report = error.report();
        assert!(
            report.contains("line 3") && !report.contains("stolen"),
            "{report}"
        );
    }
    // A file that is extended has no more rights than the main one.
    folder.put("cfg/base.yaml", "metadata: { leak: '${file:own}' }\n");
    folder.put("cfg/p.yaml", &format!("extends: base.yaml\n{ENDS}"));
    let report = folder.refused_with("cfg/p.yaml", &loading);
    assert!(
        report.contains("base.yaml, line 1") && report.contains("would be shown"),
        "{report}"
    );
}

#[test]
fn values_never_become_structure_or_messages() {
    let mut loading = Loading::default();
    loading.environment.extend(
        [
            ("EVIL", "x\nsink: evil.csv\n"),
            ("MANY", "4"),
            ("WORD", "hunter2"),
            ("TOKEN", "hunter2"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let parse = |text: &str| PipelineFile::parse_with(text, &loading);
    let file = parse("name: p\nsource: \"a${EVIL}\"\nsink: out.csv\nthreads: ${MANY}\n").unwrap();
    assert_eq!(file.sink.unwrap().uri, "out.csv");
    assert_eq!(file.threads, Some(4));
    let letters = "dead_letter: { uri: d, max_ratio: \"0.${MANY}\", after_rows: \"${MANY}\" }\n";
    let letters = parse(&format!("{ENDS}{letters}"))
        .unwrap()
        .dead_letter
        .unwrap();
    assert_eq!(
        (letters.max_ratio, letters.after_rows),
        (Some(0.4), Some(4))
    );
    for text in [
        "threads: ${WORD}",
        "memory: ${WORD}",
        "delivery: ${WORD}",
        "timeout: ${TOKEN}",
        "retry: ${TOKEN}",
        "dead_letter: { uri: d, max_ratio: \"${WORD}\" }",
    ] {
        let error = parse(&format!("{ENDS}{text}\n")).err().unwrap();
        let said = format!("{error:?} {error} {}", error.report());
        assert!(!said.contains("hunter2"), "{text}: {said}");
        assert_eq!(error.context("line"), Some("4"), "{text}");
    }
    let error = parse("name: p\nsource: ${HOMEE:}\nsink: ${env:WORDD}\n")
        .err()
        .unwrap();
    assert!(error.report().contains("did you mean `WORD`?"), "{error:?}");
}

/// Every YAML example of the docs that is a pipeline file or a part of one.
fn examples() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = vec![root.join("README.md")];
    pages.extend(
        std::fs::read_dir(root.join("docs"))
            .unwrap()
            .map(|entry| entry.unwrap().path()),
    );
    let mut found = Vec::new();
    for page in pages
        .iter()
        .filter(|page| page.extension().is_some_and(|it| it == "md"))
    {
        let text = std::fs::read_to_string(page).unwrap();
        let blocks = text.split("```yaml\n").skip(1);
        for block in blocks {
            let block = block.split("```").next().unwrap();
            // Other YAML of the docs, such as Kubernetes' own, begins with other keys.
            let others = ["apiVersion:", "groups:", "scrape_configs:"];
            if others.iter().any(|key| block.contains(key)) {
                continue;
            }
            // A part of one has no name.
            let ends = match block.lines().any(|line| line.starts_with("name:")) {
                true => "",
                false => "name: p\nsource: a\nsink: b\n",
            };
            found.push((page.display().to_string(), format!("{ends}{block}")));
        }
    }
    found
}

fn as_json(yaml: &str) -> serde_json::Value {
    let text = format!(
        "name: p\nsource: a\nsink: b\nmetadata:\n  whole:\n{}",
        indented(yaml)
    );
    let mut file = PipelineFile::parse(&text).unwrap_or_else(|error| panic!("{yaml}: {error:?}"));
    file.metadata.remove("whole").unwrap()
}

fn indented(yaml: &str) -> String {
    yaml.lines().map(|line| format!("    {line}\n")).collect()
}

#[test]
fn the_schema_takes_every_example_and_no_typo() {
    let schema = velo_pipeline::config::schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut pages = 0;
    for (page, example) in examples() {
        let value = as_json(&example.replace("${", "$${"));
        let faults: Vec<_> = validator
            .iter_errors(&value)
            .map(|fault| fault.to_string())
            .collect();
        assert!(faults.is_empty(), "{page}: {faults:?}\n{example}");
        pages += 1;
    }
    assert!(pages >= 6, "{pages}");
    for good in [
        "name: p\nsource: { uri: a, delimiter: ';', types: [a:int64] }\nsink: b\nthreads: 4\nmemory: 1000000\n",
        "name: p\nsources: { a: x, b: y }\nsinks: { c: z }\nthreads: '$${N:4}'\nretry: { tries: 3, factor: 1.5 }\n",
        "extends: [a.yaml]\nmetadata: { owner: [x, { y: z }] }\n",
        "name: p\nsource: s\nsink: b\ndata_sources: { s: { type: file, path: x, watching: { mode: tail } } }\n",
        "profiles: { prod: { threads: 2 }, dev: ~ }\n",
        "name: p\nsource: a\nsink: b\ntransform: [{ set: { a: 1 } }, { rate_limit: 10/s }]\n",
        "name: p\nsource: a\nsink: b\ndead_letter: { uri: d, max_ratio: 0.5 }\ncheckpoint: { store: s, every: 5s }\n",
    ] {
        let value = as_json(good);
        let faults: Vec<_> = validator
            .iter_errors(&value)
            .map(|fault| fault.to_string())
            .collect();
        assert!(faults.is_empty(), "{good}: {faults:?}");
    }
    for wrong in [
        "name: p\nsorce: a\nsink: b\n",
        "name: p\nsource: [a]\nsink: b\n",
        "name: p\nsource: a\nsink: b\nthreads: many\n",
        "name: p\nsource: a\nsink: b\ndelivery: exactly_once\n",
        "name: p\nsource: a\nsink: b\ncheckpoint: { stor: d }\n",
        "name: p\nsource: a\nsink: b\ntransform: [{ selec: [a] }]\n",
        "name: p\nsource: { path: a }\nsink: b\n",
        "name: p\nsource: a\nsink: b\ndata_sources: { s: { type: fle, path: x } }\n",
        "name: p\nsource: a\nsink: b\nprofiles: { prod: { thread: 1 } }\n",
        "name: p\nsource: a\nsink: b\ndead_letter: { uri: d, max_ratio: 7 }\n",
    ] {
        assert!(!validator.is_valid(&as_json(wrong)), "{wrong}");
    }
}

/// What random files are made of.
const PIECES: [&str; 40] = [
    "name",
    "source",
    "sink",
    "sinks",
    "data_sources",
    "profiles",
    "extends",
    "metadata",
    "transform",
    "retry",
    "type",
    "file",
    "path",
    "uri",
    "watching",
    "threads",
    "${A}",
    "${file:x}",
    "${",
    "}",
    "$${",
    "&a ",
    "*a",
    "<<",
    ": ",
    ":\n  ",
    "\n",
    "\n- ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "'",
    "\"",
    "~",
    "1e3",
    "|\n  ",
    "\u{feff}",
];

/// The fuzz target does the same for longer.
#[test]
fn no_text_makes_it_fall_over() {
    let mut random = fastrand::Rng::with_seed(7);
    let loading = Loading {
        environment: [("A".to_owned(), "name: ${A} {[".to_owned())].into(),
        ..Loading::default()
    };
    let registry = velo_registry::Registry::default();
    let mut whole = 0;
    for round in 0..20_000 {
        let start = if round % 2 == 0 { ENDS } else { "" };
        let pieces = std::iter::repeat_with(|| *random.choice(PIECES.iter()).unwrap());
        let text: String = std::iter::once(start)
            .chain(pieces.take(1 + round % 30))
            .collect();
        if let Ok(file) = PipelineFile::parse_with(&text, &loading) {
            drop(file.check(&registry));
            whole += 1;
        }
    }
    assert!((1..20_000).contains(&whole), "{whole}");
}
