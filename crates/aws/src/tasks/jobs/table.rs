//! The jobs that `.sync` waits for, as data: how each is looked at, when it is over, what of it is the result, and how it
//! is stopped. Calls nobody.

/// Where an argument of a call comes from: a JSON pointer.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// Into the answer to the call that started the job, as the Task shows it.
    Answer(&'static str),
    /// Into the Task's parameters.
    Given(&'static str),
}

/// A call that tells of the job or stops it: its members as the API writes them. A single value for a list is its one item.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub action: &'static str,
    pub input: &'static [(&'static str, Source)],
}

/// What of the last answer is the Task's result.
#[derive(Clone, Copy, Debug)]
pub enum Shown {
    /// All of it.
    Whole,
    /// All of it, with what the start of the job answered.
    Joined,
    /// What is found there.
    Part(&'static str),
    /// What is found there, under a name.
    Named(&'static str, &'static str),
}

/// How a job's state says that it is over.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// States of success, and of failure.
    States(&'static [&'static str], &'static [&'static str]),
    /// Success is that the service does not know it any more; states of failure.
    Gone(&'static [&'static str]),
    /// The state of the end; then the exit codes of its containers decide.
    Containers(&'static str),
}

/// One kind of job.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// The integration, as resources write it.
    pub service: &'static str,
    /// Actions that start it.
    pub actions: &'static [&'static str],
    /// Looks at it.
    pub look: Call,
    /// Where its state stands in the answer.
    pub state: &'static str,
    pub end: End,
    pub shown: Shown,
    /// Ends it when nobody waits any more; none where that cannot be undone.
    pub stop: Option<Call>,
}

