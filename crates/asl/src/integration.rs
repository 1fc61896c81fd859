//! What a Task's `Resource` may name: Step Functions' optimized integrations as data, and how a resource is read.
//! Knows no service's model: which actions an `aws-sdk` service has is not known here.

use std::fmt;

/// How a Task works with the service it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pattern {
    /// No suffix: goes on with the service's answer.
    RequestResponse,
    /// `.sync`: waits until the job that was started has ended.
    Sync,
    /// `.sync:2`: as [`Pattern::Sync`], and the job's output is JSON instead of a string.
    Sync2,
    /// `.waitForTaskToken`: waits until somebody sends the token back.
    WaitForTaskToken,
}

impl Pattern {
    /// Every pattern.
    pub const ALL: [Self; 4] = [Self::RequestResponse, Self::Sync, Self::Sync2, Self::WaitForTaskToken];

    /// What a resource ends with, such as `.sync`; empty for request-response.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::RequestResponse => "",
            Self::Sync => ".sync",
            Self::Sync2 => ".sync:2",
            Self::WaitForTaskToken => ".waitForTaskToken",
        }
    }

    /// Whether an Express state machine may use it: only request-response.
    pub fn is_for_express(self) -> bool {
        matches!(self, Self::RequestResponse)
    }

    /// Takes the pattern off the end of an action; `None` when the suffix is none of AWS's.
    fn split(action: &str) -> Option<(&str, Self)> {
        let Some(dot) = action.find('.') else { return Some((action, Self::RequestResponse)) };
        let (name, suffix) = action.split_at(dot);
        Self::ALL.into_iter().find(|pattern| pattern.suffix() == suffix).map(|pattern| (name, pattern))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.suffix())
    }
}

/// One action of an optimized integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// As resources write it, such as `sendMessage`.
    pub name: &'static str,
    /// What a Standard state machine may use; of these an Express one may use [`Pattern::is_for_express`].
    pub patterns: &'static [Pattern],
}

/// A service with an optimized integration, and the actions it has there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Integration {
    /// As resources write it, such as `sqs` or `elasticmapreduce`.
    pub service: &'static str,
    /// All actions, sorted by name.
    pub actions: &'static [Action],
}

impl Integration {
    /// The action of that name, written exactly as AWS does.
    pub fn action(&self, name: &str) -> Option<&'static Action> {
        self.actions.iter().find(|action| action.name == name)
    }
}

/// Request-response only.
const fn call(name: &'static str) -> Action {
    Action { name, patterns: &[Pattern::RequestResponse] }
}

/// Also `.sync`.
const fn job(name: &'static str) -> Action {
    Action { name, patterns: &[Pattern::RequestResponse, Pattern::Sync] }
}

/// Also `.waitForTaskToken`.
const fn callback(name: &'static str) -> Action {
    Action { name, patterns: &[Pattern::RequestResponse, Pattern::WaitForTaskToken] }
}

/// Also `.sync` and `.waitForTaskToken`.
const fn job_or_callback(name: &'static str) -> Action {
    Action { name, patterns: &[Pattern::RequestResponse, Pattern::Sync, Pattern::WaitForTaskToken] }
}

const fn integration(service: &'static str, actions: &'static [Action]) -> Integration {
    Integration { service, actions }
}

/// The optimized integrations of Step Functions, sorted by service.
///
/// Source: the AWS Step Functions Developer Guide, "Integrating optimized services with Step Functions" and the page
/// of each service. Where the overview grants a pattern and a service's page is silent or against it, it is here.
pub const INTEGRATIONS: &[Integration] = &[
    integration("apigateway", &[callback("invoke")]),
    integration(
        "athena",
        &[
            call("getQueryExecution"),
            call("getQueryResults"),
            job("startQueryExecution"),
            call("stopQueryExecution"),
        ],
    ),
    integration("batch", &[job("submitJob")]),
    integration("bedrock", &[job_or_callback("createModelCustomizationJob"), callback("invokeModel")]),
    integration(
        "codebuild",
        &[
            call("batchDeleteBuilds"),
            call("batchGetReports"),
            call("deleteBuildBatch"),
            job("retryBuildBatch"),
            job("startBuild"),
            job("startBuildBatch"),
            call("stopBuild"),
            call("stopBuildBatch"),
        ],
    ),
    integration("databrew", &[job("startJobRun")]),
    integration("dynamodb", &[call("deleteItem"), call("getItem"), call("putItem"), call("updateItem")]),
    integration("ecs", &[job_or_callback("runTask")]),
    integration(
        "eks",
        &[
            callback("call"),
            job("createCluster"),
            job("createFargateProfile"),
            job("createNodegroup"),
            job("deleteCluster"),
            job("deleteFargateProfile"),
            job("deleteNodegroup"),
            job_or_callback("runJob"),
        ],
    ),
    integration(
        "elasticmapreduce",
        &[
            job("addStep"),
            call("cancelStep"),
            job("createCluster"),
            call("modifyInstanceFleetByName"),
            call("modifyInstanceGroupByName"),
            call("setClusterTerminationProtection"),
            job("terminateCluster"),
        ],
    ),
    integration(
        "emr-containers",
        &[call("createVirtualCluster"), job("deleteVirtualCluster"), job("startJobRun")],
    ),
    integration(
        "emr-serverless",
        &[
            job("cancelJobRun"),
            job("createApplication"),
            job("deleteApplication"),
            job("startApplication"),
            job("startJobRun"),
            job("stopApplication"),
        ],
    ),
    integration("events", &[callback("putEvents")]),
    integration("glue", &[job("startJobRun")]),
    integration("http", &[call("invoke")]),
    integration("lambda", &[callback("invoke")]),
    integration("mediaconvert", &[job("createJob")]),
    integration(
        "sagemaker",
        &[
            call("createEndpoint"),
            call("createEndpointConfig"),
            job("createHyperParameterTuningJob"),
            job("createLabelingJob"),
            call("createModel"),
            job("createProcessingJob"),
            job("createTrainingJob"),
            job("createTransformJob"),
            call("updateEndpoint"),
        ],
    ),
    integration("sns", &[callback("publish")]),
    integration("sqs", &[callback("sendMessage")]),
    integration("states", &[Action { name: "startExecution", patterns: &Pattern::ALL }]),
];

