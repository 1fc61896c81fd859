//! What the API can do with functions.

use ::http::Method;
use serde_json::Value;
use shipway_control::{function::FunctionStatus, host::LogPage};
use shipway_server::wire::{
    AllFunctions, FunctionRequest, InvokeAnswer, InvokeRequest, RemoveRequest, RenewRequest,
};

use super::{
    Api, Error, encode,
    http::{call, json},
    read,
};

impl Api {
    /// Registers a function.
    pub async fn register_function(
        &self,
        name: &str,
        request: &FunctionRequest,
    ) -> Result<FunctionStatus, Error> {
        read(&self.send(Method::PUT, &path(name, ""), json(request)?, &[]).await?)
    }

    /// Puts the end of a function's lease off.
    pub async fn renew_function(&self, name: &str, revision: &str) -> Result<FunctionStatus, Error> {
        self.post(&path(name, "/renew"), &RenewRequest { revision: revision.to_owned() }).await
    }

    /// Functions.
    pub async fn functions(&self) -> Result<AllFunctions, Error> {
        self.get("/v1/functions").await
    }

    /// One function.
    pub async fn function(&self, name: &str) -> Result<FunctionStatus, Error> {
        self.get(&path(name, "")).await
    }

    /// Forgets a function.
    pub async fn remove_function(
        &self,
        name: &str,
        request: &RemoveRequest,
    ) -> Result<FunctionStatus, Error> {
        self.post(&path(name, "/delete"), request).await
    }

    /// Calls a function and waits, as long as it takes.
    pub async fn invoke_function(&self, name: &str, payload: Value) -> Result<InvokeAnswer, Error> {
        let content = call(&InvokeRequest { payload })?;
        read(&self.send(Method::POST, &path(name, "/invoke"), content, &[]).await?)
    }

    /// Lines that a function wrote.
    pub async fn function_logs(&self, name: &str, lines: u32, after: Option<&str>) -> Result<LogPage, Error> {
        let after = after.map(|after| format!("&after={}", encode(after))).unwrap_or_default();
        self.get(&format!("{}?lines={lines}{after}", path(name, "/logs"))).await
    }
}

fn path(name: &str, verb: &str) -> String {
    format!("/v1/functions/{}{verb}", encode(name))
}
