//! Actions on versions of machines.

use serde_json::{Value, json};
use shipway_engine::Qualifier;

use super::{
    Api, arn,
    fault::{Fault, of_machine},
    page::{self, Page},
    seconds,
    validate::Request,
};

/// `PublishStateMachineVersion`
pub async fn publish(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("stateMachineArn");
    let name = arn::plain_machine(&api.engine, arn)?;
    let (revision_id, description) = (request.text("revisionId"), request.text("description"));
    let version = api.engine.publish_version(&name, revision_id, description).await;
    let version = version.map_err(of_machine(arn))?;
    Ok(json!({
        "stateMachineVersionArn": format!("{arn}:{}", version.number),
        "creationDate": seconds(version.created_at),
    }))
}

/// `ListStateMachineVersions`
pub async fn list(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("stateMachineArn");
    let name = arn::plain_machine(&api.engine, arn)?;
    let page = Page::of("ListStateMachineVersions", &request)?;
    let machine = api.engine.find_machine(&name).await.map_err(of_machine(arn))?;
    let newest_first = machine.versions.iter().rev();
    let (versions, next) = page::slice(&page, newest_first, |version| version.number.to_string());
    let items = versions.into_iter().map(|version| {
        json!({
            "stateMachineVersionArn": format!("{arn}:{}", version.number),
            "creationDate": seconds(version.created_at),
        })
    });
    Ok(page.answer("stateMachineVersions", items, next))
}

/// `DeleteStateMachineVersion`
pub async fn delete(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("stateMachineVersionArn");
    let machine = arn::machine(&api.engine, arn)?;
    let Some(Qualifier::Version(number)) = machine.qualifier else {
        return Err(Fault::validation(format!("{arn} is not the ARN of a state machine version")));
    };
    api.engine.delete_version(&machine.name, number).await.map_err(of_machine(arn))?;
    Ok(json!({}))
}
