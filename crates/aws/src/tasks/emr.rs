//! EMR clusters: the integration has actions of its own, with one cluster and one step where the API has lists.

use serde_json::{Map, Value, json};
use shipway_engine::Task;

use super::optimized;
use crate::{client::Client, task::Failure};

const SERVICE: &str = "elasticmapreduce";
/// Pages of instance fleets or groups that are looked through for a name.
const PAGES_MAX: usize = 20;

/// Does one Task.
pub(super) async fn run(client: &Client, action: &str, task: &Task) -> Result<Value, Failure> {
    let given = task.parameters.as_object().cloned().unwrap_or_default();
    let (action, parameters) = match action {
        "addStep" => {
            ("addJobFlowSteps", renamed(given, &[("ClusterId", "JobFlowId", false), ("Step", "Steps", true)]))
        }
        "cancelStep" => ("cancelSteps", renamed(given, &[("StepId", "StepIds", true)])),
        "createCluster" => ("runJobFlow", given),
        "setClusterTerminationProtection" => {
            ("setTerminationProtection", renamed(given, &[("ClusterId", "JobFlowIds", true)]))
        }
        "terminateCluster" => ("terminateJobFlows", renamed(given, &[("ClusterId", "JobFlowIds", true)])),
        "modifyInstanceFleetByName" => {
            let id = named(client, task, &FLEET).await?;
            ("modifyInstanceFleet", modified(given, &FLEET, id))
        }
        "modifyInstanceGroupByName" => {
            let id = named(client, task, &GROUP).await?;
            ("modifyInstanceGroups", modified(given, &GROUP, id))
        }
        other => (other, given),
    };
    let answer = call(client, action, parameters, task).await?;
    Ok(singular(answer))
}

async fn call(
    client: &Client,
    action: &str,
    parameters: Map<String, Value>,
    task: &Task,
) -> Result<Value, Failure> {
    let task = Task { parameters: Value::Object(parameters), ..task.clone() };
    optimized::run(client, SERVICE, action, &task).await
}

/// Parameters by the API's names; what the API takes a list of is its one item.
fn renamed(mut given: Map<String, Value>, names: &[(&str, &str, bool)]) -> Map<String, Value> {
    for (ours, apis, is_list) in names {
        if let Some(value) = given.shift_remove(*ours) {
            given.insert((*apis).to_owned(), if *is_list { json!([value]) } else { value });
        }
    }
    given
}

/// The answer by the integration's names.
fn singular(mut answer: Value) -> Value {
    let Some(members) = answer.as_object_mut() else { return answer };
    for (apis, ours) in
        [("JobFlowId", "ClusterId"), ("StepIds", "StepId"), ("CancelStepsInfoList", "CancelStepsInfo")]
    {
        let Some(value) = members.shift_remove(apis) else { continue };
        let value = match value {
            Value::Array(items) => items.into_iter().next().unwrap_or_default(),
            value => value,
        };
        members.insert(ours.to_owned(), value);
    }
    members.sort_keys();
    answer
}

/// What instances of a cluster are made of: fleets or groups.
struct Kind {
    /// The parameter that names one.
    name: &'static str,
    /// The parameter that holds what is changed.
    change: &'static str,
    list: &'static str,
    listed: &'static str,
    id: &'static str,
    /// The member of the change's call, and whether it is a list.
    changed: (&'static str, bool),
}

const FLEET: Kind = Kind {
    name: "InstanceFleetName",
    change: "InstanceFleet",
    list: "listInstanceFleets",
    listed: "InstanceFleets",
    id: "InstanceFleetId",
    changed: ("InstanceFleet", false),
};

const GROUP: Kind = Kind {
    name: "InstanceGroupName",
    change: "InstanceGroup",
    list: "listInstanceGroups",
    listed: "InstanceGroups",
    id: "InstanceGroupId",
    changed: ("InstanceGroups", true),
};

/// The id of the fleet or group that the parameters name.
async fn named(client: &Client, task: &Task, kind: &Kind) -> Result<Value, Failure> {
    let name = task.parameters.get(kind.name).cloned().unwrap_or_default();
    let mut input = Map::from_iter([(
        "ClusterId".to_owned(),
        task.parameters.get("ClusterId").cloned().unwrap_or_default(),
    )]);
    for _ in 0..PAGES_MAX {
        let page = call(client, kind.list, input.clone(), task).await?;
        let all = page.get(kind.listed).and_then(Value::as_array);
        let found = all.into_iter().flatten().find(|item| item.get("Name") == Some(&name));
        if let Some(id) = found.and_then(|item| item.get("Id")) {
            return Ok(id.clone());
        }
        match page.get("Marker").filter(|marker| !marker.is_null()) {
            Some(marker) => input.insert("Marker".to_owned(), marker.clone()),
            None => break,
        };
    }
    Err(Failure {
        error: "ElasticMapReduce.AmazonElasticMapReduceException".to_owned(),
        cause: format!("`{}`: the cluster has no {name}", kind.name),
    })
}

fn modified(mut given: Map<String, Value>, kind: &Kind, id: Value) -> Map<String, Value> {
    given.shift_remove(kind.name);
    let mut change = given.shift_remove(kind.change).unwrap_or_else(|| json!({}));
    if let Some(change) = change.as_object_mut() {
        change.insert(kind.id.to_owned(), id);
    }
    let (member, is_list) = kind.changed;
    given.insert(member.to_owned(), if is_list { json!([change]) } else { change });
    given
}
