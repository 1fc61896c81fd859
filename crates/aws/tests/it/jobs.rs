//! Jobs from their start to their end, against a double of their services.

use std::sync::Arc;

use serde_json::{Value, json};
use shipway_aws::tasks::{Settings, Tasks};
use shipway_engine::{Task, TaskFailure, TaskHandler as _, clock::Clock as _};

use crate::{
    double::{Answer, Double, ok, task},
    support::{Calls, Still, client},
};

fn refused(code: &str) -> Answer {
    (400, "Content-Type: application/json", json!({"__type": code, "message": "m"}).to_string())
}

fn tasks(double: &Double, clock: &Arc<Still>) -> Tasks {
    Tasks::new(&client(&double.url, &Arc::new(Calls::default()), clock.clone()), Settings::default())
}

/// Starts a job and waits for its end.
async fn whole(task: &Task, double: &Double) -> Result<Value, TaskFailure> {
    let tasks = tasks(double, &Still::new());
    let submitted = tasks.run(task.clone()).await?;
    tasks.finish(task.clone(), submitted).await
}

/// A resource, its parameters, the answers in their order, the calls, and the result.
type Case = (&'static str, Value, Vec<Value>, &'static [&'static str], Value);

fn cases() -> Vec<Case> {
    vec![
        (
            "batch:submitJob.sync",
            json!({"JobName": "j", "JobQueue": "q", "JobDefinition": "d"}),
            vec![
                json!({"jobId": "1", "jobName": "j"}),
                json!({"jobs": [{"jobId": "1", "status": "RUNNABLE"}]}),
                json!({"jobs": [{"jobId": "1", "status": "SUCCEEDED", "createdAt": 5, "container": {"exitCode": 0}}]}),
            ],
            &["POST /v1/submitjob", "POST /v1/describejobs", "POST /v1/describejobs"],
            json!({"JobId": "1", "Status": "SUCCEEDED", "CreatedAt": 5, "Container": {"ExitCode": 0}}),
        ),
        (
            "glue:startJobRun.sync",
            json!({"JobName": "j"}),
            vec![
                json!({"JobRunId": "r"}),
                json!({"JobRun": {"Id": "r", "JobRunState": "SUCCEEDED", "StartedOn": 1.5}}),
            ],
            &["StartJobRun", "GetJobRun"],
            json!({"Id": "r", "JobRunState": "SUCCEEDED", "StartedOn": 1500}),
        ),
        (
            "ecs:runTask.sync",
            json!({"TaskDefinition": "d"}),
            vec![
                json!({"tasks": [{"taskArn": "t", "clusterArn": "c"}], "failures": []}),
                json!({"tasks": [{"lastStatus": "PENDING"}]}),
                json!({"tasks": [{"lastStatus": "STOPPED", "containers": [{"exitCode": 0}]}]}),
            ],
            &["RunTask", "DescribeTasks", "DescribeTasks"],
            json!({"LastStatus": "STOPPED", "Containers": [{"ExitCode": 0}]}),
        ),
        (
            "codebuild:startBuild.sync",
            json!({"ProjectName": "p"}),
            vec![
                json!({"build": {"id": "p:1", "buildStatus": "IN_PROGRESS"}}),
                json!({"builds": [{"id": "p:1", "buildStatus": "SUCCEEDED"}]}),
            ],
            &["StartBuild", "BatchGetBuilds"],
            json!({"Build": {"Id": "p:1", "BuildStatus": "SUCCEEDED"}}),
        ),
        (
            "sagemaker:createTrainingJob.sync",
            json!({"TrainingJobName": "t", "OutputDataConfig": {"S3OutputPath": "s3://b/o"}, "RoleArn": "r"}),
            vec![
                json!({"TrainingJobArn": "a"}),
                json!({"TrainingJobName": "t", "TrainingJobStatus": "Completed"}),
            ],
            &["CreateTrainingJob", "DescribeTrainingJob"],
            json!({"TrainingJobName": "t", "TrainingJobStatus": "Completed"}),
        ),
        (
            "elasticmapreduce:createCluster.sync",
            json!({"Name": "c", "Instances": {}}),
            vec![
                json!({"JobFlowId": "j-1", "ClusterArn": "a"}),
                json!({"Cluster": {"Id": "j-1", "Status": {"State": "STARTING"}}}),
                json!({"Cluster": {"Id": "j-1", "Status": {"State": "WAITING"}}}),
            ],
            &["RunJobFlow", "DescribeCluster", "DescribeCluster"],
            json!({"Cluster": {"Id": "j-1", "Status": {"State": "WAITING"}}, "ClusterArn": "a", "ClusterId": "j-1"}),
        ),
        (
            "elasticmapreduce:addStep.sync",
            json!({"ClusterId": "j-1", "Step": {"Name": "s", "HadoopJarStep": {"Jar": "command-runner.jar"}}}),
            vec![
                json!({"StepIds": ["s-1"]}),
                json!({"Step": {"Id": "s-1", "Status": {"State": "COMPLETED"}}}),
            ],
            &["AddJobFlowSteps", "DescribeStep"],
            json!({"Step": {"Id": "s-1", "Status": {"State": "COMPLETED"}}}),
        ),
        (
            "emr-serverless:startJobRun.sync",
            json!({"ApplicationId": "a", "ExecutionRoleArn": "r", "ClientToken": "t"}),
            vec![
                json!({"applicationId": "a", "jobRunId": "1", "arn": "x"}),
                json!({"jobRun": {"jobRunId": "1", "state": "SUCCESS"}}),
            ],
            &["POST /applications/a/jobruns", "GET /applications/a/jobruns/1"],
            json!({"JobRun": {"JobRunId": "1", "State": "SUCCESS"}}),
        ),
        (
            "athena:startQueryExecution.sync",
            json!({"QueryString": "SELECT 1"}),
            vec![
                json!({"QueryExecutionId": "q"}),
                json!({"QueryExecution": {"QueryExecutionId": "q", "Status": {"State": "SUCCEEDED"}}}),
            ],
            &["StartQueryExecution", "GetQueryExecution"],
            json!({"QueryExecution": {"QueryExecutionId": "q", "Status": {"State": "SUCCEEDED"}}}),
        ),
    ]
}

#[tokio::test]
async fn jobs_are_started_once_and_waited_for() {
    for (resource, parameters, answers, calls, expected) in cases() {
        let double = Double::of(answers.iter().map(ok).collect()).await;
        let result = whole(&task(resource, parameters), &double).await;
        assert_eq!(result, Ok(expected), "{resource}");
        assert_eq!(double.actions(), calls, "{resource}");
    }
}

#[tokio::test]
async fn a_job_that_fails_fails_the_task_with_all_that_is_known_of_it() {
    let run = json!({"Id": "r", "JobRunState": "FAILED", "ErrorMessage": "no"});
    let double = Double::of(vec![ok(&json!({"JobRunId": "r"})), ok(&json!({"JobRun": run}))]).await;
    let failure = whole(&task("glue:startJobRun.sync", json!({"JobName": "j"})), &double).await.unwrap_err();
    assert_eq!(failure.error, "States.TaskFailed");
    assert_eq!(serde_json::from_str::<Value>(&failure.cause).unwrap(), run);
}

#[tokio::test]
async fn a_start_that_started_nothing_says_why() {
    let failures = json!({"tasks": [], "failures": [{"reason": "RESOURCE:CPU"}]});
    let double = Double::of(vec![ok(&failures)]).await;
    let failure =
        whole(&task("ecs:runTask.sync", json!({"TaskDefinition": "d"})), &double).await.unwrap_err();
    assert_eq!(failure.error, "States.TaskFailed");
    assert_eq!(failure.cause, r#"{"Failures":[{"Reason":"RESOURCE:CPU"}],"Tasks":[]}"#);
}

#[tokio::test]
async fn a_job_that_cannot_be_started_has_the_services_error() {
    let double = Double::of(vec![refused("EntityNotFoundException")]).await;
    let failure = whole(&task("glue:startJobRun.sync", json!({"JobName": "j"})), &double).await.unwrap_err();
    assert_eq!(failure.error, "Glue.EntityNotFoundException");
}

#[tokio::test]
async fn what_is_deleted_is_gone_when_nobody_knows_it() {
    let cluster = json!({"cluster": {"name": "c", "status": "DELETING"}});
    let gone = (404, "x-amzn-errortype: ResourceNotFoundException", json!({"message": "no"}).to_string());
    let double = Double::of(vec![ok(&cluster), ok(&cluster), gone]).await;
    let result = whole(&task("eks:deleteCluster.sync", json!({"Name": "c"})), &double).await;
    assert_eq!(result, Ok(json!({"Cluster": {"Name": "c", "Status": "DELETING"}})));
}

#[tokio::test]
async fn looks_that_fail_are_repeated_less_and_less_often() {
    let busy = || (503, "x: y", String::new());
    let pending = || ok(&json!({"JobRun": {"JobRunState": "RUNNING"}}));
    let mut answers =
        vec![refused("EntityNotFoundException"), busy(), busy(), busy(), busy(), busy(), busy()];
    answers.extend((0..40).map(|_| pending()));
    answers.push(ok(&json!({"JobRun": {"JobRunState": "SUCCEEDED"}})));
    let (double, clock) = (Double::of(answers).await, Still::new());
    let begin = clock.now();
    let task = task("glue:startJobRun.sync", json!({"JobName": "j"}));
    let result = tasks(&double, &clock).finish(task, json!({"JobRunId": "r"})).await;
    assert_eq!(result, Ok(json!({"JobRunState": "SUCCEEDED"})));
    let seconds = clock.now().millis_since(begin) / 1000;
    assert!((700..760).contains(&seconds), "47 waits, the last ones of 20 s: {seconds} s");
}

#[tokio::test]
async fn a_job_that_stays_unknown_fails_the_task() {
    let double = Double::of(vec![refused("EntityNotFoundException"); 5]).await;
    let task = task("glue:startJobRun.sync", json!({"JobName": "j"}));
    let result = tasks(&double, &Still::new()).finish(task, json!({"JobRunId": "r"})).await;
    assert_eq!(result.unwrap_err().error, "Glue.EntityNotFoundException");
}

#[tokio::test]
async fn a_job_that_nobody_waits_for_is_stopped_but_not_when_the_engine_stops() {
    for (is_postponed, calls) in [(false, vec!["POST /v1/terminatejob".to_owned()]), (true, vec![])] {
        let double = Double::of(vec![ok(&json!({}))]).await;
        let task = task("batch:submitJob.sync", json!({}));
        task.cancel.cancel();
        if is_postponed {
            task.stop.cancel();
        }
        let result = tasks(&double, &Still::new()).finish(task, json!({"JobId": "1"})).await;
        assert!(result.is_err());
        assert_eq!(double.actions(), calls);
        if let [request] = double.requests().as_slice() {
            assert_eq!(request.json()["jobId"], "1");
        }
    }
}

#[tokio::test]
async fn the_same_task_gives_the_same_token_with_every_start() {
    let double =
        Double::of(vec![ok(&json!({"QueryExecutionId": "q"})), ok(&json!({"QueryExecutionId": "q"}))]).await;
    let task = task("athena:startQueryExecution", json!({"QueryString": "SELECT 1"}));
    for _ in 0..2 {
        tasks(&double, &Still::new()).run(task.clone()).await.unwrap();
    }
    let tokens: Vec<Value> =
        double.requests().iter().map(|it| it.json()["ClientRequestToken"].clone()).collect();
    assert!(
        tokens[0].as_str().is_some_and(|token| token.len() == 36) && tokens[0] == tokens[1],
        "{tokens:?}"
    );
}

#[tokio::test]
async fn clusters_are_changed_by_the_names_of_their_parts() {
    let double = Double::of(vec![
        ok(&json!({"InstanceFleets": [{"Id": "if-0", "Name": "other"}], "Marker": "m"})),
        ok(&json!({"InstanceFleets": [{"Id": "if-1", "Name": "core"}]})),
        ok(&json!({})),
        ok(&json!({"InstanceGroups": [{"Id": "ig-1", "Name": "core"}]})),
        ok(&json!({})),
        ok(&json!({})),
        ok(&json!({"InstanceGroups": []})),
    ])
    .await;
    let tasks = tasks(&double, &Still::new());
    for (action, parameters) in [
        (
            "modifyInstanceFleetByName",
            json!({"InstanceFleetName": "core", "InstanceFleet": {"TargetOnDemandCapacity": 2}}),
        ),
        (
            "modifyInstanceGroupByName",
            json!({"InstanceGroupName": "core", "InstanceGroup": {"InstanceCount": 3}}),
        ),
        ("setClusterTerminationProtection", json!({"TerminationProtected": true})),
    ] {
        let mut parameters = parameters;
        parameters["ClusterId"] = json!("j-1");
        tasks.run(task(&format!("elasticmapreduce:{action}"), parameters)).await.unwrap();
    }
    let sent: Vec<(String, Value)> = double.requests().iter().map(|it| (it.action(), it.json())).collect();
    assert_eq!(sent[1].1, json!({"ClusterId": "j-1", "Marker": "m"}));
    let fleet = json!({"ClusterId": "j-1", "InstanceFleet": {"TargetOnDemandCapacity": 2, "InstanceFleetId": "if-1"}});
    assert_eq!(sent[2], ("ModifyInstanceFleet".to_owned(), fleet));
    let groups =
        json!({"ClusterId": "j-1", "InstanceGroups": [{"InstanceCount": 3, "InstanceGroupId": "ig-1"}]});
    assert_eq!(sent[4], ("ModifyInstanceGroups".to_owned(), groups));
    let protection = json!({"TerminationProtected": true, "JobFlowIds": ["j-1"]});
    assert_eq!(sent[5], ("SetTerminationProtection".to_owned(), protection));
    let none = json!({"ClusterId": "j-1", "InstanceGroupName": "none", "InstanceGroup": {}});
    let failure = tasks.run(task("elasticmapreduce:modifyInstanceGroupByName", none)).await.unwrap_err();
    assert!(failure.cause.contains("none"), "{failure}");
}