/// What a resource names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// A Lambda function, called by its own ARN.
    Function,
    /// An activity, whose workers ask for their tasks.
    Activity,
    /// An optimized integration.
    Optimized {
        /// The service.
        integration: &'static Integration,
        /// Its action.
        action: &'static Action,
        /// How it is called.
        pattern: Pattern,
    },
    /// `aws-sdk:<service>:<action>`. Whether the service has the action is not known here.
    Sdk {
        /// The service's name in the AWS SDK for Java 2.x, such as `sfn`.
        service: &'a str,
        /// The action, such as `describeExecution`.
        action: &'a str,
        /// How it is called.
        pattern: Pattern,
    },
}

impl Target<'_> {
    /// How the service is called; a function or an activity has no pattern of its own.
    pub fn pattern(&self) -> Pattern {
        match self {
            Self::Function | Self::Activity => Pattern::RequestResponse,
            Self::Optimized { pattern, .. } | Self::Sdk { pattern, .. } => *pattern,
        }
    }
}

/// Why a resource names nothing that Step Functions can call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// Not of the form of an ARN of Step Functions or Lambda.
    #[error("resource `{0}` is neither an integration nor the ARN of a function or an activity")]
    Resource(String),
    /// No optimized integration has that name.
    #[error("there is no optimized integration `{0}`; `aws-sdk:{0}` may be meant")]
    Service(String),
    /// The integration has no such action.
    #[error(
        "the optimized integration `{service}` has no action `{action}`; `aws-sdk:{service}` may be meant"
    )]
    Action {
        /// The service asked for.
        service: String,
        /// The action asked for.
        action: String,
    },
    /// The action exists and cannot be called in that way.
    #[error("`{service}:{action}` does not support `{suffix}`")]
    Pattern {
        /// The service asked for.
        service: String,
        /// The action asked for.
        action: String,
        /// The suffix asked for, such as `.sync`.
        suffix: String,
    },
}

/// Reads a Task's `Resource`.
pub fn find(resource: &str) -> Result<Target<'_>, Unknown> {
    let unknown = || Unknown::Resource(resource.to_owned());
    let (kind, _, account, rest) = arn(resource).ok_or_else(unknown)?;
    match (kind, account, rest.split_once(':')) {
        ("lambda", _, Some(("function", name))) if !name.is_empty() => Ok(Target::Function),
        ("states", account, Some(("activity", name))) if !account.is_empty() && !name.is_empty() => {
            Ok(Target::Activity)
        }
        ("states", "", Some(("aws-sdk", rest))) => sdk(rest).ok_or_else(unknown)?,
        ("states", "", Some((service, action))) => optimized(service, action),
        _ => Err(unknown()),
    }
}

/// The optimized integration of that service name.
pub fn service(name: &str) -> Option<&'static Integration> {
    INTEGRATIONS.iter().find(|integration| integration.service == name)
}

/// Service, region, account and the rest of an ARN.
fn arn(text: &str) -> Option<(&str, &str, &str, &str)> {
    let mut parts = text.splitn(6, ':');
    let (prefix, partition) = (parts.next()?, parts.next()?);
    let is_arn = prefix == "arn" && (partition == "aws" || partition.starts_with("aws-"));
    is_arn.then_some((parts.next()?, parts.next()?, parts.next()?, parts.next()?))
}

