//! Which log groups there are: AWS's, or those of an endpoint that stands for it, where the server was told of one.
//! Otherwise every name is one, since log groups here are made by writing to them.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::json;
use shipway_asl::test_state::Shapes;
use shipway_engine::{Task, TaskHandler};
use shipway_server::{logging::group_name, states::World};
use tokio_util::sync::CancellationToken;

use crate::cloud::Models;

/// The call that asks for log groups.
const DESCRIBE: &str = "arn:aws:states:::aws-sdk:cloudwatchlogs:describeLogGroups";

/// How long an answer is waited for.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

/// The world as the models tell of it, and log groups as the service tells of them.
pub struct LogGroups {
    models: Models,
    services: Arc<dyn TaskHandler>,
}

impl LogGroups {
    /// Asks by calling services as Tasks do.
    pub fn new(services: Arc<dyn TaskHandler>) -> Self {
        Self { models: Models, services }
    }

    /// Names that begin with this one. None if nobody answers that.
    async fn names(&self, prefix: &str) -> Option<Vec<String>> {
        let task = Task {
            key: "log-groups".to_owned(),
            execution_arn: "log-groups".to_owned(),
            state: "log-groups".to_owned(),
            resource: DESCRIBE.to_owned(),
            parameters: json!({"LogGroupNamePrefix": prefix}),
            attempt: 0,
            dispatch: 0,
            role_arn: String::new(),
            credentials: None,
            cancel: CancellationToken::new(),
            stop: CancellationToken::new(),
            trace: None,
        };
        let answer = tokio::time::timeout(ANSWER_TIME_MAX, self.services.run(task)).await.ok()?.ok()?;
        let groups = answer.get("LogGroups")?.as_array()?;
        Some(
            groups
                .iter()
                .filter_map(|group| group.get("LogGroupName")?.as_str())
                .map(str::to_owned)
                .collect(),
        )
    }
}

#[async_trait]
impl World for LogGroups {
    async fn has_log_group(&self, arn: &str) -> bool {
        let Some(name) = group_name(arn) else { return false };
        // WHY: who cannot be asked, or knows no log groups, does not forbid logging here.
        self.names(name).await.is_none_or(|names| names.iter().any(|known| known == name))
    }

    fn shapes(&self) -> &(dyn Shapes + Sync) {
        self.models.shapes()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use shipway_engine::TaskFailure;

    use super::*;

    struct Answers(Result<Value, ()>);

    #[async_trait]
    impl TaskHandler for Answers {
        async fn run(&self, _: Task) -> Result<Value, TaskFailure> {
            let failure = TaskFailure { error: "States.TaskFailed".to_owned(), cause: String::new() };
            self.0.clone().map_err(|()| failure)
        }
    }

    #[tokio::test]
    async fn a_service_that_answers_decides_and_one_that_does_not_is_not_needed() {
        let known = Ok(json!({"LogGroups": [{"LogGroupName": "orders"}, {"LogGroupName": "orders-2"}]}));
        let has = |answer: Result<Value, ()>, name: &str| {
            let arn = format!("arn:aws:logs:eu-west-1:123456789012:log-group:{name}:*");
            async move { LogGroups::new(Arc::new(Answers(answer))).has_log_group(&arn).await }
        };
        assert!(has(known.clone(), "orders").await);
        assert!(!has(known, "order").await);
        assert!(!has(Ok(json!({"LogGroups": []})), "orders").await);
        assert!(has(Err(()), "orders").await && has(Ok(json!({})), "orders").await);
        assert!(!has(Err(()), "no name").await);
    }
}
