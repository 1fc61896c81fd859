//! Tags of machines and activities.

use serde_json::{Value, json};
use shipway_engine::{activities, machines, machines::Tags};

use super::{
    Api,
    arn::{self, Tagged, no_resource},
    fault::{Fault, of_activity, of_machine},
    validate::Request,
};

/// `TagResource`
pub async fn tag(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("resourceArn");
    let tags = of(request.list("tags"));
    match arn::tagged(&api.engine, arn)? {
        Tagged::Machine(name) => api.engine.tag_machine(&name, &tags).await.map_err(machine_fault(arn))?,
        Tagged::Activity(name) => api.engine.tag_activity(name, &tags).await.map_err(activity_fault(arn))?,
    }
    Ok(json!({}))
}

/// `UntagResource`
pub async fn untag(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("resourceArn");
    let keys: Vec<String> =
        request.list("tagKeys").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    match arn::tagged(&api.engine, arn)? {
        Tagged::Machine(name) => api.engine.untag_machine(&name, &keys).await.map_err(machine_fault(arn))?,
        Tagged::Activity(name) => {
            api.engine.untag_activity(name, &keys).await.map_err(activity_fault(arn))?
        }
    }
    Ok(json!({}))
}

/// `ListTagsForResource`
pub async fn list(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("resourceArn");
    let tags = match arn::tagged(&api.engine, arn)? {
        Tagged::Machine(name) => api.engine.find_machine(&name).await.map_err(machine_fault(arn))?.tags,
        Tagged::Activity(name) => api.engine.activity(name).await.map_err(activity_fault(arn))?.tags,
    };
    let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    Ok(json!({"tags": tags}))
}

/// Tags as they were given; of a key that comes twice, the last one.
pub fn of(given: &[Value]) -> Tags {
    let text = |tag: &Value, name: &str| tag.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut tags = Tags::new();
    machines::add_tags(&mut tags, &given.iter().map(|tag| (text(tag, "key"), text(tag, "value"))).collect());
    tags
}

fn machine_fault(arn: &str) -> impl Fn(machines::Error) -> Fault {
    move |error| match error {
        machines::Error::NoMachine(_) => no_resource(arn),
        other => of_machine(arn)(other),
    }
}

fn activity_fault(arn: &str) -> impl Fn(activities::Error) -> Fault {
    move |error| match error {
        activities::Error::NoActivity(_) => no_resource(arn),
        other => of_activity(arn)(other),
    }
}
