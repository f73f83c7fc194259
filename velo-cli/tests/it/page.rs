//! The status page in a real browser.

use std::path::Path;
use std::process::Command;

use crate::velo::Folder;
use crate::watching::{Running, missing};

/// Runs headless Chromium in a profile of its own; `None` where there is none.
fn chromium(folder: &Folder, arguments: &[&str], url: &str) -> Option<(String, String)> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let program = names.iter().find(|name| {
        let asked = Command::new(name).arg("--version").output();
        asked.is_ok_and(|asked| asked.status.success())
    })?;
    let profile = format!("--user-data-dir={}", folder.path("profile").display());
    let output = Command::new(program)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--enable-logging=stderr",
            "--virtual-time-budget=4000",
            &profile,
        ])
        .args(arguments)
        .arg(url)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Some((text(output.stdout), text(output.stderr)))
}

fn pipeline(folder: &Folder) {
    let line = |row: usize| match row % 50 {
        7 => format!("{{bad {row}\n"),
        _ => format!("{{\"id\":{row},\"kind\":\"k{}\"}}\n", row % 3),
    };
    let text: String = (0..400_000).map(line).collect();
    folder.put("in/clicks.jsonl", &text);
    folder.put("in/<b>orders&amp;.jsonl", &text[..text.len() / 2]);
    folder.put(
        "p.yaml",
        "name: clicks\nsource: in/*.jsonl?batch_size=500\nsink: out/?format=jsonl\nthreads: 2\n\
         transform: [{ rate_limit: 4000/s }]\n\
         checkpoint: { store: state, every: 200ms }\ndead_letter: dead.jsonl\n",
    );
}

#[test]
fn the_page_shows_a_running_pipeline() {
    let folder = Folder::new();
    pipeline(&folder);
    let running = Running::start(&folder, &[]);
    running.until(&["\"level\":\"degraded\"", "\"stage\":\"decode\""]);
    std::thread::sleep(std::time::Duration::from_secs(3));
    let url = format!("http://{}/", running.address);
    let Some((page, console)) = chromium(&folder, &["--dump-dom"], &url) else {
        return missing("chromium");
    };
    for shown in [
        ">clicks<",
        "class=\"badge degraded\"",
        "of all rows are bad",
        ">effectively-once<",
        "in/clicks.jsonl",
        "readers: ",
        ">InvalidData<",
        ">live<",
        "<li><time></time>none</li>",
    ] {
        assert!(page.contains(shown), "{shown}\n{page}");
    }
    assert!(
        page.contains("<path class=\"line\" d=\"M"),
        "no line is drawn\n{page}"
    );
    // What a name holds is text and no markup.
    assert!(!page.contains("<b>"), "{page}");
    for wrong in [
        "CONSOLE",
        "Uncaught",
        "Refused to",
        "Content Security Policy",
    ] {
        assert!(!console.contains(wrong), "{console}");
    }
    if std::env::var_os("VELO_WRITE_SCREENSHOTS").is_some_and(|value| value == "1") {
        screenshots(&folder, &url);
    }
}

fn screenshots(folder: &Folder, url: &str) {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images");
    std::fs::create_dir_all(&images).unwrap();
    for (name, size, more) in [
        ("light", "960,920", "--force-color-profile=srgb"),
        ("dark", "960,920", "--blink-settings=preferredColorScheme=0"),
    ] {
        let shot = format!(
            "--screenshot={}",
            images.join(format!("status-{name}.png")).display()
        );
        let size = format!("--window-size={size}");
        chromium(folder, &[&shot, &size, more], url).unwrap();
    }
}
