//! Takes lines that are in the files on to a service that keeps log groups, such as CloudWatch Logs. The files are the
//! truth: what cannot be delivered stays there, and a crash may leave lines undelivered.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use shipway_asl::Timestamp;
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{sleep, timeout},
};

/// Parcels that wait; what comes on top stays in the files only.
const WAITING_MAX: usize = 4_096;
/// Parcels that are delivered together.
const BATCH: usize = 256;
/// Times that a delivery is tried.
const TRIES: u32 = 6;
/// Wait before the second try; it doubles.
const BACKOFF: Duration = Duration::from_millis(200);
/// How long the last parcels may take when the server stops.
const FINISH_TIME_MAX: Duration = Duration::from_secs(5);

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When the event came about that it tells of.
    pub at: Timestamp,
    /// The JSON, without its end.
    pub text: String,
}

/// Who keeps log groups.
#[async_trait]
pub trait Carrier: Send + Sync + 'static {
    /// Adds lines of a machine to a group. An error says why it could not.
    async fn carry(&self, group: &str, machine: &str, lines: Vec<Line>) -> Result<(), String>;
}

/// Lines of one machine for one group.
#[derive(Debug)]
pub struct Parcel {
    pub group: String,
    pub machine: String,
    pub lines: Vec<Line>,
}

/// Takes parcels and never keeps who gives them waiting.
pub struct Courier {
    queue: mpsc::Sender<Parcel>,
}

/// A courier under way.
pub struct Round(JoinHandle<()>);

impl Courier {
    /// Delivers until the courier is dropped, and then what still waits.
    pub fn start(carrier: Arc<dyn Carrier>) -> (Self, Round) {
        let (queue, parcels) = mpsc::channel(WAITING_MAX);
        (Self { queue }, Round(tokio::spawn(go(carrier, parcels))))
    }

    /// To be delivered.
    pub fn take(&self, parcel: Parcel) {
        if let Err(refused) = self.queue.try_send(parcel) {
            let parcel = refused.into_inner();
            let lines = parcel.lines.len();
            tracing::warn!(
                group = parcel.group,
                lines,
                "too many lines wait to be delivered: these stay in the files"
            );
        }
    }
}

impl Round {
    /// Waits for the last delivery, and not long.
    pub async fn finish(self) {
        if timeout(FINISH_TIME_MAX, self.0).await.is_err() {
            tracing::warn!("the last lines of execution logs were not delivered: they are in the files");
        }
    }
}

async fn go(carrier: Arc<dyn Carrier>, mut parcels: mpsc::Receiver<Parcel>) {
    let mut batch = Vec::with_capacity(BATCH);
    while parcels.recv_many(&mut batch, BATCH).await > 0 {
        let mut together: BTreeMap<(String, String), Vec<Line>> = BTreeMap::new();
        for Parcel { group, machine, lines } in batch.drain(..) {
            together.entry((group, machine)).or_default().extend(lines);
        }
        for ((group, machine), lines) in together {
            deliver(&*carrier, &group, &machine, &lines).await;
        }
    }
}

async fn deliver(carrier: &dyn Carrier, group: &str, machine: &str, lines: &[Line]) {
    let mut wait = BACKOFF;
    for attempt in 1..=TRIES {
        let Err(error) = carrier.carry(group, machine, lines.to_vec()).await else { return };
        if attempt == TRIES {
            let lines = lines.len();
            tracing::warn!(
                error,
                group,
                lines,
                "lines were not delivered to the log group: they stay in the files"
            );
            return;
        }
        sleep(wait).await;
        wait *= 2;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Refuses so often, and then notes what it is given.
    struct Picky(Mutex<(u32, Vec<String>)>);

    #[async_trait]
    impl Carrier for Picky {
        async fn carry(&self, group: &str, machine: &str, lines: Vec<Line>) -> Result<(), String> {
            let mut state = self.0.lock().unwrap();
            if state.0 > 0 {
                state.0 -= 1;
                return Err("not now".to_owned());
            }
            state.1.extend(lines.into_iter().map(|line| format!("{group} {machine} {}", line.text)));
            Ok(())
        }
    }

    async fn delivered(refusals: u32, texts: &[&str]) -> Vec<String> {
        let picky = Arc::new(Picky(Mutex::new((refusals, Vec::new()))));
        let (courier, round) = Courier::start(Arc::clone(&picky) as _);
        for text in texts {
            let lines = vec![Line { at: Timestamp(0), text: (*text).to_owned() }];
            courier.take(Parcel { group: "g".to_owned(), machine: "m".to_owned(), lines });
        }
        drop(courier);
        round.0.await.unwrap();
        std::mem::take(&mut picky.0.lock().unwrap().1)
    }

    #[tokio::test(start_paused = true)]
    async fn lines_are_delivered_in_their_order_also_after_refusals() {
        assert_eq!(delivered(0, &["a", "b"]).await, ["g m a", "g m b"]);
        assert_eq!(delivered(TRIES - 1, &["a", "b"]).await, ["g m a", "g m b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_every_time_is_given_up() {
        assert_eq!(delivered(TRIES, &["a"]).await, [] as [&str; 0]);
    }
}
