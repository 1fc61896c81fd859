//! Actions on activities, and the long poll of their workers.

use serde_json::{Value, json};

use super::{
    Api, arn,
    fault::{Fault, of_activity},
    machines::{awss_own_key, encryption_of},
    page::{self, Page},
    seconds, tags,
    validate::Request,
};

/// How long a worker waits for a task, as AWS has it.
const POLL_MILLIS: u64 = 60_000;

/// `CreateActivity`
pub async fn create(api: &Api, request: Request) -> Result<Value, Fault> {
    let name = request.needed("name");
    let arn = api.engine.activity_arn(name);
    let encryption = encryption_of(request.get("encryptionConfiguration"))?;
    let activity = api.engine.create_activity(name, &encryption, &tags::of(request.list("tags"))).await;
    let activity = activity.map_err(of_activity(&arn))?;
    Ok(json!({"activityArn": arn, "creationDate": seconds(activity.created_at)}))
}

/// `DeleteActivity`
pub async fn delete(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("activityArn");
    let name = arn::activity(&api.engine, arn)?;
    api.engine.delete_activity(name).await.map_err(of_activity(arn))?;
    Ok(json!({}))
}

/// `DescribeActivity`
pub async fn describe(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("activityArn");
    let name = arn::activity(&api.engine, arn)?;
    let activity = api.engine.activity(name).await.map_err(of_activity(arn))?;
    let encryption = if activity.encryption.is_null() { awss_own_key() } else { activity.encryption.clone() };
    Ok(json!({
        "activityArn": arn,
        "name": name,
        "creationDate": seconds(activity.created_at),
        "encryptionConfiguration": encryption,
    }))
}

/// `ListActivities`
pub async fn list(api: &Api, request: Request) -> Result<Value, Fault> {
    let page = Page::of("ListActivities", &request)?;
    let fetch = |after: Option<String>, limit| async move {
        api.engine.activities(after.as_deref(), limit).await.map_err(of_activity(""))
    };
    let (activities, next) = page::read(&page, fetch, |(name, _)| name.clone()).await?;
    let items = activities.into_iter().map(|(name, activity)| {
        json!({
            "activityArn": api.engine.activity_arn(&name),
            "name": name,
            "creationDate": seconds(activity.created_at),
        })
    });
    Ok(page.answer("activities", items, next))
}

/// `GetActivityTask`
pub async fn task(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("activityArn");
    let name = arn::activity(&api.engine, arn)?;
    let deadline = api.engine.clock().now().plus_millis(POLL_MILLIS);
    let task = api.engine.activity_task(name, request.text("workerName"), deadline).await;
    Ok(match task.map_err(of_activity(arn))? {
        Some(task) => json!({"taskToken": task.token, "input": task.input.to_string()}),
        None => json!({}),
    })
}
