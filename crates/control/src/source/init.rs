//! Writes a first `shipway.toml` for what was found, with comments for what can be added.

use super::detect::{Detected, DetectedService, Kind};
use crate::config::Build;

/// The text of a first `shipway.toml`.
pub fn init_text(detected: &Detected) -> String {
    let mut text = String::from("#:schema https://shipway.dev/schema/shipway.json\n");
    for reason in &detected.reasons {
        line(&mut text, &format!("# {}", one_line(reason)));
    }
    line(&mut text, &format!("\nproject = {}", quoted(&detected.project)));
    if detected.services.is_empty() {
        text.push_str(UNKNOWN);
    }
    for service in &detected.services {
        add_service(&mut text, service);
    }
    add_build(&mut text, detected.build.as_ref(), detected.kind);
    text.push_str(ENVIRONMENTS);
    text
}

const UNKNOWN: &str = r#"
[services.web]
command = "./server"             # what starts it; it must listen on 127.0.0.1:$PORT
port = 8080                      # the public port; leave it out for a worker
"#;

const ENVIRONMENTS: &str = r#"
[environments.production]
# bake = "30s"                   # watch a new version before the old one is stopped
# shift = "canary"               # or a list: [{ percent = 5, hold = "1m" }, { percent = 50, hold = "1m" }]
# gate = { error_ratio_max = 0.01, p99_max = "500ms" }
# services.web = { processes = 4, env.LOG_LEVEL = "info" }

# [release]                      # how commits become versions
# tag_prefix = "v"
# zero = "minor"                 # a breaking change below 1.0.0 moves the minor number
# types = { deps = "patch" }     # besides feat, fix, perf and revert
"#;

fn line(text: &mut String, content: &str) {
    text.push_str(content);
    text.push('\n');
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The text as a TOML string.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn add_service(text: &mut String, service: &DetectedService) {
    line(text, &format!("\n[services.{}]", service.name));
    match &service.procfile {
        Some(name) => pair(text, "procfile", &quoted(name), "the command is this line of the Procfile"),
        None if service.port.is_some() => {
            pair(text, "command", &quoted(&service.command), "must listen on 127.0.0.1:$PORT");
        }
        None => pair(text, "command", &quoted(&service.command), "a worker"),
    }
    match service.port {
        Some(port) => {
            pair(text, "port", &port.to_string(), "the public port; PORT is another one for each process");
            pair(text, "# health", "\"/health\"", "without it an accepted connection is enough");
        }
        None => pair(text, "# port", "8081", "only if others call it"),
    }
    for (name, value) in &service.env {
        line(text, &format!("env.{name} = {}", quoted(value)));
    }
}

fn pair(text: &mut String, key: &str, value: &str, comment: &str) {
    let pair = format!("{key} = {value}");
    line(text, &format!("{pair:<32} # {comment}"));
}

fn add_build(text: &mut String, build: Option<&Build>, kind: Kind) {
    let Some(build) = build else {
        line(text, "\n# [build]                        # without it the artifact is the whole commit");
        line(text, "# command = \"make\"\n# paths = [\"out\"]");
        return;
    };
    line(text, "\n[build]");
    if let Some(command) = &build.command {
        line(text, &format!("command = {}", quoted(command)));
    }
    let paths: Vec<String> = build.paths.iter().map(|path| quoted(path)).collect();
    let comment = match kind {
        Kind::Node | Kind::Python => "   # all but hidden files; name less to ship less",
        Kind::Procfile | Kind::Cargo | Kind::Unknown => "   # what goes into the artifact",
    };
    line(text, &format!("paths = [{}]{comment}", paths.join(", ")));
}
