//! Actions on Map Runs.

use serde_json::Value;

use super::{
    Api, arn,
    fault::{Fault, of_engine},
    page::Page,
    validate::Request,
};

/// `DescribeMapRun`
pub async fn describe(_: &Api, _: Request) -> Result<Value, Fault> {
    Err(Fault::not_found())
}

/// `ListMapRuns`
pub async fn list(api: &Api, request: Request) -> Result<Value, Fault> {
    let arn = request.needed("executionArn");
    arn::execution(&api.engine, arn)?;
    let page = Page::of("ListMapRuns", &request)?;
    api.engine.row(arn).await.map_err(of_engine)?;
    Ok(page.answer("mapRuns", std::iter::empty(), None))
}

/// `UpdateMapRun`
pub async fn update(_: &Api, _: Request) -> Result<Value, Fault> {
    Err(Fault::not_found())
}
