//! A real PostgreSQL server for one test, on a socket in a directory of its own.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// A server that is stopped and removed when this is dropped.
pub struct Cluster {
    directory: TempDir,
    programs: PathBuf,
}

impl Cluster {
    /// Starts a server. None, and a word about it, where PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            println!("skipped: PostgreSQL is not installed");
            return None;
        };
        // WHY not below the target directory: the server's own user must get there.
        let directory = tempfile::Builder::new().prefix("shipway-pg").tempdir_in("/tmp").unwrap();
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(directory.path()));
        } else {
            fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
        }
        let cluster = Self { directory, programs };
        let data = cluster.data();
        run(cluster
            .program("initdb")
            .args(["--no-sync", "--auth=trust", "--username=shipway", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(data));
        cluster.up();
        Some(cluster)
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("postgres://shipway@/postgres?host={}", self.directory.path().display())
    }

    /// Starts it again after [`Cluster::kill`].
    pub fn up(&self) {
        let options = format!("-c listen_addresses='' -c fsync=off -k {}", self.directory.path().display());
        let log = self.directory.path().join("log");
        run(self
            .program("pg_ctl")
            .args(["-w", "-s", "-o", &options, "-l"])
            .arg(log)
            .arg("-D")
            .arg(self.data())
            .arg("start"));
    }

    /// Ends it as a power cut does.
    pub fn kill(&self) {
        run(self.program("pg_ctl").args(["-m", "immediate", "-w", "-s", "-D"]).arg(self.data()).arg("stop"));
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// WHY `setpriv`: the server refuses to run as root.
    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        if !is_root() {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = self.program("pg_ctl");
        stop.args(["-m", "immediate", "-w", "-s", "-D"]).arg(self.data()).arg("stop");
        let _ = stop.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// The newest version's programs.
fn programs() -> Option<PathBuf> {
    let installed = fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|entry| entry.path().join("bin"));
    installed.filter(|path| path.join("initdb").exists()).max()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

fn run(command: &mut Command) {
    let output = command.current_dir(Path::new("/")).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
