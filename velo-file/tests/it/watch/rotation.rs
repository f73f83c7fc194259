//! Renamed, copied, cut off, replaced, linked, compressed: nothing is lost, nothing comes twice.

use std::io::Write;
use std::os::unix::fs::symlink;

use super::{Watched, run};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn rename_rotation_reads_the_old_file_to_its_end() {
    run(async {
        let mut log = Watched::tail("app.log");
        log.write("app.log", "a\nb\n");
        assert_eq!(log.read().await, ["a", "b"]);
        log.append("app.log", "c\n");
        log.rename("app.log", "app.log.1");
        log.append("app.log.1", "d\n");
        log.write("app.log", "e\n");
        assert_eq!(log.read().await, ["c", "d", "e"]);
        log.append("app.log.1", "late\n");
        log.append("app.log", "f\n");
        assert_eq!(log.read().await, ["late", "f"]);
    });
}

#[test]
fn rotation_without_the_rest_when_that_is_wanted() {
    run(async {
        let mut log = Watched::new("app.log", "watch=periodic&format=text&finish_rotated=false");
        log.write("app.log", "a\n");
        assert_eq!(log.read().await, ["a"]);
        log.append("app.log", "b\n");
        log.rename("app.log", "app.log.1");
        log.write("app.log", "c\n");
        assert_eq!(log.read().await, ["c"]);
        log.restart();
        log.append("app.log.1", "d\n");
        assert!(log.read().await.is_empty());
    });
}

#[test]
fn generations_that_were_rotated_while_velo_was_down_are_read_in_order() {
    for generations in [1, 3, 10] {
        run(async move {
            let mut log = Watched::tail("app.log");
            log.write("app.log", "a\n");
            assert_eq!(log.read().await, ["a"]);
            log.reader = None;
            let mut expected = Vec::new();
            for generation in 0..generations {
                log.append("app.log", format!("rest {generation}\n"));
                expected.push(format!("rest {generation}"));
                for number in (1..=generation).rev() {
                    let (from, to) = (
                        format!("app.log.{number}"),
                        format!("app.log.{}", number + 1),
                    );
                    log.rename(&from, &to);
                }
                log.rename("app.log", "app.log.1");
                log.write("app.log", format!("new {generation}\n"));
                expected.push(format!("new {generation}"));
            }
            log.restart();
            assert_eq!(log.read().await, expected, "{generations}");
            log.restart();
            assert!(log.read().await.is_empty(), "{generations}");
        });
    }
}

#[test]
fn names_with_dates_are_rotated_files_as_well() {
    run(async {
        let mut log = Watched::tail("app.log");
        log.write("app.log", "a\n");
        assert_eq!(log.read().await, ["a"]);
        log.reader = None;
        log.append("app.log", "b\n");
        log.rename("app.log", "app.log-20240131");
        log.write("app.log", "c\n");
        log.write("app-error.log", "other\n");
        log.restart();
        assert_eq!(log.read().await, ["b", "c"]);
        let mut log = Watched::new(
            "app.log",
            "watch=periodic&format=text&rotation_pattern=old-*.txt",
        );
        log.write("app.log", "a\n");
        assert_eq!(log.read().await, ["a"]);
        log.reader = None;
        log.rename("app.log", "old-1.txt");
        log.append("old-1.txt", "b\n");
        log.write("old-2.txt", "c\n");
        log.write("app.log.1", "not ours\n");
        log.write("app.log", "d\n");
        log.restart();
        assert_eq!(log.read().await, ["b", "c", "d"]);
    });
}

#[test]
fn copytruncate_loses_nothing_that_is_in_the_copy() {
    run(async {
        let mut log = Watched::tail("app.log");
        log.write("app.log", "a\nb\n");
        assert_eq!(log.read().await, ["a", "b"]);
        log.append("app.log", "c\n");
        log.copy("app.log", "app.log.1");
        log.truncate("app.log", 0);
        log.append("app.log", "d\n");
        assert_eq!(log.read().await, ["c", "d"]);
        log.append("app.log", "e\n");
        log.copy("app.log", "app.log.2");
        assert_eq!(log.read().await, ["e"], "a copy alone is nothing new");
        log.truncate("app.log", 0);
        log.append("app.log", "longer than before\n");
        assert_eq!(log.read().await, ["longer than before"]);
    });
}

#[test]
fn copytruncate_while_velo_is_down() {
    run(async {
        let mut log = Watched::tail("app.log");
        log.write("app.log", "a\n");
        assert_eq!(log.read().await, ["a"]);
        log.reader = None;
        log.append("app.log", "b\n");
        log.copy("app.log", "app.log.1");
        log.truncate("app.log", 0);
        log.append("app.log", "c and much more than before\n");
        log.restart();
        assert_eq!(log.read().await, ["b", "c and much more than before"]);
        log.restart();
        assert!(log.read().await.is_empty());
    });
}

#[test]
fn a_file_that_is_cut_off_begins_anew() {
    run(async {
        let mut log = Watched::tail("app.log");
        log.write("app.log", "one\ntwo\nthree\n");
        assert_eq!(log.read().await, ["one", "two", "three"]);
        log.truncate("app.log", 0);
        assert!(log.read().await.is_empty());
        log.append("app.log", "four\n");
        assert_eq!(log.read().await, ["four"]);
        log.append("app.log", "five\nsix\n");
        assert_eq!(log.read().await, ["five", "six"]);
        // To half: what is left is read as new, because nobody knows what it is.
        log.truncate("app.log", 5);
        assert_eq!(log.read().await, ["four"]);
    });
}