const fn call(action: &'static str, input: &'static [(&'static str, Source)]) -> Call {
    Call { action, input }
}

use End::{Containers, Gone, States};
use Shown::{Joined, Named, Part, Whole};
use Source::{Answer, Given};

/// A job of `SageMaker`: they differ in their names only.
macro_rules! sagemaker {
    ($name:literal) => {
        Job {
            service: "sagemaker",
            actions: &[concat!("create", $name)],
            look: call(
                concat!("Describe", $name),
                &[(concat!($name, "Name"), Given(concat!("/", $name, "Name")))],
            ),
            state: concat!("/", $name, "Status"),
            end: States(&["Completed"], &["Failed", "Stopped"]),
            shown: Whole,
            stop: Some(call(
                concat!("Stop", $name),
                &[(concat!($name, "Name"), Given(concat!("/", $name, "Name")))],
            )),
        }
    };
}

/// A part of an EKS cluster, or the cluster: it is made or it is deleted, and neither is undone.
macro_rules! eks {
    ($action:literal, $look:literal, $input:expr, $state:literal, $end:expr) => {
        Job {
            service: "eks",
            actions: &[$action],
            look: call($look, $input),
            state: $state,
            end: $end,
            shown: Whole,
            stop: None,
        }
    };
}

/// An application of EMR Serverless that is to come to a state.
macro_rules! application {
    ($action:literal, $id:expr, $done:expr, $failed:expr) => {
        Job {
            service: "emr-serverless",
            actions: &[$action],
            look: call("GetApplication", &[("applicationId", $id)]),
            state: "/Application/State",
            end: States($done, $failed),
            shown: Whole,
            stop: None,
        }
    };
}

const NODEGROUP: &[(&str, Source)] =
    &[("clusterName", Given("/ClusterName")), ("nodegroupName", Given("/NodegroupName"))];
const FARGATE: &[(&str, Source)] =
    &[("clusterName", Given("/ClusterName")), ("fargateProfileName", Given("/FargateProfileName"))];
const SERVERLESS_RUN: &[(&str, Source)] =
    &[("applicationId", Given("/ApplicationId")), ("jobRunId", Answer("/JobRunId"))];

/// Every job that a resource with `.sync` can start, but for executions of this engine and jobs of Kubernetes.
pub const JOBS: &[Job] = &[
    Job {
        service: "athena",
        actions: &["startQueryExecution"],
        look: call("GetQueryExecution", &[("QueryExecutionId", Answer("/QueryExecutionId"))]),
        state: "/QueryExecution/Status/State",
        end: States(&["SUCCEEDED"], &["FAILED", "CANCELLED"]),
        shown: Whole,
        stop: Some(call("StopQueryExecution", &[("QueryExecutionId", Answer("/QueryExecutionId"))])),
    },
    Job {
        service: "batch",
        actions: &["submitJob"],
        look: call("DescribeJobs", &[("jobs", Answer("/JobId"))]),
        state: "/Jobs/0/Status",
        end: States(&["SUCCEEDED"], &["FAILED"]),
        shown: Part("/Jobs/0"),
        stop: Some(call("TerminateJob", &[("jobId", Answer("/JobId"))])),
    },
    Job {
        service: "bedrock",
        actions: &["createModelCustomizationJob"],
        look: call("GetModelCustomizationJob", &[("jobIdentifier", Answer("/JobArn"))]),
        state: "/Status",
        end: States(&["Completed"], &["Failed", "Stopped"]),
        shown: Whole,
        stop: Some(call("StopModelCustomizationJob", &[("jobIdentifier", Answer("/JobArn"))])),
    },
    Job {
        service: "codebuild",
        actions: &["startBuild"],
        look: call("BatchGetBuilds", &[("ids", Answer("/Build/Id"))]),
        state: "/Builds/0/BuildStatus",
        end: States(&["SUCCEEDED"], &["FAILED", "FAULT", "TIMED_OUT", "STOPPED"]),
        shown: Named("Build", "/Builds/0"),
        stop: Some(call("StopBuild", &[("id", Answer("/Build/Id"))])),
    },
    Job {
        service: "codebuild",
        actions: &["retryBuildBatch", "startBuildBatch"],
        look: call("BatchGetBuildBatches", &[("ids", Answer("/BuildBatch/Id"))]),
        state: "/BuildBatches/0/BuildBatchStatus",
        end: States(&["SUCCEEDED"], &["FAILED", "FAULT", "TIMED_OUT", "STOPPED"]),
        shown: Named("BuildBatch", "/BuildBatches/0"),
        stop: Some(call("StopBuildBatch", &[("id", Answer("/BuildBatch/Id"))])),
    },
    Job {
        service: "databrew",
        actions: &["startJobRun"],
        look: call("DescribeJobRun", &[("Name", Given("/Name")), ("RunId", Answer("/RunId"))]),
        state: "/State",
        end: States(&["SUCCEEDED"], &["FAILED", "STOPPED", "TIMEOUT"]),
        shown: Whole,
        stop: Some(call("StopJobRun", &[("Name", Given("/Name")), ("RunId", Answer("/RunId"))])),
    },
    Job {
        service: "ecs",
        actions: &["runTask"],
        look: call(
            "DescribeTasks",
            &[("cluster", Answer("/Tasks/0/ClusterArn")), ("tasks", Answer("/Tasks/0/TaskArn"))],
        ),
        state: "/Tasks/0/LastStatus",
        end: Containers("STOPPED"),
        shown: Part("/Tasks/0"),
        stop: Some(call(
            "StopTask",
            &[("cluster", Answer("/Tasks/0/ClusterArn")), ("task", Answer("/Tasks/0/TaskArn"))],
        )),
    },
    eks!(
        "createCluster",
        "DescribeCluster",
        &[("name", Given("/Name"))],
        "/Cluster/Status",
        States(&["ACTIVE"], &["FAILED", "DELETING"])
    ),
    eks!(
        "createFargateProfile",
        "DescribeFargateProfile",
        FARGATE,
        "/FargateProfile/Status",
        States(&["ACTIVE"], &["CREATE_FAILED", "DELETING", "DELETE_FAILED"])
    ),
    eks!(
        "createNodegroup",
        "DescribeNodegroup",
        NODEGROUP,
        "/Nodegroup/Status",
        States(&["ACTIVE"], &["CREATE_FAILED", "DEGRADED", "DELETING", "DELETE_FAILED"])
    ),
    eks!(
        "deleteCluster",
        "DescribeCluster",
        &[("name", Given("/Name"))],
        "/Cluster/Status",
        Gone(&["FAILED"])
    ),
    eks!(
        "deleteFargateProfile",
        "DescribeFargateProfile",
        FARGATE,
        "/FargateProfile/Status",
        Gone(&["DELETE_FAILED"])
    ),
    eks!("deleteNodegroup", "DescribeNodegroup", NODEGROUP, "/Nodegroup/Status", Gone(&["DELETE_FAILED"])),
    Job {
        service: "elasticmapreduce",
        actions: &["addStep"],
        look: call("DescribeStep", &[("ClusterId", Given("/ClusterId")), ("StepId", Answer("/StepId"))]),
        state: "/Step/Status/State",
        end: States(&["COMPLETED"], &["FAILED", "CANCELLED", "INTERRUPTED"]),
        shown: Whole,
        stop: Some(call(
            "CancelSteps",
            &[("ClusterId", Given("/ClusterId")), ("StepIds", Answer("/StepId"))],
        )),
    },
    Job {
        service: "elasticmapreduce",
        actions: &["createCluster"],
        look: call("DescribeCluster", &[("ClusterId", Answer("/ClusterId"))]),
        state: "/Cluster/Status/State",
        end: States(&["WAITING", "TERMINATED"], &["TERMINATED_WITH_ERRORS"]),
        shown: Joined,
        stop: Some(call("TerminateJobFlows", &[("JobFlowIds", Answer("/ClusterId"))])),
    },
    Job {
        service: "elasticmapreduce",
        actions: &["terminateCluster"],
        look: call("DescribeCluster", &[("ClusterId", Given("/ClusterId"))]),
        state: "/Cluster/Status/State",
        end: States(&["TERMINATED", "TERMINATED_WITH_ERRORS"], &[]),
        shown: Whole,
        stop: None,
    },
    Job {
        service: "emr-containers",
        actions: &["deleteVirtualCluster"],
        look: call("DescribeVirtualCluster", &[("id", Answer("/Id"))]),
        state: "/VirtualCluster/State",
        end: States(&["TERMINATED"], &["ARRESTED"]),
        shown: Whole,
        stop: None,
    },
    Job {
        service: "emr-containers",
        actions: &["startJobRun"],
        look: call(
            "DescribeJobRun",
            &[("id", Answer("/Id")), ("virtualClusterId", Answer("/VirtualClusterId"))],
        ),
        state: "/JobRun/State",
        end: States(&["COMPLETED"], &["FAILED", "CANCELLED"]),
        shown: Whole,
        stop: Some(call(
            "CancelJobRun",
            &[("id", Answer("/Id")), ("virtualClusterId", Answer("/VirtualClusterId"))],
        )),
    },
    Job {
        service: "emr-serverless",
        actions: &["cancelJobRun"],
        look: call("GetJobRun", SERVERLESS_RUN),
        state: "/JobRun/State",
        end: States(&["CANCELLED", "SUCCESS"], &["FAILED"]),
        shown: Whole,
        stop: None,
    },
    application!("createApplication", Answer("/ApplicationId"), &["CREATED", "STARTED"], &["TERMINATED"]),
    application!("deleteApplication", Given("/ApplicationId"), &["TERMINATED"], &[]),
    application!("startApplication", Given("/ApplicationId"), &["STARTED"], &["STOPPED", "TERMINATED"]),
    Job {
        service: "emr-serverless",
        actions: &["startJobRun"],
        look: call("GetJobRun", SERVERLESS_RUN),
        state: "/JobRun/State",
        end: States(&["SUCCESS"], &["FAILED", "CANCELLED"]),
        shown: Whole,
        stop: Some(call("CancelJobRun", SERVERLESS_RUN)),
    },
    application!("stopApplication", Given("/ApplicationId"), &["STOPPED", "CREATED"], &["TERMINATED"]),
    Job {
        service: "glue",
        actions: &["startJobRun"],
        look: call("GetJobRun", &[("JobName", Given("/JobName")), ("RunId", Answer("/JobRunId"))]),
        state: "/JobRun/JobRunState",
        end: States(&["SUCCEEDED"], &["FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"]),
        shown: Part("/JobRun"),
        stop: Some(call(
            "BatchStopJobRun",
            &[("JobName", Given("/JobName")), ("JobRunIds", Answer("/JobRunId"))],
        )),
    },
    Job {
        service: "mediaconvert",
        actions: &["createJob"],
        look: call("GetJob", &[("Id", Answer("/Job/Id"))]),
        state: "/Job/Status",
        end: States(&["COMPLETE"], &["ERROR", "CANCELED"]),
        shown: Whole,
        stop: Some(call("CancelJob", &[("Id", Answer("/Job/Id"))])),
    },
    sagemaker!("HyperParameterTuningJob"),
    sagemaker!("LabelingJob"),
    sagemaker!("ProcessingJob"),
    sagemaker!("TrainingJob"),
    sagemaker!("TransformJob"),
];

/// The job that an action of an integration starts.
pub fn find(service: &str, action: &str) -> Option<&'static Job> {
    JOBS.iter().find(|job| job.service == service && job.actions.contains(&action))
}
