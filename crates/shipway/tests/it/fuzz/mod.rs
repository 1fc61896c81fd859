//! Random calls of all actions: none may break the server, each answer must be of AWS's model, and what a call did must
//! be seen by the next ones. `cargo xtask fuzz api` plays for as long as one likes; the tests play a few seeds.

mod checks;
mod definitions;
mod model;
mod random;
mod run;
mod values;
mod wire;

use std::time::{Duration, Instant};

use rustix::process::Signal;

use self::{
    run::{CALLS, Player, Tally},
    wire::Server,
};
use crate::rig::World;

/// Seeds that every run of the tests plays.
const SEEDS: std::ops::Range<u64> = 0..4;
/// Actions that a few sequences are to have succeeded with.
const COVERED_MIN: usize = 33;

/// Broken sequences after which a run ends.
const BROKEN_MAX: usize = 20;

/// What `cargo xtask fuzz api` asks for.
struct Asked {
    time: Duration,
    seed: u64,
}

fn asked() -> Option<Asked> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let time = Duration::from_secs(number("SHIPWAY_FUZZ_SECONDS")?);
    Some(Asked { time, seed: number("SHIPWAY_FUZZ_SEED").unwrap_or(0) })
}

/// Plays one sequence in a world of its own; what broke.
fn play(seed: u64, tally: &mut Tally) -> Option<String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (played, told) = runtime.block_on(async {
        let mut player = Player::new(Server::local(seed).await, seed);
        (player.play(CALLS).await, player.tally)
    });
    add(tally, told);
    let why = played.err()?;
    Some(format!("seed {seed}: `cargo xtask fuzz api --seconds 1 --seed {seed}` plays it again\n{why}"))
}

fn add(tally: &mut Tally, more: Tally) {
    for (action, answers) in more.0 {
        let known = tally.0.entry(action).or_default();
        for (code, count) in answers {
            *known.entry(code).or_default() += count;
        }
    }
}

fn tell(what: &str, tally: &Tally) {
    println!("{what}: {} calls, {} actions succeeded", tally.calls(), tally.covered());
    for (action, answers) in &tally.0 {
        let answers: Vec<String> = answers.iter().map(|(code, count)| format!("{code} {count}")).collect();
        println!("  {action}: {}", answers.join(", "));
    }
}

#[test]
fn random_calls_break_nothing() {
    let mut tally = Tally::default();
    let mut broken = Vec::new();
    let started = Instant::now();
    let (first, time) = asked().map_or((SEEDS.start, None), |asked| (asked.seed, Some(asked.time)));
    for seed in first.. {
        broken.extend(play(seed, &mut tally));
        let is_over = time.map_or(seed + 1 >= SEEDS.end, |time| started.elapsed() > time);
        if is_over || broken.len() >= BROKEN_MAX {
            break;
        }
    }
    tell("within the process", &tally);
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
    let is_short = asked().is_some_and(|asked| asked.time < Duration::from_secs(10));
    assert!(is_short || tally.covered() >= COVERED_MIN, "only {} actions succeeded", tally.covered());
}

#[test]
fn random_calls_break_no_real_server() {
    let world = World::new();
    let serve = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--no-auth",
        "--region",
        "us-east-1",
        "--account",
        "123456789012",
    ];
    let mut server = world.start(&serve);
    server.hear("serving");
    let record = std::fs::read_to_string(world.data().join("server.json")).unwrap();
    let record: serde_json::Value = serde_json::from_str(&record).unwrap();
    let port =
        record["url"].as_str().unwrap().rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let asked = asked().unwrap_or(Asked { time: Duration::ZERO, seed: 0 });
    let mut tally = Tally::default();
    let started = Instant::now();
    for seed in asked.seed.. {
        let mut player = Player::new(Server::remote(port), seed);
        if let Err(why) = runtime.block_on(player.play(CALLS)) {
            panic!("seed {seed} over HTTP (an earlier one may have a part in it)\n{why}");
        }
        add(&mut tally, player.tally);
        if started.elapsed() >= asked.time {
            break;
        }
    }
    tell("over HTTP", &tally);
    server.signal(Signal::TERM);
    server.end().ends(0);
}
