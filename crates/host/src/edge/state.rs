//! The edge's routes: checked, bound, saved, then put in force. One change at a time; readers never wait.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use shipway_control::host::{HostError, Route, ServiceId, Traffic};
use tokio::{net::TcpListener, sync::Mutex, time};
use tokio_util::sync::CancellationToken;

use super::{
    Context, Limits,
    listener::{self, Listening},
    live::Live,
    service::Service,
    snapshot::{ProcessSnapshot, RouteSnapshot, Snapshot, TargetSnapshot},
    table,
};

/// Services at most, removed ones with counts included.
const SERVICES_MAX: usize = 1_000;

/// Releases of a route, and processes of a release, at most.
const TARGETS_MAX: usize = 64;

/// How often a port that was taken at the start is tried again.
const BIND_AGAIN: Duration = Duration::from_millis(500);

/// The edge's state.
#[derive(Debug)]
pub(super) struct State {
    pub(super) epoch: u64,
    pub(super) cx: Context,
    table: PathBuf,
    services: ArcSwap<BTreeMap<ServiceId, Arc<Service>>>,
    /// The ports served; its lock makes changes wait for each other.
    ports: Mutex<BTreeMap<ServiceId, Listening>>,
}

impl State {
    pub(super) fn new(epoch: u64, limits: Limits, table: PathBuf) -> Self {
        Self { epoch, cx: Context::new(limits), table, services: ArcSwap::default(), ports: Mutex::default() }
    }

    /// Puts the saved routes in force. A port that is taken is tried again until it is free.
    pub(super) async fn resume(self: &Arc<Self>, routes: Vec<Route>, stop: &CancellationToken) {
        for route in routes {
            let Ok(address) = address(&route) else { continue };
            let service = self.service(&route.service);
            self.put_in_force(&service, &route);
            match listener::bind(address) {
                Ok(listener) => {
                    let listening = Listening::start(service, address, listener);
                    self.ports.lock().await.insert(route.service, listening);
                }
                Err(error) => {
                    tracing::error!(service = %route.service, %address, %error, "port is not free; trying again");
                    self.cx.tasks.spawn(Arc::clone(self).bind_when_free(route.service, stop.clone()));
                }
            }
        }
    }

    async fn bind_when_free(self: Arc<Self>, id: ServiceId, stop: CancellationToken) {
        while stop.run_until_cancelled(time::sleep(BIND_AGAIN)).await.is_some() {
            let mut ports = self.ports.lock().await;
            let Some(route) = self.route(&id) else { return };
            if ports.contains_key(&id) || stop.is_cancelled() {
                return;
            }
            let Ok(address) = address(&route) else { return };
            if let Ok(listener) = listener::bind(address) {
                tracing::info!(service = %id, %address, "port is served at last");
                ports.insert(id.clone(), Listening::start(self.service(&id), address, listener));
                return;
            }
        }
    }

    /// Replaces a service's route; saved and in force when this returns.
    pub(super) async fn set_route(&self, route: &Route) -> Result<(), HostError> {
        let address = address(route)?;
        check_targets(route)?;
        let mut ports = self.ports.lock().await;
        self.check_free(route, address)?;
        let bound = match ports.get(&route.service) {
            Some(listening) if listening.address == address => None,
            Some(listening) if listening.address.port() == address.port() => {
                // WHY: two addresses of one port may exclude each other, such as 127.0.0.1 and 0.0.0.0.
                let before = ports.remove(&route.service);
                Some(self.exchange(route, address, before, &mut ports).await?)
            }
            _ => Some(listener::bind(address).map_err(|error| bind_error(route, address, &error))?),
        };
        self.save(|routes| {
            routes.retain(|other| other.service != route.service);
            routes.push(route.clone());
        })
        .await?;
        let service = self.service(&route.service);
        self.put_in_force(&service, route);
        if let Some(listener) = bound {
            let listening = Listening::start(service, address, listener);
            if let Some(before) = ports.insert(route.service.clone(), listening) {
                before.close().await;
            }
        }
        Ok(())
    }

