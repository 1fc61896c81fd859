//! Who has signed in on the pages: sessions in memory, so that they end with the server at the latest, and the cookie
//! that names one. Does not know who may sign in.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// How long a session is good.
const LIFE: Duration = Duration::from_secs(12 * 60 * 60);
/// Sessions at once; the oldest makes room.
const SESSIONS_MAX: usize = 256;
/// Bytes of a session's id.
const ID_BYTES: usize = 32;

/// All sessions of a server.
pub struct Sessions {
    cookie: String,
    live: Mutex<VecDeque<Session>>,
}

/// A session; what is kept of its id is good for recognising it only.
struct Session {
    id_sha256: [u8; 32],
    until: Instant,
}

/// Headers carry `Set-Cookie`; an id is as secret as the token.
pub struct SetCookie(pub String);

impl Sessions {
    /// No sessions, of a server that listens on `port`.
    pub fn new(port: u16) -> Self {
        // WHY: browsers keep cookies by name of the host alone, so two servers of one host need two names.
        Self { cookie: format!("shipway_{port}"), live: Mutex::default() }
    }

    /// Begins a session; none without random numbers.
    pub fn begin(&self, is_secure: bool) -> Option<SetCookie> {
        let mut id = [0_u8; ID_BYTES];
        getrandom::fill(&mut id).ok()?;
        let id = hex::encode(id);
        let mut live = self.live();
        live.retain(|session| session.until > Instant::now());
        while live.len() >= SESSIONS_MAX {
            live.pop_front();
        }
        live.push_back(Session { id_sha256: sha256(&id), until: Instant::now() + LIFE });
        drop(live);
        Some(self.set_cookie(&id, LIFE, is_secure))
    }

    /// Whether the request belongs to a session.
    pub fn holds(&self, headers: &HeaderMap) -> bool {
        let Some(id) = self.id(headers).map(sha256) else { return false };
        let now = Instant::now();
        self.live().iter().any(|session| session.id_sha256 == id && session.until > now)
    }

    /// Ends the session of the request, if it has one.
    pub fn end(&self, headers: &HeaderMap) -> SetCookie {
        if let Some(id) = self.id(headers).map(sha256) {
            self.live().retain(|session| session.id_sha256 != id);
        }
        self.set_cookie("", Duration::ZERO, false)
    }

    fn set_cookie(&self, id: &str, life: Duration, is_secure: bool) -> SetCookie {
        let (name, seconds) = (&self.cookie, life.as_secs());
        let secure = if is_secure { "; Secure" } else { "" };
        SetCookie(format!("{name}={id}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}"))
    }

    fn id<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let given = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            given.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == self.cookie).map(|(_, id)| id)
    }

    fn live(&self) -> MutexGuard<'_, VecDeque<Session>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn cookies(set: &SetCookie) -> HeaderMap {
        let pair = set.0.split(';').next().unwrap();
        let value = HeaderValue::try_from(format!("theme=dark; {pair}")).unwrap();
        HeaderMap::from_iter([(header::COOKIE, value)])
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_by_itself_and_when_it_is_told_to() {
        let sessions = Sessions::new(7420);
        let (one, other) = (sessions.begin(false).unwrap(), sessions.begin(true).unwrap());
        assert!(other.0.ends_with("; Secure") && !one.0.contains("Secure"));
        assert!(sessions.holds(&cookies(&one)) && sessions.holds(&cookies(&other)));
        sessions.end(&cookies(&one));
        assert!(!sessions.holds(&cookies(&one)) && sessions.holds(&cookies(&other)));
        tokio::time::advance(LIFE).await;
        assert!(!sessions.holds(&cookies(&other)));
    }

    #[tokio::test]
    async fn the_oldest_session_makes_room() {
        let sessions = Sessions::new(7420);
        let first = sessions.begin(false).unwrap();
        let later: Vec<SetCookie> = (0..SESSIONS_MAX).map(|_| sessions.begin(false).unwrap()).collect();
        assert!(!sessions.holds(&cookies(&first)));
        assert!(later.iter().all(|one| sessions.holds(&cookies(one))));
    }

    #[tokio::test]
    async fn what_is_no_id_is_no_session() {
        let sessions = Sessions::new(7420);
        sessions.begin(false).unwrap();
        for value in ["", "shipway_7420=", "shipway_7420", "shipway_7421=a", "x=shipway_7420=a"] {
            let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(value))]);
            assert!(!sessions.holds(&headers), "{value}");
        }
    }
}
