//! Every file that comes up in a directory.

use super::{Watched, run};

fn sorted(mut rows: Vec<String>) -> Vec<String> {
    rows.sort();
    rows
}

#[test]
fn files_come_up_grow_and_go() {
    run(async {
        let mut folder = Watched::new("", "watch=periodic&schema=id:int64&format=jsonl");
        assert!(folder.read().await.is_empty());
        folder.write("a.jsonl", "{\"id\":1}\n");
        folder.write("b.jsonl", "{\"id\":2}\n{\"id\":");
        assert_eq!(sorted(folder.read().await), ["1", "2"]);
        folder.append("b.jsonl", "3}\n");
        folder.write("c.jsonl", "{\"id\":4}\n");
        folder.write(".hidden.jsonl", "{\"id\":5}\n");
        assert_eq!(sorted(folder.read().await), ["3", "4"]);
        folder.rename("a.jsonl", "z.jsonl");
        folder.append("z.jsonl", "{\"id\":6}\n");
        folder.remove("c.jsonl");
        assert_eq!(folder.read().await, ["6"]);
        folder.restart();
        assert!(folder.read().await.is_empty());
    });
}

#[test]
fn a_pattern_follows_each_of_its_files_through_rotation() {
    run(async {
        let mut folder = Watched::new("*.log", "watch=periodic&format=text");
        folder.write("web.log", "w1\n");
        folder.write("app.log", "a1\n");
        folder.write("app.log.1", "before the first start\n");
        assert_eq!(sorted(folder.read().await), ["a1", "w1"]);
        folder.append("app.log", "a2\n");
        folder.rename("app.log.1", "app.log.2");
        folder.rename("app.log", "app.log.1");
        folder.write("app.log", "a3\n");
        assert_eq!(folder.read().await, ["a2", "a3"]);
        folder.reader = None;
        folder.append("web.log", "w2\n");
        folder.rename("web.log", "web.log.2");
        folder.write("web.log.1", "w3\n");
        folder.write("web.log", "w4\n");
        folder.restart();
        assert_eq!(sorted(folder.read().await), ["w2", "w3", "w4"]);
        folder.restart();
        assert!(folder.read().await.is_empty());
    });
}

#[test]
fn a_file_that_is_renamed_out_of_the_pattern_is_read_to_its_end() {
    run(async {
        let mut folder = Watched::new("*.log", "watch=periodic&format=text");
        folder.write("a.log", "1\n");
        assert_eq!(folder.read().await, ["1"]);
        folder.append("a.log", "2\n");
        folder.rename("a.log", "a.done");
        folder.append("a.done", "3\n");
        assert_eq!(folder.read().await, ["2", "3"]);
    });
}

#[test]
fn two_files_with_the_same_contents_are_two_files() {
    run(async {
        let mut folder = Watched::new("", "watch=periodic&format=text&extension_filter=log");
        folder.write("a.log", "same\n");
        assert_eq!(folder.read().await, ["same"]);
        folder.copy("a.log", "b.log");
        assert_eq!(folder.read().await, ["same"]);
    });
}

#[test]
fn no_more_files_are_open_than_are_needed() {
    run(async {
        let mut folder = Watched::new("", "watch=periodic&format=text&extension_filter=log");
        for number in 0..1000 {
            folder.write(&format!("{number}.log"), format!("{number}\n"));
        }
        assert_eq!(folder.read().await.len(), 1000);
        let handles = std::fs::read_dir("/proc/self/fd").unwrap();
        let prefix = folder.directory.path().to_owned();
        let open = handles
            .flatten()
            .filter_map(|handle| std::fs::read_link(handle.path()).ok());
        let open = open.filter(|path| path.starts_with(&prefix)).count();
        assert!(open <= 64, "{open} files are open");
        for number in 0..1000 {
            folder.append(&format!("{number}.log"), "more\n");
        }
        assert_eq!(folder.read().await.len(), 1000);
        folder.restart();
        assert!(folder.read().await.is_empty());
    });
}

#[test]
fn a_directory_that_is_not_there_yet() {
    run(async {
        let mut folder = Watched::new("later/", "watch=periodic&schema=id:int64&format=jsonl");
        assert!(folder.read().await.is_empty());
        std::fs::create_dir(folder.path("later")).unwrap();
        folder.write("later/a.jsonl", "{\"id\":1}\n");
        assert_eq!(folder.read().await, ["1"]);
    });
}

#[test]
fn t082_files_that_come_up_all_at_once_are_all_found() {
    const FILES: usize = 3000;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let options = "watch=directory&schema=id:int64&format=jsonl";
        let mut folder = Watched::new("", options);
        folder.write("first.jsonl", "{\"id\":-1}\n");
        assert_eq!(folder.first(1).await, ["-1"]);
        for number in 0..FILES {
            folder.write(&format!("{number}.jsonl"), format!("{{\"id\":{number}}}\n"));
        }
        let mut rows: Vec<usize> = Vec::new();
        while rows.len() < FILES {
            let come = folder.first(1).await;
            rows.extend(come.iter().map(|row| row.parse::<usize>().unwrap()));
        }
        rows.sort_unstable();
        assert!(rows.into_iter().eq(0..FILES));
    });
}
