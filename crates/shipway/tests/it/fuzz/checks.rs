//! The oracle of sense: what a call has done is seen by the calls after it. Looks through the API only.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::run::Player;

/// What cannot change any more, as it was seen: descriptions of executions that have ended.
#[derive(Default)]
pub struct Settled(BTreeMap<String, Value>);

type Outcome = Result<(), String>;

/// Looks whether a call that was answered so did what it should have done.
pub async fn check(player: &mut Player, action: &str, request: &Value, answer: &Value) -> Outcome {
    match action {
        "CreateStateMachine" => created_machine(player, request, answer).await,
        "UpdateStateMachine" => updated_machine(player, request, answer).await,
        "DeleteStateMachine" => deleted_machine(player, request).await,
        "CreateActivity" => created_activity(player, request, answer).await,
        "DeleteActivity" => {
            gone(
                player,
                "DescribeActivity",
                json!({"activityArn": request["activityArn"]}),
                "ActivityDoesNotExist",
            )
            .await
        }
        "StartExecution" => started(player, request, answer).await,
        "StopExecution" => {
            let arn = request["executionArn"].clone();
            let found = player.good("DescribeExecution", json!({"executionArn": arn})).await?;
            that(found["status"] != "RUNNING", "what was stopped does not run")
        }
        "DescribeExecution" => settled(player, request, answer),
        "GetExecutionHistory" => history(player, request).await,
        "TagResource" => tagged(player, request).await,
        "UntagResource" => untagged(player, request).await,
        "PublishStateMachineVersion" => published(player, request, answer).await,
        "CreateStateMachineAlias" => {
            let arn = answer["stateMachineAliasArn"].clone();
            let found =
                player.good("DescribeStateMachineAlias", json!({"stateMachineAliasArn": arn})).await?;
            same(&routes(&found), &routes(request), "the alias's routes")
        }
        "DeleteStateMachineAlias" => {
            let arn = request["stateMachineAliasArn"].clone();
            gone(
                player,
                "DescribeStateMachineAlias",
                json!({"stateMachineAliasArn": arn}),
                "ResourceNotFound",
            )
            .await
        }
        "UpdateMapRun" => updated_map_run(player, request).await,
        _ if action.starts_with("List") => listed(player, action, request, answer).await,
        _ => Ok(()),
    }
}

/// The routes of an alias; members that nobody knows are passed over.
fn routes(of: &Value) -> Value {
    let routes = of["routingConfiguration"].as_array().into_iter().flatten();
    routes.map(|route| json!([route["stateMachineVersionArn"], route["weight"]])).collect()
}

fn that(holds: bool, claim: &str) -> Outcome {
    if holds { Ok(()) } else { Err(format!("it does not hold that {claim}")) }
}

fn same(found: &Value, wanted: &Value, what: &str) -> Outcome {
    if found == wanted { Ok(()) } else { Err(format!("{what}: {found} instead of {wanted}")) }
}

async fn gone(player: &mut Player, action: &str, request: Value, code: &str) -> Outcome {
    let (status, answer) = player.call(action, &request).await?;
    let is_gone = status == 400 && answer["__type"] == code;
    let is_going = action == "DescribeStateMachine" && answer["status"] == "DELETING";
    that(is_gone || is_going, &format!("what was deleted is gone: {answer}"))
}

async fn created_machine(player: &mut Player, request: &Value, answer: &Value) -> Outcome {
    let arn = answer["stateMachineArn"].clone();
    let found = player.good("DescribeStateMachine", json!({"stateMachineArn": arn})).await?;
    same(&found["name"], &request["name"], "the name")?;
    same(&found["creationDate"], &answer["creationDate"], "the date")?;
    same(&found["definition"], &request["definition"], "the definition")?;
    same(
        &found["type"],
        request.get("type").filter(|kind| !kind.is_null()).unwrap_or(&json!("STANDARD")),
        "the type",
    )?;
    let again = player.good("CreateStateMachine", request.clone()).await?;
    same(&again, answer, "the same call again")?;
    let all = player.all("ListStateMachines", json!({}), "stateMachines").await?;
    let count = all.iter().filter(|one| one["stateMachineArn"] == arn).count();
    that(count == 1, "a machine is listed once")
}

