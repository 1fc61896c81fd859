//! Which shape the result of a Task has: that of the operation it calls, or of the one that a `.sync` task polls.

use shipway_asl::integration::{self, Pattern, Target};

use crate::models::{Operation, Service, Shape};

/// What a mocked result is held to.
pub(super) struct Model {
    /// The operation's output.
    pub(super) shape: Shape<'static>,
    /// Members of it that hold any JSON, because Step Functions has parsed them.
    pub(super) parsed: &'static [&'static str],
}

/// Optimized integrations whose service is called otherwise among the models, or has none there.
const SERVICES: &[(&str, Option<&str>)] = &[
    ("apigateway", None),
    ("elasticmapreduce", Some("emr")),
    ("emr-containers", Some("emrcontainers")),
    ("emr-serverless", Some("emrserverless")),
    ("events", Some("eventbridge")),
    ("http", None),
    ("states", Some("sfn")),
];

/// What a `.sync` task gives is what it polls for: service and action, and the operation that is polled.
const POLLED: &[(&str, &str, &str)] = &[
    ("athena", "startQueryExecution", "GetQueryExecution"),
    ("batch", "submitJob", "DescribeJobs"),
    ("bedrock", "createModelCustomizationJob", "GetModelCustomizationJob"),
    ("codebuild", "retryBuildBatch", "BatchGetBuildBatches"),
    ("codebuild", "startBuild", "BatchGetBuilds"),
    ("codebuild", "startBuildBatch", "BatchGetBuildBatches"),
    ("databrew", "startJobRun", "DescribeJobRun"),
    ("ecs", "runTask", "DescribeTasks"),
    ("eks", "createCluster", "DescribeCluster"),
    ("eks", "createFargateProfile", "DescribeFargateProfile"),
    ("eks", "createNodegroup", "DescribeNodegroup"),
    ("eks", "deleteCluster", "DescribeCluster"),
    ("eks", "deleteFargateProfile", "DescribeFargateProfile"),
    ("eks", "deleteNodegroup", "DescribeNodegroup"),
    ("elasticmapreduce", "addStep", "DescribeStep"),
    ("elasticmapreduce", "createCluster", "DescribeCluster"),
    ("elasticmapreduce", "terminateCluster", "DescribeCluster"),
    ("emr-containers", "deleteVirtualCluster", "DescribeVirtualCluster"),
    ("emr-containers", "startJobRun", "DescribeJobRun"),
    ("emr-serverless", "cancelJobRun", "GetJobRun"),
    ("emr-serverless", "createApplication", "GetApplication"),
    ("emr-serverless", "deleteApplication", "GetApplication"),
    ("emr-serverless", "startApplication", "GetApplication"),
    ("emr-serverless", "startJobRun", "GetJobRun"),
    ("emr-serverless", "stopApplication", "GetApplication"),
    ("glue", "startJobRun", "GetJobRun"),
    ("mediaconvert", "createJob", "GetJob"),
    ("sagemaker", "createHyperParameterTuningJob", "DescribeHyperParameterTuningJob"),
    ("sagemaker", "createLabelingJob", "DescribeLabelingJob"),
    ("sagemaker", "createProcessingJob", "DescribeProcessingJob"),
    ("sagemaker", "createTrainingJob", "DescribeTrainingJob"),
    ("sagemaker", "createTransformJob", "DescribeTransformJob"),
    ("states", "startExecution", "DescribeExecution"),
];

/// Members that `startExecution.sync:2` gives as JSON and not as a text.
const PARSED: &[&str] = &["Input", "Output"];

/// The model of what a resource gives, if it has one.
pub(super) fn of(resource: &str) -> Option<Model> {
    match integration::find(resource).ok()? {
        Target::Function | Target::Activity => None,
        // WHY: who sends the token back sends any JSON.
        target if target.pattern() == Pattern::WaitForTaskToken => None,
        Target::Sdk { service, action, .. } => answer(service, action, &[]),
        Target::Optimized { integration, action, pattern } => {
            optimized(integration.service, action.name, pattern)
        }
    }
}

fn optimized(name: &str, action: &str, pattern: Pattern) -> Option<Model> {
    let known = SERVICES.iter().find(|(known, _)| *known == name);
    let service = known.map_or(Some(name), |(_, service)| *service)?;
    match pattern {
        Pattern::RequestResponse | Pattern::WaitForTaskToken => answer(service, action, &[]),
        Pattern::Sync | Pattern::Sync2 => {
            let polled = POLLED.iter().find(|(known, job, _)| *known == name && *job == action)?.2;
            answer(service, polled, if pattern == Pattern::Sync2 { PARSED } else { &[] })
        }
    }
}

/// `None` as well for actions that only Step Functions has, such as `eks:call`.
fn answer(service: &str, action: &str, parsed: &'static [&'static str]) -> Option<Model> {
    let operation: Operation<'static> = Service::load(service).ok()?.operation(action).ok()?;
    operation.output().map(|shape| Model { shape, parsed })
}

#[cfg(test)]
mod tests {
    use shipway_asl::integration::INTEGRATIONS;

    use super::*;

    #[test]
    fn every_job_that_is_waited_for_is_polled_by_a_known_operation() {
        let own = [("eks", "runJob")];
        for integration in INTEGRATIONS {
            for action in integration.actions.iter().filter(|action| action.patterns.contains(&Pattern::Sync))
            {
                let name = (integration.service, action.name);
                let model = optimized(name.0, name.1, Pattern::Sync);
                assert_eq!(model.is_none(), own.contains(&name), "{name:?}");
            }
        }
    }

    #[test]
    fn only_what_step_functions_made_up_has_no_model() {
        let mut without = Vec::new();
        for integration in INTEGRATIONS {
            for action in integration.actions {
                if optimized(integration.service, action.name, Pattern::RequestResponse).is_none() {
                    without.push(format!("{}:{}", integration.service, action.name));
                }
            }
        }
        let expected = [
            "apigateway:invoke",
            "bedrock:invokeModel",
            "eks:call",
            "eks:runJob",
            "elasticmapreduce:addStep",
            "elasticmapreduce:cancelStep",
            "elasticmapreduce:createCluster",
            "elasticmapreduce:modifyInstanceFleetByName",
            "elasticmapreduce:modifyInstanceGroupByName",
            "elasticmapreduce:setClusterTerminationProtection",
            "elasticmapreduce:terminateCluster",
            "http:invoke",
        ];
        assert_eq!(without, expected);
    }
}
