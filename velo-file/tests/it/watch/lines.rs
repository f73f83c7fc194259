//! Half lines, long lines, headers, and where reading begins.

use std::fs::OpenOptions;
use std::io::Write;

use super::{QUIET, Watched, run};

#[test]
fn half_a_line_is_no_record() {
    run(async {
        let mut log = Watched::tail("app.log");
        log.write("app.log", "whole\nha");
        assert_eq!(log.read().await, ["whole"]);
        for piece in ["l", "f ", "\u{e9}"] {
            log.append("app.log", piece);
            assert!(log.read().await.is_empty());
        }
        log.restart();
        assert!(log.read().await.is_empty(), "the position is not past it");
        log.append("app.log", "\nnext\n");
        assert_eq!(log.read().await, ["half é", "next"]);
    });
}

#[test]
fn marks_say_how_much_is_left() {
    run(async {
        let mut log = Watched::tail("app.log");
        log.write("app.log", "0123456\n".repeat(1_000_000) + "half");
        log.first(1).await;
        while log.mark.is_none() {
            let event = log.reader().await.read().await.unwrap().unwrap();
            log.take(event);
        }
        let left = log.mark.as_ref().and_then(|mark| mark.lag_bytes).unwrap();
        assert!((1_000_000..=8_000_004).contains(&left), "{left}");
        log.read().await;
        let left = log.mark.as_ref().and_then(|mark| mark.lag_bytes);
        assert_eq!(left, Some(0), "half a line is nothing to read");
    });
}

#[test]
fn bytes_of_a_character_and_of_a_line_end_may_come_apart() {
    run(async {
        let mut log = Watched::tail("app.log");
        log.write("app.log", "x\n");
        assert_eq!(log.read().await, ["x"]);
        for byte in "é\r\n".bytes() {
            assert!(log.read().await.is_empty());
            log.append("app.log", [byte]);
        }
        assert_eq!(log.read().await, ["é"]);
    });
}

#[test]
fn a_line_that_is_too_long_is_a_dead_letter() {
    run(async {
        let options = "watch=periodic&format=text&max_line_length=8KiB&on_bad_row=dead_letter";
        let mut log = Watched::new("app.log", options);
        log.write("app.log", "a\n");
        log.append("app.log", "x".repeat(8192) + "\n");
        log.append("app.log", "y".repeat(100_000));
        assert_eq!(
            log.read().await.len(),
            2,
            "a line of just the length is whole"
        );
        assert!(log.rejected.is_empty(), "its end is not there yet");
        log.restart();
        log.append("app.log", "y".repeat(50_000) + "\nb\nc");
        assert_eq!(log.read().await, ["b"]);
        let rejected = std::mem::take(&mut log.rejected);
        assert_eq!(rejected.len(), 1);
        assert!(rejected[0].raw.len() >= 1000 && rejected[0].raw.len() < 10_000);
        let report = rejected[0].error.report();
        assert!(
            report.contains("150000 bytes") && report.contains("8195"),
            "{report}"
        );
        log.append("app.log", "d\n");
        assert_eq!(log.read().await, ["cd"]);
        assert!(log.rejected.is_empty());
    });
}

#[test]
fn a_bad_line_ends_the_reading_unless_that_is_wanted_otherwise() {
    run(async {
        let mut log = Watched::new("app.jsonl", "watch=periodic&schema=id:int64");
        log.write("app.jsonl", "{\"id\":1}\n");
        assert_eq!(log.read().await.len(), 1);
        log.append("app.jsonl", "{\"id\":\n");
        let reader = log.reader().await;
        let failed = loop {
            match reader.read().await {
                Ok(_) => {}
                Err(error) => break error.report(),
            }
        };
        assert!(
            failed.contains("app.jsonl") && failed.contains("byte"),
            "{failed}"
        );
        let mut log = Watched::new(
            "app.jsonl",
            "watch=periodic&schema=id:int64&on_bad_row=skip",
        );
        log.write("app.jsonl", "{\"id\":1}\n{\"id\":\n{\"id\":3}\n");
        assert_eq!(log.read().await.len(), 2);
        assert_eq!(log.rejected.len(), 1);
        assert_eq!(log.rejected[0].ordinal, 1);
    });
}

