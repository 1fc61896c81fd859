//! Whether a release can run on this machine, said before anything is changed. Everything that is wrong is named by
//! its place in the release.

use std::{
    collections::BTreeMap,
    fs, io,
    net::{IpAddr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
};

use rustix::fs::{Access, access, statvfs};
use shipway_control::{
    host::{HostError, Route, ServiceId},
    release::{Release, Service},
};

use crate::{
    artifact::{self, Contents, Kind},
    command::{Program, program, search_path},
    fault::{During, bad_release, failure},
    layout::Layout,
    machine::{vet_command, vet_stop_timeout, vet_variable},
    probe,
};

/// Room that is left free beside what a release needs.
const RESERVE_BYTES: u64 = 64 * 1024 * 1024;

/// Links followed from one to the next before a command is given up.
const LINKS_MAX: usize = 16;

/// Checks a release; `routes` are all that the edge serves.
pub(crate) fn check(layout: &Layout, release: &Release, routes: &[Route]) -> Result<(), HostError> {
    let file = artifact::open(layout, &release.artifact_sha256)?;
    let size = file.metadata().during("read", &layout.artifacts())?.len();
    let contents = artifact::list(file, &release.artifact_sha256)?;
    for (name, service) in &release.services {
        check_service(name, service, &contents)?;
    }
    check_ports(release, routes)?;
    check_disk(layout, size)
}

fn check_service(name: &str, service: &Service, contents: &Contents) -> Result<(), HostError> {
    let field = |field: &str| format!("services.{name}.{field}");
    if !(1..=64).contains(&service.processes) {
        return Err(bad_release(field("processes"), format!("{} is not in 1 to 64", service.processes)));
    }
    for (variable, value) in &service.env {
        vet_variable(variable, value)
            .map_err(|reason| bad_release(field(&format!("env.{variable}")), reason))?;
    }
    vet_stop_timeout(service.stop_timeout).map_err(|reason| bad_release(field("stop_timeout"), reason))?;
    probe::vet_path(name, &service.health)?;
    vet_command(&service.command).map_err(|reason| bad_release(field("command"), reason))?;
    check_command(service, contents).map_err(|reason| bad_release(field("command"), reason))
}

fn check_command(service: &Service, contents: &Contents) -> Result<(), String> {
    match program(&service.command) {
        Program::Unknown => Ok(()),
        Program::Path(path) if path.starts_with('/') => check_on_machine(&path),
        Program::Path(path) => check_in_artifact(&path, contents),
        Program::Name(name) => {
            let path = search_path(service.env.get("PATH"));
            let is_found = std::env::split_paths(&path).any(|dir| is_executable(&dir.join(&name)));
            is_found.then_some(()).ok_or_else(|| {
                format!("`{name}` is not found in PATH on this machine; install it, or write `./{name}` if it is in the artifact")
            })
        }
    }
}

fn check_on_machine(path: &str) -> Result<(), String> {
    match fs::metadata(path) {
        Ok(data) if data.is_file() && data.permissions().mode() & 0o111 != 0 => Ok(()),
        Ok(_) => Err(not_executable(path)),
        Err(error) => Err(format!("`{path}` cannot be used on this machine: {error}")),
    }
}

fn check_in_artifact(path: &str, contents: &Contents) -> Result<(), String> {
    match find(Path::new(path), contents) {
        Some(Kind::File { is_executable: true, .. }) => Ok(()),
        Some(Kind::File { .. }) => Err(not_executable(path)),
        Some(Kind::Directory) => Err(format!("`{path}` is a directory")),
        Some(Kind::Symlink(_) | Kind::Hardlink(_)) | None => Err(format!(
            "`{path}` is not in the artifact; build it before `shipway deploy`, and see that it is packed"
        )),
    }
}

fn not_executable(path: &str) -> String {
    format!("command not executable: `{path}`; run `chmod +x {path}`, commit it and deploy again")
}

/// What is at a path, links followed; `None` if there is nothing, or it leads out.
fn find<'a>(path: &Path, contents: &'a Contents) -> Option<&'a Kind> {
    let mut path = normal(path)?;
    for _ in 0..LINKS_MAX {
        let link = path.ancestors().find_map(|part| match contents.get(part) {
            Some(Kind::Symlink(to)) => Some((part.to_path_buf(), to)),
            _ => None,
        });
        let Some((link, to)) = link else { return contents.get(&path) };
        let rest = path.strip_prefix(&link).ok()?.to_path_buf();
        path = normal(&link.parent()?.join(to).join(rest))?;
    }
    None
}

/// Resolves `.` and `..` by name; `None` above the artifact's directory.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => out.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !out.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(out)
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

fn check_ports(release: &Release, routes: &[Route]) -> Result<(), HostError> {
    let mut ours: BTreeMap<u16, Vec<(&str, IpAddr)>> = BTreeMap::new();
    for (name, service) in &release.services {
        let Some(port) = service.port else { continue };
        let address: IpAddr = service.listen.parse().map_err(|_| {
            let reason = format!("`{}` is not an IP address, such as 127.0.0.1 or 0.0.0.0", service.listen);
            bad_release(format!("services.{name}.listen"), reason)
        })?;
        let same = ours.entry(port).or_default();
        if let Some((other, _)) = same.iter().find(|(_, other)| overlap(address, *other)) {
            let reason = format!("{port} is also the port of service `{other}`; choose another");
            return Err(bad_release(format!("services.{name}.port"), reason));
        }
        same.push((name, address));
        check_port(release, &service_id(release, name), address, port, routes)?;
    }
    Ok(())
}

