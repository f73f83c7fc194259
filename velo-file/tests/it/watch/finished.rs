//! What becomes of files that are done: only what was committed, never what has changed.

use std::time::Duration;

use super::{Watched, run};

const DONE: Duration = Duration::from_secs(6);

async fn complete(watched: &mut Watched) -> Vec<String> {
    let mut rows = watched.read().await;
    tokio::time::advance(DONE).await;
    rows.extend(watched.read().await);
    rows
}

#[test]
fn a_file_is_deleted_after_the_commit_and_not_before() {
    run(async {
        let mut folder = Watched::new(
            "",
            "watch=periodic&format=text&extension_filter=txt&delete_after_read=true",
        );
        folder.write("a.txt", "1\n2");
        assert_eq!(complete(&mut folder).await, ["1", "2"]);
        assert!(folder.exists("a.txt"), "nobody has committed yet");
        folder.acknowledge().await;
        assert!(!folder.exists("a.txt"));
        folder.write("a.txt", "3\n");
        assert_eq!(complete(&mut folder).await, ["3"]);
    });
}

#[test]
fn a_crash_between_commit_and_delete_deletes_later_and_reads_nothing_again() {
    run(async {
        let mut folder = Watched::new(
            "",
            "watch=periodic&format=text&extension_filter=txt&on_done=delete",
        );
        folder.write("a.txt", "1\n");
        assert_eq!(complete(&mut folder).await, ["1"]);
        folder.restart();
        assert!(folder.read().await.is_empty());
        assert!(!folder.exists("a.txt"));
    });
}

#[test]
fn a_file_that_has_changed_since_stays_and_is_read_on() {
    run(async {
        let mut folder = Watched::new(
            "",
            "watch=periodic&format=text&extension_filter=txt&on_done=delete",
        );
        folder.write("a.txt", "1\n");
        assert_eq!(complete(&mut folder).await, ["1"]);
        folder.append("a.txt", "2\n");
        folder.acknowledge().await;
        assert!(folder.exists("a.txt"));
        assert_eq!(complete(&mut folder).await, ["2"]);
        folder.acknowledge().await;
        assert!(!folder.exists("a.txt"));
    });
}

#[test]
fn a_file_that_is_moved_never_replaces_another() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let done = directory.path().join("done");
        let options = format!(
            "watch=periodic&format=text&extension_filter=txt&on_done=move:{}",
            done.display()
        );
        let mut folder = Watched::within(directory, "", &options);
        for text in ["1\n", "2\n", "3\n"] {
            folder.write("a.txt", text);
            assert_eq!(complete(&mut folder).await, [text.trim()]);
            folder.acknowledge().await;
            assert!(!folder.exists("a.txt"));
        }
        for (name, text) in [("a.txt", "1\n"), ("a.txt.1", "2\n"), ("a.txt.2", "3\n")] {
            assert_eq!(std::fs::read_to_string(done.join(name)).unwrap(), text);
        }
    });
}

#[test]
fn of_a_tailed_file_only_what_it_was_rotated_to_is_deleted() {
    run(async {
        let options = "watch=periodic&format=text&on_done=delete";
        let mut log = Watched::new("app.log", options);
        log.write("app.log", "1\nhalf");
        assert_eq!(complete(&mut log).await, ["1"]);
        log.acknowledge().await;
        assert!(log.exists("app.log"));
        log.append("app.log", " a line\n");
        log.rename("app.log", "app.log.1");
        log.write("app.log", "2\n");
        assert_eq!(complete(&mut log).await, ["half a line", "2"]);
        log.acknowledge().await;
        assert!(log.exists("app.log") && !log.exists("app.log.1"));
    });
}
