//! The engine's port to buckets on S3: what distributed Maps read their items from and write their results to.
//! Does not know what is in an object.

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use shipway_asl::Timestamp;
use shipway_engine::{Buckets, bucket};

use crate::{
    client::{Client, Limits},
    task,
};

/// Buckets of S3, or of what answers like it.
pub struct S3Buckets {
    client: Client,
}

impl S3Buckets {
    /// Buckets where `client` calls. Reads and writes that fail are tried again as often as `client` does.
    pub fn new(client: &Client) -> Self {
        let limits = Limits { answer_bytes_max: bucket::READ_BYTES_MAX, ..Limits::default() };
        Self { client: client.with_limits(limits) }
    }

    async fn call(&self, action: &str, input: &Value) -> Result<Map<String, Value>, bucket::Error> {
        match self.client.call("s3", action, input).await {
            Ok(answer) => Ok(answer.output.as_object().cloned().unwrap_or_default()),
            Err(error) => Err(bucket::Error(task::of_sdk(&error).cause)),
        }
    }
}

#[async_trait]
impl Buckets for S3Buckets {
    async fn get(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Vec<u8>, bucket::Error> {
        let input = json!({"Bucket": bucket, "Key": key, "VersionId": version});
        let mut output = self.call("GetObject", &input).await?;
        let Some(Value::String(body)) = output.shift_remove("Body") else { return Ok(Vec::new()) };
        let read = tokio::task::spawn_blocking(move || STANDARD.decode(body)).await;
        let unreadable = || bucket::Error(format!("The object {key} cannot be read."));
        read.ok().and_then(Result::ok).ok_or_else(unreadable)
    }

    async fn list(
        &self,
        bucket: &str,
        prefix: &str,
        token: Option<&str>,
    ) -> Result<bucket::Page, bucket::Error> {
        let input = json!({"Bucket": bucket, "Prefix": prefix, "ContinuationToken": token,
            "MaxKeys": bucket::LISTED_MAX});
        let output = self.call("ListObjectsV2", &input).await?;
        let objects = output.get("Contents").and_then(Value::as_array).into_iter().flatten();
        let next = output.get("NextContinuationToken").and_then(Value::as_str).map(str::to_owned);
        Ok(bucket::Page { objects: objects.map(listed).collect(), next })
    }

    async fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), bucket::Error> {
        if bytes.len() > bucket::WRITE_BYTES_MAX {
            let most = bucket::WRITE_BYTES_MAX;
            return Err(bucket::Error(format!("The object {key} has more than {most} bytes.")));
        }
        let input = json!({"Bucket": bucket, "Key": key, "Body": STANDARD.encode(bytes)});
        self.call("PutObject", &input).await.map(drop)
    }
}

fn listed(object: &Value) -> bucket::Listed {
    let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned).unwrap_or_default();
    let modified = Timestamp::parse(&text("LastModified")).map_or(0, |time| time.0.div_euclid(1000));
    bucket::Listed {
        key: text("Key"),
        size: object.get("Size").and_then(Value::as_u64).unwrap_or_default(),
        etag: text("ETag"),
        modified,
        storage_class: text("StorageClass"),
    }
}
