//! What a service's processes wrote.

use super::{Error, Shipway, of_record};
use crate::{
    deployer::records,
    host::{GroupId, LogPage, LogQuery},
};

impl Shipway {
    /// Lines that a service's processes wrote; of the current release unless another is given by id or version.
    /// While nothing serves yet, those of the last deployment.
    pub async fn logs(
        &self,
        project: &str,
        environment: &str,
        service: &str,
        release_id: Option<&str>,
        query: &LogQuery,
    ) -> Result<LogPage, Error> {
        let group = GroupId {
            project: project.to_owned(),
            environment: environment.to_owned(),
            service: service.to_owned(),
            release_id: self.release_meant(project, environment, service, release_id).await?,
        };
        self.ask("reading the logs", self.host.logs(&group, query)).await
    }

    async fn release_meant(
        &self,
        project: &str,
        environment: &str,
        service: &str,
        meant: Option<&str>,
    ) -> Result<String, Error> {
        let row = records::environment(&self.engine, project, environment).await;
        let row = row.map_err(|error| of_record(&error))?;
        if let (None, Some(serving)) = (meant, row.services.get(service)) {
            return Ok(serving.release_id.clone());
        }
        let releases = self.releases(project, environment).await?;
        let found = releases.into_iter().map(|status| status.release).find(|release| {
            let is_meant = meant.is_none_or(|meant| release.release_id == meant || release.version == meant);
            is_meant && release.services.contains_key(service)
        });
        match (found, meant) {
            (Some(release), _) => Ok(release.release_id),
            (None, Some(meant)) => Err(Error::NotFound { what: "release", id: meant.to_owned() }),
            (None, None) => {
                Err(Error::NotFound { what: "service", id: format!("{project}/{environment}/{service}") })
            }
        }
    }
}
