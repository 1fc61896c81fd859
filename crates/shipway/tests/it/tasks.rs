//! Tasks that call services: moto and real functions behind Lambda's Invoke API, through the real server.
//! Skips where boto3 or moto cannot be had.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use rustix::process::Signal;

use crate::{boto3, rig::World};

/// A process that says where it listens. Ends when it is dropped.
struct Service {
    process: Child,
    url: String,
}

impl Service {
    fn start(command: &mut Command, before_address: &str) -> Option<Self> {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().ok()?;
        let out = BufReader::new(process.stdout.take().unwrap());
        let err = BufReader::new(process.stderr.take().unwrap());
        let mut lines: Box<dyn Iterator<Item = String> + Send> = match before_address {
            "" => Box::new(out.lines().map_while(Result::ok)),
            _ => Box::new(err.lines().map_while(Result::ok)),
        };
        let url = lines.find_map(|line| Some(line.split_once(before_address)?.1.trim().to_owned()));
        // Requests are logged, and a full pipe would stop the service.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { process, url: url.expect("the service says where it listens") })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn file(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(name)
}

fn url_of(world: &World) -> String {
    let record = std::fs::read_to_string(world.data().join("server.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    record["url"].as_str().unwrap().to_owned()
}

#[test]
fn tasks_call_services_and_functions() {
    let Some(python) = boto3::python() else {
        println!("skipped: boto3 cannot be installed here");
        return;
    };
    let mut moto = Command::new("moto_server");
    moto.args(["-H", "127.0.0.1", "-p", "0"]).env("MOTO_ACCOUNT_ID", "000000000000");
    let Some(moto) = Service::start(&mut moto, "Running on ") else {
        println!("skipped: moto_server is not installed (pip install 'moto[all,server]')");
        return;
    };
    let functions = Service::start(Command::new(&python).arg(file("lambda_endpoint.py")), "").unwrap();
    let world = World::new();
    let api = Service::start(Command::new(&python).arg(file("http_api.py")), "").unwrap();
    let (lambda, gateway) = (format!("lambda={}", functions.url), format!("apigateway={}", api.url));
    let mut server = world.start(&[
        "serve",
        "--listen=127.0.0.1:0",
        "--no-auth",
        "--region=us-east-1",
        "--endpoint-url",
        &moto.url,
        "--endpoint",
        &lambda,
        "--endpoint",
        &gateway,
    ]);
    server.hear("serving");
    let mut tour = Command::new(python);
    let toured =
        tour.arg(file("tasks_tour.py")).args([&url_of(&world), &moto.url, &api.url]).output().unwrap();
    assert!(toured.status.success(), "{}", String::from_utf8_lossy(&toured.stderr));
    assert_eq!(String::from_utf8_lossy(&toured.stdout).trim(), "51");
    server.signal(Signal::TERM);
    server.end().ends(0);
}

#[test]
fn endpoints_that_are_none_are_refused_before_anything_starts() {
    let world = World::new();
    world
        .run(&["serve", "--endpoint-url", "localhost"])
        .ends(2)
        .says(&["is no address", "http://127.0.0.1:5000"]);
    world.run(&["serve", "--endpoint", "lamda=http://127.0.0.1:1"]).ends(2).says(&["lamda", "hint: "]);
    assert!(!world.data().exists());
}