async fn updated_machine(player: &mut Player, request: &Value, answer: &Value) -> Outcome {
    let arn = request["stateMachineArn"].clone();
    let found = player.good("DescribeStateMachine", json!({"stateMachineArn": arn})).await?;
    for name in ["definition", "roleArn"] {
        if let Some(given) = request.get(name).filter(|given| !given.is_null()) {
            same(&found[name], given, name)?;
        }
    }
    same(&found["revisionId"], &answer["revisionId"], "the revision")
}

async fn deleted_machine(player: &mut Player, request: &Value) -> Outcome {
    let arn = request["stateMachineArn"].as_str().unwrap_or_default();
    if arn.split(':').count() != 7 || arn.contains('/') {
        return Ok(());
    }
    let describe = json!({"stateMachineArn": arn});
    gone(player, "DescribeStateMachine", describe, "StateMachineDoesNotExist").await?;
    let (status, answer) = player.call("StartExecution", &json!({"stateMachineArn": arn})).await?;
    let is_refused =
        ["StateMachineDoesNotExist", "StateMachineDeleting"].iter().any(|code| answer["__type"] == *code);
    that(status == 400 && is_refused, "nothing is started of a deleted machine")
}

async fn created_activity(player: &mut Player, request: &Value, answer: &Value) -> Outcome {
    let arn = answer["activityArn"].clone();
    let found = player.good("DescribeActivity", json!({"activityArn": arn})).await?;
    same(&found["name"], &request["name"], "the name")?;
    let again = player.good("CreateActivity", request.clone()).await?;
    same(&again, answer, "the same call again")?;
    let all = player.all("ListActivities", json!({}), "activities").await?;
    that(all.iter().filter(|one| one["activityArn"] == arn).count() == 1, "an activity is listed once")
}

async fn started(player: &mut Player, request: &Value, answer: &Value) -> Outcome {
    let arn = answer["executionArn"].as_str().unwrap_or_default();
    if arn.contains(":express:") {
        return Ok(());
    }
    let found = player.good("DescribeExecution", json!({"executionArn": arn})).await?;
    same(&found["startDate"], &answer["startDate"], "the date")?;
    let given = request["input"].as_str().unwrap_or("{}");
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    that(read(found["input"].as_str().unwrap_or_default()) == read(given), "the input is what was given")?;
    if let Some(name) = request["name"].as_str() {
        same(&found["name"], &json!(name), "the name")?;
        let (status, again) = player.call("StartExecution", request).await?;
        match (status, again["__type"].as_str()) {
            (200, _) => same(&again, answer, "the same start again")?,
            (400, Some("ExecutionAlreadyExists")) => {}
            _ => return Err(format!("the same start again: {again}")),
        }
    }
    let machine = json!({"stateMachineArn": found["stateMachineArn"]});
    let all = player.all("ListExecutions", machine, "executions").await?;
    that(all.iter().filter(|one| one["executionArn"] == arn).count() == 1, "an execution is listed once")
}

fn settled(player: &mut Player, request: &Value, answer: &Value) -> Outcome {
    if answer["status"] == "RUNNING" || request["includedData"] == "METADATA_ONLY" {
        return Ok(());
    }
    let arn = answer["executionArn"].as_str().unwrap_or_default();
    let redriven = |seen: &Value| seen["redriveCount"] != answer["redriveCount"];
    let seen = player.settled.0.get(arn).filter(|seen| !redriven(seen)).cloned();
    match seen {
        // WHY: whether it can be taken up again changes with its age and its machine.
        Some(mut seen) => {
            for name in ["redriveStatus", "redriveStatusReason"] {
                seen[name] = answer[name].clone();
            }
            let mut answer = answer.clone();
            for name in ["redriveStatus", "redriveStatusReason"] {
                answer[name] = seen[name].clone();
            }
            same(&answer, &seen, "what has ended stays as it is")
        }
        None => {
            player.settled.0.insert(arn.to_owned(), answer.clone());
            Ok(())
        }
    }
}

