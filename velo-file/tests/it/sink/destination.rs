//! What a destination may be, and what `plan` says of it.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use arrow_schema::{DataType, Field};

use super::*;

async fn plan(path: &Path, options: &str) -> Result<Vec<String>> {
    let actions = try_open(path, options)?.plan(&[stream()]).await?;
    Ok(actions.iter().map(ToString::to_string).collect())
}

#[tokio::test]
async fn plan_says_what_would_be_done_and_does_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    fs::write(root.join("old.csv"), "old").unwrap();
    let at = |path: &str| root.join(path).display().to_string();
    for (path, options, expected) in [
        (
            "new.csv",
            "",
            vec![format!("create file {}", at("new.csv"))],
        ),
        (
            "old.csv",
            "",
            vec![format!("replace file {}", at("old.csv"))],
        ),
        (
            "old.csv",
            "?if_exists=append",
            vec![format!("append to file {}", at("old.csv"))],
        ),
        (
            "new.jsonl",
            "?if_exists=append",
            vec![format!("create file {}", at("new.jsonl"))],
        ),
        (
            "a/b/new.jsonl",
            "",
            vec![
                format!("create directory {}", at("a/b/")),
                format!("create file {}", at("a/b/new.jsonl")),
            ],
        ),
        (
            "out/",
            "?format=csv",
            vec![
                format!("create directory {}", at("out/")),
                format!("add files to {}", at("out/")),
            ],
        ),
        ("", "?format=csv", vec![format!("add files to {}", at(""))]),
    ] {
        let path = root.join(path);
        assert_eq!(plan(&path, options).await.unwrap(), expected);
        assert_eq!(plan(&path, options).await.unwrap(), expected);
    }
    assert_eq!(files(root), ["old.csv"]);
    assert_eq!(
        plan(Path::new("/dev/null"), "?format=csv").await.unwrap(),
        ["write to /dev/null"]
    );
    assert_eq!(
        plan(Path::new("-"), "?format=csv").await.unwrap(),
        ["write to stdout"]
    );
}

#[tokio::test]
async fn plan_refuses_what_the_first_row_would_fail_on() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    fs::write(root.join("old.csv"), "old").unwrap();
    fs::create_dir(root.join("full")).unwrap();
    fs::write(root.join("full/x"), "").unwrap();
    let _socket = UnixListener::bind(root.join("socket.csv")).unwrap();
    for (path, options, kind) in [
        ("old.csv", "?if_exists=fail", ErrorKind::AlreadyExists),
        ("old.parquet", "?if_exists=append", ErrorKind::Config),
        (
            "new.json?format=json_array",
            "&if_exists=append",
            ErrorKind::Config,
        ),
        ("old.csv", "?roll_rows=5", ErrorKind::AlreadyExists),
        ("old.csv/", "?format=csv", ErrorKind::Io),
        ("old.csv/below.csv", "", ErrorKind::Io),
        ("none/new.csv", "?create_dirs=false", ErrorKind::NotFound),
        (
            "full",
            "?format=csv&if_exists=fail",
            ErrorKind::AlreadyExists,
        ),
        ("full", "?format=csv&if_exists=replace", ErrorKind::Config),
        ("full", "", ErrorKind::Config),
        (
            "out/",
            "?format=csv&partition_by=nothing",
            ErrorKind::Config,
        ),
        ("out.dat", "", ErrorKind::Config),
        ("out.txt", "?codec=lz4", ErrorKind::Config),
        ("out.parquet.gz", "", ErrorKind::Config),
        ("out.csv", "?file_nam=x", ErrorKind::Config),
        ("out.csv", "?row_group_rows=9", ErrorKind::Config),
        ("socket.csv", "", ErrorKind::Unsupported),
    ] {
        let error = plan(&root.join(path), options).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{path}{options}: {}", error.report());
        assert!(!error.report().contains('\n'));
    }
    let stdout = plan(Path::new("-"), "?format=csv&if_exists=fail")
        .await
        .unwrap_err();
    assert_eq!(stdout.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn plan_asks_for_permission() {
    if rustix::process::geteuid().is_root() {
        // Nothing is forbidden to root.
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("old.csv");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    assert_eq!(
        plan(&path, "").await.unwrap_err().kind(),
        ErrorKind::PermissionDenied
    );
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let new = plan(&directory.path().join("new.csv"), "").await;
    assert_eq!(new.unwrap_err().kind(), ErrorKind::PermissionDenied);
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn plan_checks_columns_and_streams() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.csv");
    let sink = open(&path, "");
    let error = sink.plan(&[stream(), stream()]).await.unwrap_err();
    assert!(error.hint().unwrap().contains("directory"));
    let list = DataType::List(Arc::new(Field::new("item", DataType::Int64, true)));
    let schema = Arc::new(Schema::new(vec![Field::new("list", list, true)]));
    let nested = Arc::new(StreamInfo::new("t", schema));
    assert_eq!(
        sink.plan(&[nested]).await.unwrap_err().kind(),
        ErrorKind::Unsupported
    );
}

#[tokio::test]
async fn a_single_file_belongs_to_a_single_task() {
    let directory = tempfile::tempdir().unwrap();
    let sink = open(&directory.path().join("out.csv"), "");
    let request = WriteRequest::new(0, Identity::new("p", 1, 1), Budget::new(1 << 20));
    assert_eq!(
        sink.create_writer(request).await.err().unwrap().kind(),
        ErrorKind::Config
    );
}

#[test]
fn capabilities_need_no_look() {
    use velo_core::CommitKind;
    let file = open(Path::new("/nowhere/x.csv"), "").capabilities();
    assert_eq!((file.commit, file.positions), (CommitKind::TwoPhase, false));
    let stdout = open(Path::new("-"), "?format=csv").capabilities();
    assert_eq!((stdout.commit, stdout.max_writers), (CommitKind::None, 1));
}