#[test]
fn a_file_that_is_written_over_longer_begins_anew() {
    run(async {
        let mut log = Watched::tail("app.log");
        log.write("app.log", "one\ntwo\n");
        assert_eq!(log.read().await, ["one", "two"]);
        let inode = log.inode("app.log");
        log.write("app.log", "three\nfour\nfive\nsix\n");
        assert_eq!(log.inode("app.log"), inode);
        assert_eq!(log.read().await, ["three", "four", "five", "six"]);
        log.reader = None;
        log.write("app.log", "seven\neight\nnine\nten\neleven\n");
        log.restart();
        assert_eq!(
            log.read().await,
            ["seven", "eight", "nine", "ten", "eleven"]
        );
    });
}

#[test]
fn an_inode_that_is_given_away_again_is_another_file() {
    run(async {
        let mut log = Watched::tail("app.log");
        // File systems mostly give the number of a removed file to the next one.
        for round in 0..20 {
            log.write("app.log", format!("first {round}\n"));
            assert_eq!(log.read().await, [format!("first {round}")]);
            log.reader = None;
            log.remove("app.log");
            log.write("app.log", format!("other, longer {round}\nand another\n"));
            log.restart();
            let expected = [format!("other, longer {round}"), "and another".to_owned()];
            assert_eq!(log.read().await, expected);
            log.remove("app.log");
            assert!(log.read().await.is_empty());
        }
    });
}

#[test]
fn a_file_that_replaces_another_by_its_name() {
    run(async {
        let mut log = Watched::tail("app.log");
        log.write("app.log", "a\nb\n");
        assert_eq!(log.read().await, ["a", "b"]);
        log.write("app.log.tmp", "x\ny\nz\n");
        log.rename("app.log.tmp", "app.log");
        assert_eq!(log.read().await, ["x", "y", "z"]);
        // One that holds all that was read is the same log, put in place anew.
        log.write("app.log.tmp", "x\ny\nz\nmore\n");
        log.rename("app.log.tmp", "app.log");
        assert_eq!(log.read().await, ["more"]);
    });
}

#[test]
fn a_link_that_is_switched() {
    run(async {
        let mut log = Watched::tail("app.log");
        log.write("one", "a\n");
        symlink("one", log.path("app.log")).unwrap();
        assert_eq!(log.read().await, ["a"]);
        log.append("one", "b\n");
        log.write("two", "c\n");
        log.remove("app.log");
        symlink("two", log.path("app.log")).unwrap();
        log.append("one", "late\n");
        assert_eq!(log.read().await, ["b", "late", "c"]);
        log.restart();
        log.append("one", "later\n");
        log.append("two", "d\n");
        assert_eq!(log.read().await, ["later", "d"]);
        log.remove("app.log");
        symlink("app.log", log.path("app.log")).unwrap();
        assert!(log.read().await.is_empty(), "a link to itself is no file");
    });
}

#[test]
fn a_file_with_two_names_is_read_once() {
    run(async {
        let mut log = Watched::tail("app.log");
        log.write("app.log", "a\n");
        std::fs::hard_link(log.path("app.log"), log.path("app.log.1")).unwrap();
        assert_eq!(log.read().await, ["a"]);
        log.remove("app.log");
        log.append("app.log.1", "b\n");
        log.write("app.log", "c\n");
        assert_eq!(log.read().await, ["b", "c"]);
    });
}

#[test]
fn a_removed_file_is_read_to_its_end_while_it_is_open() {
    run(async {
        let mut log = Watched::tail("app.log");
        log.write("app.log", "a\n");
        assert_eq!(log.read().await, ["a"]);
        log.append("app.log", "b\nhalf");
        log.remove("app.log");
        log.write("app.log", "c\n");
        assert_eq!(log.read().await, ["b", "c"]);
    });
}

#[test]
fn a_compressed_file_that_was_read_is_not_read_again() {
    run(async {
        let mut log = Watched::tail("app.log");
        log.write("app.log", "a\nb\n");
        assert_eq!(log.read().await, ["a", "b"]);
        log.rename("app.log", "app.log.1");
        log.write("app.log", "c\n");
        assert_eq!(log.read().await, ["c"]);
        log.write("app.log.1.gz", gzip(b"a\nb\n"));
        assert!(log.read().await.is_empty(), "both are there");
        log.remove("app.log.1");
        assert!(log.read().await.is_empty(), "the compressed one alone");
        log.rename("app.log.1.gz", "app.log.2.gz");
        log.restart();
        assert!(log.read().await.is_empty(), "after a restart");
    });
}

#[test]
fn a_file_compressed_while_velo_was_down_is_read_from_the_position() {
    run(async {
        let mut log = Watched::tail("app.log");
        log.write("app.log", "a\nb\n");
        assert_eq!(log.read().await, ["a", "b"]);
        log.reader = None;
        log.remove("app.log");
        log.write("app.log.1.gz", gzip(b"a\nb\nc\nd\n"));
        log.write("app.log", "e\n");
        log.restart();
        let mut rows = log.read().await;
        rows.sort();
        assert_eq!(rows, ["c", "d", "e"]);
        log.restart();
        assert!(log.read().await.is_empty());
    });
}

#[test]
fn a_copy_elsewhere_is_found_by_its_contents() {
    run(async {
        let mut log = Watched::tail("app.log");
        log.write("app.log", "a\nb\n");
        assert_eq!(log.read().await, ["a", "b"]);
        log.reader = None;
        // As after a move to another disk, or a restored backup: another inode, the same bytes.
        log.copy("app.log", "moved");
        log.remove("app.log");
        log.append("moved", "c\n");
        log.rename("moved", "app.log.1");
        log.write("app.log", "d\n");
        log.restart();
        assert_eq!(log.read().await, ["c", "d"]);
    });
}
