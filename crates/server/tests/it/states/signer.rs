//! Signs calls as AWS describes it, written apart from what checks them.

use axum::body::Body;
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use sha2::{Digest, Sha256};

/// Who signs, when and for where.
#[derive(Clone)]
pub struct Signer {
    pub id: String,
    pub secret: String,
    pub date: String,
    pub region: String,
    pub host: String,
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

impl Signer {
    /// A signed call; `invocation` tells it from others of the same second.
    pub fn call(&self, action: &str, body: &str, invocation: &str) -> Request<Body> {
        let (date, host) = (&self.date, &self.host);
        let names = "amz-sdk-invocation-id;content-type;host;x-amz-date;x-amz-target";
        let kind = "application/x-amz-json-1.0";
        let target = format!("AWSStepFunctions.{action}");
        let canonical = format!(
            "POST\n/\n\namz-sdk-invocation-id:{invocation}\ncontent-type:{kind}\nhost:{host}\nx-amz-date:{date}\n\
             x-amz-target:{target}\n\n{names}\n{}",
            hex::encode(Sha256::digest(body))
        );
        let scope = [&date[..8], &self.region, "states", "aws4_request"];
        let text = format!(
            "AWS4-HMAC-SHA256\n{date}\n{}\n{}",
            scope.join("/"),
            hex::encode(Sha256::digest(canonical))
        );
        let first = format!("AWS4{}", self.secret).into_bytes();
        let key = scope.iter().fold(first, |key, part| mac(&key, part));
        let signature = hex::encode(mac(&key, &text));
        let credential = format!("{}/{}", self.id, scope.join("/"));
        Request::post("/")
            .header("host", host)
            .header("content-type", kind)
            .header("x-amz-date", date)
            .header("x-amz-target", target)
            .header("amz-sdk-invocation-id", invocation)
            .header(
                "authorization",
                format!(
                    "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
                ),
            )
            .body(Body::from(body.to_owned()))
            .unwrap()
    }
}