    /// Binds another address of the same port; goes back to the former one if that fails.
    async fn exchange(
        &self,
        route: &Route,
        address: SocketAddr,
        before: Option<Listening>,
        ports: &mut BTreeMap<ServiceId, Listening>,
    ) -> Result<TcpListener, HostError> {
        let former = before.as_ref().map(|before| before.address);
        if let Some(before) = before {
            before.close().await;
        }
        listener::bind(address).map_err(|error| {
            if let Some((former, listener)) =
                former.and_then(|former| Some((former, listener::bind(former).ok()?)))
            {
                let listening = Listening::start(self.service(&route.service), former, listener);
                ports.insert(route.service.clone(), listening);
            }
            bind_error(route, address, &error)
        })
    }

    /// Takes a service off; its requests in flight end.
    pub(super) async fn remove_route(&self, id: &ServiceId) -> Result<(), HostError> {
        let mut ports = self.ports.lock().await;
        if self.route(id).is_none() {
            return Ok(());
        }
        self.save(|routes| routes.retain(|other| other.service != *id)).await?;
        if let Some(listening) = ports.remove(id) {
            listening.close().await;
        }
        if let Some(service) = self.services.load().get(id) {
            service.replace(None);
        }
        Ok(())
    }

    /// Gives up all ports; requests in flight go on.
    pub(super) async fn close_ports(&self) {
        for (_, listening) in std::mem::take(&mut *self.ports.lock().await) {
            listening.close().await;
        }
    }

    pub(super) fn route(&self, id: &ServiceId) -> Option<Route> {
        let live = self.services.load().get(id)?.live.load_full()?;
        Some(live.route.clone())
    }

    pub(super) fn routes(&self) -> Vec<Route> {
        let services = self.services.load();
        let lives = services.values().filter_map(|service| service.live.load_full());
        lives.map(|live| live.route.clone()).collect()
    }

    pub(super) fn traffic(&self, id: &ServiceId) -> Traffic {
        let services = self.services.load();
        let traffic = services.get(id).map(|service| service.book.read(self.epoch));
        traffic.unwrap_or(Traffic { epoch: self.epoch, releases: BTreeMap::new() })
    }

    pub(super) fn in_flight(&self, id: &ServiceId, release_id: &str) -> u64 {
        self.services.load().get(id).map_or(0, |service| service.book.in_flight(release_id))
    }

    pub(super) async fn snapshot(&self) -> Snapshot {
        let listening: BTreeSet<ServiceId> = self.ports.lock().await.keys().cloned().collect();
        let services = self.services.load();
        let routes = services.values().filter_map(|service| {
            let live = service.live.load_full()?;
            Some(RouteSnapshot {
                route: live.route.clone(),
                is_listening: listening.contains(&service.id),
                connections: service.connections(),
                targets: live_targets(&live),
                traffic: service.book.read(self.epoch),
            })
        });
        Snapshot { pid: std::process::id(), epoch: self.epoch, routes: routes.collect() }
    }

    /// The service, made if it is not there. Callers hold the lock on `ports`, or are alone.
    fn service(&self, id: &ServiceId) -> Arc<Service> {
        let services = self.services.load_full();
        if let Some(service) = services.get(id) {
            return Arc::clone(service);
        }
        let service = Arc::new(Service::new(id.clone(), self.cx.clone()));
        let mut services = BTreeMap::clone(&services);
        if services.len() >= SERVICES_MAX {
            services.retain(|_, old| old.live.load().is_some() || old.book.in_flight_of_all() > 0);
        }
        services.insert(id.clone(), Arc::clone(&service));
        self.services.store(Arc::new(services));
        service
    }

    fn put_in_force(&self, service: &Service, route: &Route) {
        let before = service.live.load_full();
        let next = Live::after(before.as_deref(), route, &service.book, &self.cx);
        service.replace(Some(next));
    }

