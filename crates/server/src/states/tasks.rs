//! Answers to tasks by their tokens.

use serde_json::{Value, json};
use shipway_asl::json as json_text;
use shipway_engine::tokens::Answer;

use super::{
    Api,
    fault::{Fault, of_token},
    validate::Request,
};

/// `SendTaskSuccess`
pub async fn success(api: &Api, request: Request) -> Result<Value, Fault> {
    let text = request.needed("output");
    let output = serde_json::from_str(text).map_err(|error| {
        let why = json_text::first_error(text).map_or_else(|| error.to_string(), |found| found.message);
        Fault::new("InvalidOutput", format!("Invalid Output: '{why}'"))
    })?;
    send(api, &request, Answer::Success(output)).await
}

/// `SendTaskFailure`
pub async fn failure(api: &Api, request: Request) -> Result<Value, Fault> {
    let answer = Answer::Failure { error: request.owned("error"), cause: request.owned("cause") };
    send(api, &request, answer).await
}

/// `SendTaskHeartbeat`
pub async fn heartbeat(api: &Api, request: Request) -> Result<Value, Fault> {
    send(api, &request, Answer::Heartbeat).await
}

async fn send(api: &Api, request: &Request, answer: Answer) -> Result<Value, Fault> {
    api.engine.answer(request.needed("taskToken"), answer).await.map_err(of_token)?;
    Ok(json!({}))
}
