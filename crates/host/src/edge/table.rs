//! The routes on disk: what the edge serves after a restart, whether or not anybody tells it. Does not check routes.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use shipway_control::host::Route;
use tempfile::NamedTempFile;

/// Version of the file.
const FORMAT: u32 = 1;

/// The file.
#[derive(Debug, Serialize, Deserialize)]
struct Table {
    format: u32,
    routes: Vec<Route>,
}

/// Reads the routes. A table that cannot be read is put aside, so that the edge starts and the file is not lost.
pub(super) fn load(path: &Path) -> io::Result<Vec<Route>> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    match serde_json::from_slice::<Table>(&text) {
        Ok(table) if table.format == FORMAT => Ok(table.routes),
        Ok(table) => put_aside(path, &format!("its format is {}, not {FORMAT}", table.format)),
        Err(error) => put_aside(path, &error.to_string()),
    }
}

fn put_aside(path: &Path, reason: &str) -> io::Result<Vec<Route>> {
    let aside = path.with_extension("json.bad");
    fs::rename(path, &aside)?;
    tracing::error!(path = %path.display(), aside = %aside.display(), reason, "table of routes cannot be read");
    Ok(Vec::new())
}

/// Writes the routes; on disk when this returns.
pub(super) fn save(path: &Path, routes: Vec<Route>) -> io::Result<()> {
    let directory: PathBuf = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let mut file = NamedTempFile::new_in(&directory)?;
    let table = Table { format: FORMAT, routes };
    serde_json::to_writer_pretty(&mut file, &table)?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(&directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use shipway_control::host::ServiceId;

    use super::*;

    #[test]
    fn a_table_comes_back_and_a_broken_one_is_put_aside() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("table.json");
        assert!(load(&path).unwrap().is_empty());
        let service = ServiceId { project: "p".into(), environment: "e".into(), service: "web".into() };
        let route = Route { service, listen: "127.0.0.1".into(), port: 1, targets: Vec::new() };
        save(&path, vec![route.clone()]).unwrap();
        assert_eq!(load(&path).unwrap(), [route]);
        fs::write(&path, "{").unwrap();
        assert!(load(&path).unwrap().is_empty());
        assert!(directory.path().join("table.json.bad").exists() && !path.exists());
    }
}