    async fn save(&self, change: impl FnOnce(&mut Vec<Route>)) -> Result<(), HostError> {
        let mut routes = self.routes();
        change(&mut routes);
        let path = self.table.clone();
        let saved = tokio::task::spawn_blocking(move || table::save(&path, routes)).await;
        let saved = saved.unwrap_or_else(|error| Err(io::Error::other(error)));
        saved.map_err(|error| HostError::Io {
            operation: format!("write {}", self.table.display()),
            reason: error.to_string(),
        })
    }

    fn check_free(&self, route: &Route, address: SocketAddr) -> Result<(), HostError> {
        let is_other = |other: &Route| other.service != route.service && other.port == route.port;
        let overlaps =
            |other: &Route| other.listen.parse::<IpAddr>().is_ok_and(|ip| overlap(ip, address.ip()));
        match self.routes().into_iter().find(|other| is_other(other) && overlaps(other)) {
            None => Ok(()),
            Some(other) => Err(bad_release(
                route,
                "port",
                format!("port {} already serves `{}`; choose another port", route.port, other.service),
            )),
        }
    }
}

fn overlap(a: IpAddr, b: IpAddr) -> bool {
    a == b || a.is_unspecified() || b.is_unspecified()
}

fn live_targets(live: &Live) -> Vec<TargetSnapshot> {
    let target = |target: &super::live::LiveTarget| TargetSnapshot {
        release_id: target.counts.release_id.clone(),
        version: target.counts.version.clone(),
        processes: target.upstreams.iter().map(|upstream| process(upstream)).collect(),
    };
    live.targets.iter().map(target).collect()
}

fn process(upstream: &super::upstream::Upstream) -> ProcessSnapshot {
    ProcessSnapshot {
        port: upstream.port,
        is_healthy: upstream.health.is_fit(),
        evidence: upstream.health.evidence(),
        in_flight: upstream.in_flight(),
    }
}

fn address(route: &Route) -> Result<SocketAddr, HostError> {
    let ip: IpAddr = route.listen.parse().map_err(|_| {
        let reason = format!("`{}` is not an IP address; write `127.0.0.1` or `0.0.0.0`", route.listen);
        bad_release(route, "listen", reason)
    })?;
    if route.port == 0 {
        return Err(bad_release(
            route,
            "port",
            "port 0 is not a port; choose one from 1024 to 65535".to_owned(),
        ));
    }
    Ok(SocketAddr::new(ip, route.port))
}

fn check_targets(route: &Route) -> Result<(), HostError> {
    let refuse = |reason: String| Err(bad_release(route, "port", reason));
    if route.targets.len() > TARGETS_MAX {
        return refuse(format!("the route has more than {TARGETS_MAX} releases"));
    }
    let releases: BTreeSet<&str> = route.targets.iter().map(|target| target.release_id.as_str()).collect();
    if releases.len() != route.targets.len() {
        return refuse("the route names a release twice".to_owned());
    }
    for target in &route.targets {
        let ports: BTreeSet<u16> = target.ports.iter().copied().collect();
        if ports.len() != target.ports.len() || ports.contains(&0) || ports.len() > TARGETS_MAX {
            return refuse(format!(
                "`{}` must have at most {TARGETS_MAX} different ports above 0",
                target.release_id
            ));
        }
    }
    Ok(())
}

fn bind_error(route: &Route, address: SocketAddr, error: &io::Error) -> HostError {
    let port = route.port;
    let (field, reason) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            "port",
            format!(
                "port {port} is in use by another program; stop it (`ss -ltnp sport = :{port}` names it) or choose \
                 another port"
            ),
        ),
        io::ErrorKind::PermissionDenied => {
            ("port", format!("port {port} is only for root; choose one from 1024 to 65535"))
        }
        io::ErrorKind::AddrNotAvailable => {
            ("listen", format!("{} is not an address of this machine", address.ip()))
        }
        _ => ("port", format!("cannot listen on {address}: {error}")),
    };
    bad_release(route, field, reason)
}

fn bad_release(route: &Route, field: &str, reason: String) -> HostError {
    HostError::BadRelease { field: format!("services.{}.{field}", route.service.service), reason }
}