#[test]
fn every_generation_of_csv_has_its_own_header() {
    run(async {
        let mut log = Watched::new("app.csv", "watch=periodic&schema=id:int64,name:text");
        log.write("app.csv", "id,name\n1,one\n");
        assert_eq!(log.read().await, ["1,one"]);
        log.append("app.csv", "2,\"two\nlines\"");
        assert!(log.read().await.is_empty());
        log.append("app.csv", "\n");
        assert_eq!(log.read().await, ["2,two\nlines"]);
        log.rename("app.csv", "app.csv.1");
        log.write("app.csv", "name,");
        assert!(log.read().await.is_empty());
        log.append("app.csv", "id\nthree,3\n");
        assert_eq!(log.read().await, ["3,three"]);
        log.restart();
        log.append("app.csv", "four,4\n");
        assert_eq!(log.read().await, ["4,four"]);
    });
}

#[test]
fn reading_begins_where_it_is_told_to() {
    run(async {
        let mut log = Watched::new("app.log", "watch=periodic&format=text&start=end");
        log.write("app.log.1", "older\n");
        log.write("app.log", "old\nhal");
        assert!(log.read().await.is_empty());
        log.append("app.log", "f\nnew\n");
        assert_eq!(log.read().await, ["half", "new"]);
        let mut log = Watched::new("app.log", "watch=periodic&format=text&start=end");
        log.write("app.log", "old\n");
        assert!(log.read().await.is_empty());
        log.reader = None;
        log.append("app.log", "while velo was down\n");
        log.restart();
        assert_eq!(log.read().await, ["while velo was down"]);
        let mut log = Watched::tail("app.log");
        log.write("app.log.1", "older\n");
        log.write("app.log", "old\n");
        assert_eq!(
            log.read().await,
            ["older", "old"],
            "from the beginning of all"
        );
    });
}

#[test]
fn a_file_may_come_later_than_velo() {
    run(async {
        let mut log = Watched::tail("app.log");
        assert!(log.read().await.is_empty());
        log.write("app.log", "");
        assert!(log.read().await.is_empty());
        log.append("app.log", "a\n");
        assert_eq!(log.read().await, ["a"]);
        // Without a schema the columns are those of the first line.
        let mut log = Watched::new("app.jsonl", "watch=periodic");
        let streams = tokio::time::timeout(QUIET, velo_core::DataSource::streams(&log.source));
        assert!(streams.await.is_err(), "nothing tells the columns yet");
        log.write("app.jsonl", "{\"id\":7}\n");
        assert_eq!(log.read().await, ["7"]);
    });
}

#[test]
fn events_wake_at_once() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut log = Watched::new("app.log", "watch=tail&format=text");
        log.write("app.log", "first\n");
        let mut latencies = Vec::new();
        for round in 0..50 {
            let wait = std::time::Instant::now();
            if round > 0 {
                log.append("app.log", format!("line {round}\n"));
            }
            while log.rows.is_empty() {
                let event = log.reader().await.read().await.unwrap().unwrap();
                log.take(event);
            }
            log.rows.clear();
            latencies.push(wait.elapsed());
            // Reads the mark, and the event of closing the file.
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        latencies.sort();
        let median = latencies[latencies.len() / 2];
        assert!(median < std::time::Duration::from_millis(20), "{median:?}");
    });
}

#[test]
fn a_long_line_takes_no_memory() {
    run(async {
        let options = "watch=periodic&format=text&max_line_length=64KiB&on_bad_row=skip";
        let mut log = Watched::new("app.log", options);
        log.write("app.log", "a\n");
        assert_eq!(log.read().await, ["a"]);
        // A hole of 256 MiB: zeros without a line feed.
        let path = log.path("app.log");
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.set_len(256 << 20).unwrap();
        let before = resident();
        assert!(log.read().await.is_empty());
        file.write_all(b"\nb\n").unwrap();
        assert_eq!(log.read().await, ["b"]);
        assert_eq!(log.rejected.len(), 1);
        // Other tests take memory in this process meanwhile.
        assert!(resident() < before + (128 << 20));
    });
}

/// Gives the memory of this process in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = status.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}
