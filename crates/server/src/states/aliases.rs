//! Actions on aliases of machines, and what makes a routing configuration well formed.

use serde_json::{Map, Value, json};
use shipway_engine::{
    Qualifier,
    machines::{Alias, AliasChange, Error, Route},
};

use super::{
    Api, arn,
    fault::{Fault, of_machine},
    page::{self, Page},
    seconds,
    validate::Request,
};

/// `CreateStateMachineAlias`
pub async fn create(api: &Api, request: Request) -> Result<Value, Fault> {
    let name = request.needed("name");
    check_name(name)?;
    let (machine, routes) = routes_of(api, request.list("routingConfiguration"))?;
    let arn = api.engine.machine_arn(&machine);
    let alias = api.engine.create_alias(&machine, name, request.text("description"), &routes).await;
    let alias = alias.map_err(of_alias(&arn))?;
    Ok(json!({"stateMachineAliasArn": format!("{arn}:{name}"), "creationDate": seconds(alias.created_at)}))
}

/// `UpdateStateMachineAlias`
pub async fn update(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("stateMachineAliasArn");
    let (machine, name) = alias_of(api, arn)?;
    let routes = request.get("routingConfiguration").and_then(Value::as_array);
    let routes = routes.map(|given| routes_of(api, given)).transpose()?;
    if routes.as_ref().is_some_and(|(other, _)| *other != machine) {
        return Err(Fault::validation(
            "Routing configuration must contain versions of the alias's state machine",
        ));
    }
    let change =
        AliasChange { description: request.owned("description"), routes: routes.map(|(_, routes)| routes) };
    if change.description.is_none() && change.routes.is_none() {
        return Err(Fault::validation("Must specify at least one of description or routingConfiguration"));
    }
    let alias = api.engine.update_alias(&machine, &name, &change).await.map_err(of_alias(arn))?;
    Ok(json!({"updateDate": seconds(alias.updated_at)}))
}

/// `DeleteStateMachineAlias`
pub async fn delete(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("stateMachineAliasArn");
    let (machine, name) = alias_of(api, arn)?;
    api.engine.delete_alias(&machine, &name).await.map_err(of_alias(arn))?;
    Ok(json!({}))
}

/// `DescribeStateMachineAlias`
pub async fn describe(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("stateMachineAliasArn");
    let (machine, name) = alias_of(api, arn)?;
    let found = api.engine.find_machine(&machine).await.map_err(of_alias(arn))?;
    let alias = found.alias(&name).ok_or_else(Fault::not_found)?;
    let machine_arn = api.engine.machine_arn(&machine);
    let routes = alias.routes.iter().map(|route| {
        json!({"stateMachineVersionArn": format!("{machine_arn}:{}", route.version), "weight": route.weight})
    });
    let mut answer = Map::new();
    answer.insert("stateMachineAliasArn".into(), arn.into());
    answer.insert("name".into(), alias.name.as_str().into());
    if let Some(description) = &alias.description {
        answer.insert("description".into(), description.as_str().into());
    }
    answer.insert("routingConfiguration".into(), routes.collect());
    answer.insert("creationDate".into(), seconds(alias.created_at));
    answer.insert("updateDate".into(), seconds(alias.updated_at));
    Ok(answer.into())
}

/// `ListStateMachineAliases`
pub async fn list(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("stateMachineArn");
    let named = arn::machine(&api.engine, arn)?;
    let page = Page::of("ListStateMachineAliases", &request)?;
    let machine = api.engine.find_machine(&named.name).await.map_err(of_machine(arn))?;
    let machine_arn = api.engine.machine_arn(&named.name);
    let leads_there = |alias: &&Alias| match named.qualifier {
        Some(Qualifier::Version(number)) => alias.routes.iter().any(|route| route.version == number),
        Some(Qualifier::Alias(_)) => false,
        None => true,
    };
    let aliases = machine.aliases.iter().filter(leads_there);
    let (aliases, next) = page::slice(&page, aliases, |alias| alias.name.clone());
    let items = aliases.into_iter().map(|alias| {
        json!({
            "stateMachineAliasArn": format!("{machine_arn}:{}", alias.name),
            "creationDate": seconds(alias.created_at),
        })
    });
    Ok(page.answer("stateMachineAliases", items, next))
}

/// To an action on an alias, a machine that is not there is a resource that is not there.
fn of_alias(arn: &str) -> impl Fn(Error) -> Fault {
    move |error| match error {
        Error::NoMachine(_) | Error::NotFound(_) => Fault::not_found(),
        other => of_machine(arn)(other),
    }
}

fn alias_of(api: &Api, arn: &str) -> Result<(String, String), Fault> {
    let machine = arn::machine(&api.engine, arn)?;
    match machine.qualifier {
        Some(Qualifier::Alias(name)) => Ok((machine.name, name)),
        _ => Err(Fault::validation(format!("{arn} is not the ARN of a state machine alias"))),
    }
}

/// 1 to 80 letters, digits, `_`, `-` and `.`, and not only digits: a number would be a version.
fn check_name(name: &str) -> Result<(), Fault> {
    let is_known = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let is_good = name.chars().all(is_known) && !name.chars().all(|c| c.is_ascii_digit());
    if is_good {
        return Ok(());
    }
    Err(Fault::validation(format!(
        "1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: Member must satisfy \
         regular expression pattern: ^(?=.*[a-zA-Z_\\-\\.])[a-zA-Z0-9_\\-\\.]+$"
    )))
}

/// The machine and its versions that a routing configuration leads to.
fn routes_of(api: &Api, given: &[Value]) -> Result<(String, Vec<Route>), Fault> {
    let arns: Vec<&str> =
        given.iter().filter_map(|route| route.get("stateMachineVersionArn")?.as_str()).collect();
    let received = arns.join(", ");
    let mut routes = Vec::with_capacity(given.len());
    let mut machines = Vec::with_capacity(given.len());
    for (route, arn) in given.iter().zip(&arns) {
        let machine = arn::machine(&api.engine, arn)?;
        let Some(Qualifier::Version(version)) = machine.qualifier else {
            return Err(Fault::validation(format!(
                "Routing configuration must contain state machine version ARNs. Received: [{received}]"
            )));
        };
        machines.push(machine.name);
        routes.push(Route { version, weight: route.get("weight").and_then(Value::as_u64).unwrap_or(0) });
    }
    check_routes(&routes, &received)?;
    machines.dedup();
    match machines.as_slice() {
        [machine] => Ok((machine.clone(), routes)),
        _ => Err(Fault::validation(format!(
            "Routing configuration must contain versions of one state machine. Received: [{received}]"
        ))),
    }
}

fn check_routes(routes: &[Route], received: &str) -> Result<(), Fault> {
    if let [one, other] = routes
        && one.version == other.version
    {
        return Err(Fault::validation(format!(
            "Routing configuration must contain distinct state machine version ARNs. Received: [{received}]"
        )));
    }
    let weights: Vec<String> = routes.iter().map(|route| route.weight.to_string()).collect();
    if routes.iter().map(|route| route.weight).sum::<u64>() != 100 {
        return Err(Fault::validation(format!(
            "Sum of routing configuration weights must equal 100. Received: [{}]",
            weights.join(", ")
        )));
    }
    Ok(())
}