/// Whether the release gives up the route: its service is of the same environment and has no port any more.
fn gives_up(release: &Release, service: &ServiceId) -> bool {
    service.project == release.project_name
        && service.environment == release.config_name
        && release.services.get(&service.service).is_none_or(|service| service.port.is_none())
}

fn check_port(
    release: &Release,
    service: &ServiceId,
    address: IpAddr,
    port: u16,
    routes: &[Route],
) -> Result<(), HostError> {
    let field = format!("services.{}.port", service.service);
    if port == 0 {
        return Err(bad_release(field, "0 is not a port; choose one from 1 to 65535"));
    }
    let mut same = routes.iter().filter(|route| {
        route.port == port && route.listen.parse().is_ok_and(|listen| overlap(address, listen))
    });
    let is_strange = |route: &&Route| route.service != *service && !gives_up(release, &route.service);
    let is_ours = match same.clone().find(is_strange) {
        Some(other) => {
            let reason = format!("{port} is the public port of {}; choose another", other.service);
            return Err(bad_release(field, reason));
        }
        None => same.next().is_some(),
    };
    if is_ours { Ok(()) } else { check_bind(service, address, port) }
}

fn check_bind(service: &ServiceId, address: IpAddr, port: u16) -> Result<(), HostError> {
    let error = match TcpListener::bind((address, port)) {
        Ok(_) => return Ok(()),
        Err(error) => error,
    };
    let (field, reason) = match error.kind() {
        io::ErrorKind::AddrInUse => {
            let hint = format!("stop it (`ss -ltnp 'sport = :{port}'` shows it) or choose another port");
            ("port", format!("{port} on {address} is in use by another program; {hint}"))
        }
        io::ErrorKind::PermissionDenied => {
            ("port", format!("{port} may not be listened on by this user; choose one above 1023"))
        }
        io::ErrorKind::AddrNotAvailable => {
            ("listen", format!("{address} is not an address of this machine; 0.0.0.0 is all of them"))
        }
        _ => ("port", format!("{port} on {address} cannot be listened on: {error}")),
    };
    Err(bad_release(format!("services.{}.{field}", service.service), reason))
}

/// Whether two listeners with one port get in each other's way.
fn overlap(a: IpAddr, b: IpAddr) -> bool {
    a == b || a.is_unspecified() || b.is_unspecified()
}

fn check_disk(layout: &Layout, artifact_bytes: u64) -> Result<(), HostError> {
    let data = layout.data();
    access(data, Access::WRITE_OK | Access::EXEC_OK).during("write in", data)?;
    let room = statvfs(data).during("look at the free space of", data)?;
    check_room(data, room.f_bavail.saturating_mul(room.f_frsize), artifact_bytes)
}

fn check_room(data: &Path, free: u64, artifact_bytes: u64) -> Result<(), HostError> {
    let needed = artifact_bytes.saturating_mul(2).saturating_add(RESERVE_BYTES);
    if free >= needed {
        return Ok(());
    }
    const MIB: u64 = 1024 * 1024;
    let reason =
        format!("{} MiB are free and {} MiB are needed; free some space", free / MIB, needed.div_ceil(MIB));
    Err(failure(format!("find room in {}", data.display()), reason))
}

fn service_id(release: &Release, service: &str) -> ServiceId {
    ServiceId {
        project: release.project_name.clone(),
        environment: release.config_name.clone(),
        service: service.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents() -> Contents {
        let file = |is_executable| Kind::File { is_executable, size: 1 };
        [
            ("bin", Kind::Directory),
            ("bin/web", file(true)),
            ("bin/text", file(false)),
            ("link", Kind::Symlink("bin/web".into())),
            ("sub", Kind::Directory),
            ("sub/up", Kind::Symlink("../bin".into())),
            ("loop", Kind::Symlink("loop".into())),
        ]
        .map(|(path, kind)| (path.into(), kind))
        .into()
    }

    #[test]
    fn a_command_in_the_artifact_is_found_through_links() {
        for good in ["bin/web", "./bin/web", "./link", "sub/up/web", "./sub/../bin/web"] {
            check_in_artifact(good, &contents()).unwrap();
        }
        for (bad, expected) in [
            ("./bin/none", "is not in the artifact"),
            ("./bin/text", "chmod +x ./bin/text"),
            ("./bin/", "is a directory"),
            ("../bin/web", "is not in the artifact"),
            ("./loop", "is not in the artifact"),
        ] {
            let refused = check_in_artifact(bad, &contents()).unwrap_err();
            assert!(refused.contains(expected), "{bad}: {refused}");
        }
    }

    #[test]
    fn a_full_disk_is_told_with_its_path_and_numbers() {
        const MIB: u64 = 1024 * 1024;
        let check = |free, artifact| check_room(Path::new("/data"), free, artifact);
        check(66 * MIB, MIB).unwrap();
        assert_eq!(
            check(66 * MIB - 1, MIB).unwrap_err().to_string(),
            "find room in /data: 65 MiB are free and 66 MiB are needed; free some space"
        );
        check(u64::MAX - 1, u64::MAX).unwrap_err();
    }

    #[test]
    fn listeners_on_all_addresses_are_in_everybodys_way() {
        let parse = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(overlap(parse("127.0.0.1"), parse("0.0.0.0")));
        assert!(overlap(parse("127.0.0.1"), parse("127.0.0.1")));
        assert!(!overlap(parse("127.0.0.1"), parse("127.0.0.2")));
    }
}