fn optimized<'a>(name: &str, rest: &str) -> Result<Target<'a>, Unknown> {
    let integration = service(name).ok_or_else(|| Unknown::Service(name.to_owned()))?;
    let (plain, suffix) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
    let action = integration
        .action(plain)
        .ok_or_else(|| Unknown::Action { service: name.to_owned(), action: plain.to_owned() })?;
    match Pattern::split(rest).filter(|(_, pattern)| action.patterns.contains(pattern)) {
        Some((_, pattern)) => Ok(Target::Optimized { integration, action, pattern }),
        None => Err(no_pattern(name, plain, suffix)),
    }
}

/// `None` when it is not `<service>:<action>`.
fn sdk(rest: &str) -> Option<Result<Target<'_>, Unknown>> {
    let (service, rest) = rest.split_once(':')?;
    let (plain, suffix) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
    if service.is_empty() || plain.is_empty() || plain.contains(':') {
        return None;
    }
    let is_supported = |pattern: &Pattern| match pattern {
        Pattern::RequestResponse | Pattern::WaitForTaskToken => true,
        Pattern::Sync | Pattern::Sync2 => false,
    };
    let pattern = Pattern::split(rest).map(|(_, pattern)| pattern).filter(is_supported);
    Some(match pattern {
        Some(pattern) => Ok(Target::Sdk { service, action: plain, pattern }),
        None => Err(no_pattern(service, plain, suffix)),
    })
}

fn no_pattern(service: &str, action: &str, suffix: &str) -> Unknown {
    Unknown::Pattern { service: service.to_owned(), action: action.to_owned(), suffix: suffix.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(resource: &str) -> String {
        match find(resource) {
            Ok(Target::Function) => "function".to_owned(),
            Ok(Target::Activity) => "activity".to_owned(),
            Ok(Target::Optimized { integration, action, pattern }) => {
                format!("optimized {} {} {pattern:?}", integration.service, action.name)
            }
            Ok(Target::Sdk { service, action, pattern }) => format!("sdk {service} {action} {pattern:?}"),
            Err(unknown) => unknown.to_string(),
        }
    }

    #[test]
    fn every_kind_of_resource_is_read() {
        for (resource, meaning) in [
            ("arn:aws:lambda:us-east-1:111111111111:function:f:live", "function"),
            ("arn:aws:states:us-east-1:111111111111:activity:a", "activity"),
            ("arn:aws:states:::lambda:invoke", "optimized lambda invoke RequestResponse"),
            ("arn:aws-cn:states:::states:startExecution.sync:2", "optimized states startExecution Sync2"),
            (
                "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                "optimized sqs sendMessage WaitForTaskToken",
            ),
            ("arn:aws:states:::http:invoke", "optimized http invoke RequestResponse"),
            ("arn:aws:states:::aws-sdk:sfn:describeExecution", "sdk sfn describeExecution RequestResponse"),
            (
                "arn:aws:states:::aws-sdk:s3:listBuckets.waitForTaskToken",
                "sdk s3 listBuckets WaitForTaskToken",
            ),
        ] {
            assert_eq!(read(resource), meaning, "{resource}");
        }
    }

    #[test]
    fn what_is_unknown_is_named() {
        for (resource, meaning) in [
            ("arn:aws:states:::dynamodb:query", "the optimized integration `dynamodb` has no action `query`"),
            ("arn:aws:states:::kinesis:putRecord", "there is no optimized integration `kinesis`"),
            ("arn:aws:states:::sqs:sendMessage.sync", "`sqs:sendMessage` does not support `.sync`"),
            ("arn:aws:states:::sqs:sendMessage.later", "`sqs:sendMessage` does not support `.later`"),
            ("arn:aws:states:::aws-sdk:s3:getObject.sync", "`s3:getObject` does not support `.sync`"),
            ("arn:aws:states:::aws-sdk:s3", "resource `arn:aws:states:::aws-sdk:s3` is neither"),
            ("arn:aws:states:us-east-1:111111111111:stateMachine:m", "resource `arn:aws:states:us-east-1"),
            ("arn:aws:states:::lambda", "resource `arn:aws:states:::lambda` is neither"),
            ("say hello", "resource `say hello` is neither"),
            ("", "resource `` is neither"),
        ] {
            let answer = read(resource);
            assert!(answer.starts_with(meaning), "{resource}: {answer}");
        }
    }

    #[test]
    fn the_table_is_sorted_and_every_action_answers_plainly() {
        assert!(INTEGRATIONS.is_sorted_by(|a, b| a.service < b.service));
        for integration in INTEGRATIONS {
            assert!(integration.actions.is_sorted_by(|a, b| a.name < b.name), "{}", integration.service);
            for action in integration.actions {
                assert!(action.patterns.contains(&Pattern::RequestResponse), "{}", action.name);
            }
        }
    }
}