async fn history(player: &mut Player, request: &Value) -> Outcome {
    let arn = request["executionArn"].clone();
    let found = player.good("DescribeExecution", json!({"executionArn": arn})).await?;
    if found["status"] == "RUNNING" {
        return Ok(());
    }
    let sized =
        |size: u64, reverse: bool| json!({"executionArn": arn, "maxResults": size, "reverseOrder": reverse});
    let mut forwards = player.all("GetExecutionHistory", sized(7, false), "events").await?;
    let backwards = player.all("GetExecutionHistory", sized(4, true), "events").await?;
    let ids: Vec<u64> = forwards.iter().filter_map(|event| event["id"].as_u64()).collect();
    let wanted: Vec<u64> = (1..=forwards.len() as u64).collect();
    that(ids == wanted, &format!("events are numbered without gaps: {ids:?}"))?;
    same(&forwards[0]["type"], &json!("ExecutionStarted"), "the first event")?;
    let last = forwards.last().map_or("", |event| event["type"].as_str().unwrap_or_default()).to_owned();
    that(
        ["ExecutionSucceeded", "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut"]
            .contains(&last.as_str()),
        &format!("the last event is the end: {last}"),
    )?;
    forwards.reverse();
    that(forwards == backwards, "a history reads the same from both ends")
}

async fn tagged(player: &mut Player, request: &Value) -> Outcome {
    let tags = player.good("ListTagsForResource", json!({"resourceArn": request["resourceArn"]})).await?;
    let tags = tags["tags"].as_array().cloned().unwrap_or_default();
    let given = request["tags"].as_array().cloned().unwrap_or_default();
    // WHY: of two values of one key the later one stays.
    let is_last = |at: usize| given[at + 1..].iter().all(|later| later["key"] != given[at]["key"]);
    let found = |tag: &Value| {
        tags.iter().any(|one| {
            one["key"] == tag["key"]
                && one["value"].as_str().unwrap_or("") == tag["value"].as_str().unwrap_or("")
        })
    };
    let missing = (0..given.len()).find(|at| is_last(*at) && !found(&given[*at]));
    that(missing.is_none(), &format!("tags that were set are there: {tags:?}"))
}

async fn untagged(player: &mut Player, request: &Value) -> Outcome {
    let tags = player.good("ListTagsForResource", json!({"resourceArn": request["resourceArn"]})).await?;
    let keys = request["tagKeys"].as_array().cloned().unwrap_or_default();
    let left = tags["tags"].as_array().cloned().unwrap_or_default();
    that(!left.iter().any(|tag| keys.contains(&tag["key"])), "tags that were taken are gone")
}

async fn published(player: &mut Player, request: &Value, answer: &Value) -> Outcome {
    let machine = json!({"stateMachineArn": request["stateMachineArn"]});
    let all = player.all("ListStateMachineVersions", machine, "stateMachineVersions").await?;
    let is_there = all.iter().any(|one| one["stateMachineVersionArn"] == answer["stateMachineVersionArn"]);
    that(is_there, "a version that was published is listed")
}

async fn updated_map_run(player: &mut Player, request: &Value) -> Outcome {
    let found = player.good("DescribeMapRun", json!({"mapRunArn": request["mapRunArn"]})).await?;
    match request["maxConcurrency"].as_u64().filter(|most| *most < 1_000_000) {
        Some(most) => same(&found["maxConcurrency"], &json!(most), "the concurrency"),
        None => Ok(()),
    }
}

/// A list is as long as was asked for, and its pages follow each other without repeating anything.
async fn listed(player: &mut Player, action: &str, request: &Value, answer: &Value) -> Outcome {
    let most = request["maxResults"].as_u64().filter(|most| *most > 0).unwrap_or(1_000);
    let Some(items) = answer.as_object().and_then(|answer| answer.values().find_map(Value::as_array)) else {
        return Ok(());
    };
    that(items.len() as u64 <= most, "a page is no longer than was asked for")?;
    let Some(token) = answer.get("nextToken") else { return Ok(()) };
    that(!items.is_empty(), "a page that has a next one is not empty")?;
    let mut next = request.clone();
    next["nextToken"] = token.clone();
    let following = player.good(action, next).await?;
    let following =
        following.as_object().and_then(|answer| answer.values().find_map(Value::as_array)).cloned();
    let following = following.unwrap_or_default();
    that(!following.iter().any(|item| items.contains(item)), "pages do not repeat anything")?;
    let other = if action == "ListActivities" { "ListStateMachines" } else { "ListActivities" };
    let (status, refused) = player.call(other, &json!({"nextToken": token})).await?;
    that(status == 400 && refused["__type"] == "InvalidToken", "a token is good for its own call only")
}
