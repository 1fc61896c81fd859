//! The embedded models as they are written: what serde reads. Gives no meaning to it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::shape::Reference;

/// A whole service.
#[derive(Debug, Deserialize)]
pub(super) struct Model {
    pub(super) metadata: Metadata,
    pub(super) operations: BTreeMap<String, Operation>,
    pub(super) shapes: BTreeMap<String, Definition>,
}

/// How a service is reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The service's own name, such as `SFN`.
    pub service_id: String,
    /// The version of the API, a date.
    pub api_version: String,
    /// How requests and answers are written: what the service prefers.
    pub protocol: Protocol,
    /// All that it speaks, the preferred one first.
    #[serde(default)]
    pub protocols: Vec<Protocol>,
    /// What its host name starts with.
    pub endpoint_prefix: String,
    /// The host of a service that has one for all regions.
    pub global_endpoint: Option<String>,
    /// The name that requests are signed for, where it is not [`Metadata::endpoint_prefix`].
    pub signing_name: Option<String>,
    /// `1.0` or `1.1` in the protocol `json`.
    pub json_version: Option<String>,
    /// What `X-Amz-Target` starts with in the protocol `json`.
    pub target_prefix: Option<String>,
}

/// How requests and answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// JSON body, operation in a header.
    Json,
    /// JSON body, operation in method and path.
    RestJson,
    /// XML body, operation in method and path.
    RestXml,
    /// Form body, XML answer.
    Query,
    /// EC2's kind of [`Protocol::Query`].
    Ec2,
    /// CBOR body, operation in the path.
    #[serde(rename = "smithy-rpc-v2-cbor")]
    RpcV2Cbor,
}

/// Method and path of an operation.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Http {
    /// Such as `POST`.
    pub method: String,
    /// Such as `/2015-03-31/functions/{FunctionName}`.
    pub request_uri: String,
    /// The status of success, where it is not 200.
    pub response_code: Option<u16>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Operation {
    pub(super) http: Http,
    pub(super) input: Option<Reference>,
    pub(super) output: Option<Reference>,
    #[serde(default)]
    pub(super) errors: Vec<Reference>,
    #[serde(default, rename = "readonly")]
    pub(super) is_read_only: bool,
}

/// A shape.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Definition {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) members: BTreeMap<String, Reference>,
    #[serde(default)]
    pub(super) required: Vec<String>,
    pub(super) member: Option<Reference>,
    pub(super) key: Option<Reference>,
    pub(super) value: Option<Reference>,
    #[serde(default, rename = "enum")]
    pub(super) values: Vec<String>,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) payload: Option<String>,
    pub(super) timestamp_format: Option<String>,
    #[serde(default, rename = "document")]
    pub(super) is_document: bool,
    #[serde(default, rename = "sensitive")]
    pub(super) is_sensitive: bool,
    #[serde(default, rename = "flattened")]
    pub(super) is_flattened: bool,
}

impl Definition {
    /// Every shape that this one names.
    pub(super) fn references(&self) -> impl Iterator<Item = &Reference> {
        let of_elements = [&self.member, &self.key, &self.value];
        self.members.values().chain(of_elements.into_iter().flatten())
    }
}
