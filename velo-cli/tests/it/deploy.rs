//! What is in `deploy/`: parsed, checked by its own tools where they are there, and in agreement with
//! the binary and the docs.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use velo_core::ErrorKind;

use crate::velo::Folder;

const PORT: u64 = 9464;
const STATE: &str = "/var/lib/velo";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

/// Reads the documents of a file of YAML.
fn documents(name: &str) -> Vec<Value> {
    let document = |text: &str| {
        // The pipeline file's own reader takes any YAML under `metadata`.
        let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
        let whole = format!(
            "name: p\nsource: a\nsink: b\nmetadata:\n  it:\n{}",
            indented.replace("${", "$${")
        );
        let mut file = velo_pipeline::config::PipelineFile::parse(&whole).unwrap();
        file.metadata.remove("it").unwrap()
    };
    text(name).split("\n---\n").map(document).collect()
}

fn kind<'d>(documents: &'d [Value], kind: &str) -> &'d Value {
    documents
        .iter()
        .find(|document| document["kind"] == kind)
        .unwrap()
}

/// The keys of a unit, those that stand several times with all values.
fn unit() -> Vec<(String, String)> {
    let text = text("deploy/velo@.service");
    let lines = text
        .lines()
        .filter(|line| !line.starts_with(['#', '[', ' ']));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn value(key: &str) -> String {
    let found = unit().into_iter().find(|(name, _)| name == key);
    found.unwrap_or_else(|| panic!("no {key}")).1
}

#[test]
fn the_unit_is_sound() {
    assert_eq!(value("Type"), "exec");
    assert_eq!(value("Restart"), "on-failure");
    let never: Vec<u8> = value("RestartPreventExitStatus")
        .split(' ')
        .map(|code| code.parse().unwrap())
        .collect();
    let lasting = [
        ErrorKind::InvalidInput,
        ErrorKind::InvalidData,
        ErrorKind::NotFound,
        ErrorKind::AlreadyExists,
        ErrorKind::PermissionDenied,
        ErrorKind::Config,
        ErrorKind::Gap,
        ErrorKind::StateLost,
        ErrorKind::SinkBehind,
    ];
    assert_eq!(never, lasting.map(ErrorKind::exit_code));
    // Longer than the usual `stop_within`.
    assert!(value("TimeoutStopSec").parse::<u64>().unwrap() > 10);
    assert_eq!(format!("/var/lib/{}", value("StateDirectory")), STATE);
    assert_eq!(value("SuccessExitStatus"), "130");
    for (key, wanted) in [
        ("ProtectSystem", "strict"),
        ("NoNewPrivileges", "yes"),
        ("DynamicUser", "yes"),
        ("CapabilityBoundingSet", ""),
        ("MemoryDenyWriteExecute", "yes"),
        ("RestrictNamespaces", "yes"),
    ] {
        assert_eq!(value(key), wanted, "{key}");
    }
    assert_eq!(
        value("ExecStart"),
        "/usr/local/bin/velo run --quiet /etc/velo/%i.yaml"
    );
}

#[test]
fn systemd_takes_the_unit() {
    let tool = Path::new("/usr/bin/systemd-analyze");
    if !tool.exists() {
        // The test above has read it.
        return;
    }
    let folder = Folder::new();
    let here =
        text("deploy/velo@.service").replace("/usr/local/bin/velo", env!("CARGO_BIN_EXE_velo"));
    let unit = folder.put("velo@orders.service", here);
    let ran = Command::new(tool)
        .arg("verify")
        .arg("--man=no")
        .arg(&unit)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    // Only what it says of this unit counts: others may be missing on the machine.
    let ours: Vec<_> = said
        .lines()
        .filter(|line| line.contains("velo@orders"))
        .collect();
    assert!(ours.is_empty(), "{said}");
}

#[test]
fn the_image_is_built_like_the_workspace_and_runs_as_nobody() {
    let file = text("deploy/Containerfile");
    let of = |word: &str| -> Vec<&str> {
        let lines = file.lines().filter_map(|line| line.strip_prefix(word));
        lines.map(str::trim).collect()
    };
    let manifest = text("Cargo.toml");
    let rust = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .unwrap();
    let from = of("FROM ");
    assert!(
        from[0].contains(&format!("rust:{}-", rust.trim_matches('"'))),
        "{from:?}"
    );
    assert!(from.last().unwrap().contains("nonroot"));
    assert_eq!(of("USER "), ["65532:65532"]);
    assert_eq!(of("VOLUME "), [STATE]);
    assert_eq!(of("EXPOSE "), [PORT.to_string()]);
    assert_eq!(of("STOPSIGNAL "), ["SIGTERM"]);
    assert_eq!(of("ENTRYPOINT "), ["[\"/usr/local/bin/velo\"]"]);
    let command: Vec<String> = serde_json::from_str(of("CMD ")[0]).unwrap();
    assert_eq!(command, ["run", "--quiet", "/etc/velo/pipeline.yaml"]);
}

#[test]
fn the_pipeline_of_the_config_map_passes_check() {
    let documents = documents("deploy/kubernetes/pipeline.yaml");
    let pipeline = kind(&documents, "ConfigMap")["data"]["pipeline.yaml"]
        .as_str()
        .unwrap();
    let pipeline = pipeline.replace("$${", "${");
    let folder = Folder::new();
    folder.put("pipeline.yaml", &pipeline);
    assert_eq!(
        folder.ok(&["check", "pipeline.yaml"]),
        "orders: effectively-once\n"
    );
    assert!(pipeline.contains(&format!("store: file://{STATE},")));
}

#[test]
fn the_manifests_agree_with_one_another() {
    let documents = documents("deploy/kubernetes/pipeline.yaml");
    let set = &kind(&documents, "StatefulSet")["spec"];
    let pod = &set["template"]["spec"];
    let velo = &pod["containers"][0];
    assert_eq!(velo["ports"][0]["containerPort"], PORT);
    assert_eq!(velo["livenessProbe"]["httpGet"]["path"], "/healthz");
    assert_eq!(velo["readinessProbe"]["httpGet"]["path"], "/readyz");
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        assert_eq!(velo[probe]["httpGet"]["port"], velo["ports"][0]["name"]);
    }
    let listening: Vec<_> = velo["args"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(
        listening.contains(&"/etc/velo/pipeline.yaml"),
        "{listening:?}"
    );
    // `stop_within: 30s` stands in the ConfigMap.
    let pipeline = kind(&documents, "ConfigMap")["data"]["pipeline.yaml"]
        .as_str()
        .unwrap();
    assert!(pipeline.contains("stop_within: 30s"));
    assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() > 30);
    for container in [velo, &pod["initContainers"][0]] {
        let mounts = container["volumeMounts"].as_array().unwrap();
        let mounted = |path: &str| mounts.iter().any(|mount| mount["mountPath"] == path);
        assert!(
            [STATE, "/run/secrets/velo", "/etc/velo", "/data"]
                .into_iter()
                .all(mounted)
        );
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        assert_eq!(
            container["securityContext"]["allowPrivilegeEscalation"],
            false
        );
        assert_eq!(container["env"][0]["name"], "VELO_TASK");
        assert_eq!(container["resources"]["limits"]["memory"], "512Mi");
    }
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(set["volumeClaimTemplates"][0]["metadata"]["name"], "state");
    let labels = &set["template"]["metadata"]["labels"];
    assert_eq!(&set["selector"]["matchLabels"], labels);
    assert_eq!(&kind(&documents, "Service")["spec"]["selector"], labels);
    let policy = &kind(&documents, "NetworkPolicy")["spec"];
    assert_eq!(&policy["podSelector"]["matchLabels"], labels);
    assert_eq!(policy["ingress"][0]["ports"][0]["port"], PORT);
    assert_eq!(
        set["template"]["metadata"]["annotations"]["prometheus.io/path"],
        "/metrics"
    );
    let claim = kind(&documents, "PersistentVolumeClaim")["metadata"]["name"].clone();
    let volumes = pod["volumes"].as_array().unwrap();
    assert!(
        volumes
            .iter()
            .any(|volume| volume["persistentVolumeClaim"]["claimName"] == claim)
    );
}

#[test]
fn scaling_goes_by_lag() {
    let hpa = &documents("deploy/kubernetes/scaling-hpa.yaml")[0];
    let keda = &documents("deploy/kubernetes/scaling-keda.yaml")[0];
    let set = &documents("deploy/kubernetes/pipeline.yaml");
    let set = &kind(set, "StatefulSet")["metadata"]["name"];
    for scaler in [hpa, keda] {
        assert_eq!(&scaler["spec"]["scaleTargetRef"]["name"], set);
        assert_eq!(scaler["spec"]["scaleTargetRef"]["kind"], "StatefulSet");
    }
    assert_eq!(
        hpa["spec"]["metrics"][0]["external"]["metric"]["name"],
        "velo_split_lag_rows"
    );
    let query = keda["spec"]["triggers"][0]["metadata"]["query"]
        .as_str()
        .unwrap();
    assert!(query.contains("velo_split_lag_rows"));
}
