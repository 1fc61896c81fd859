//! The one client: any action of any AWS service, by the service's model. Signs, retries, limits and tells of every
//! call. Reads no environment and no clock of its own; addresses, region and limits are its configuration.

#![allow(
    clippy::result_large_err,
    reason = "a call takes milliseconds, and its error is data that callers read"
)]

mod credentials;
mod endpoint;
mod error;
pub(crate) mod guard;
mod http;
mod local;
mod observe;
mod pages;
mod retry;
mod session;
mod sign;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
pub use credentials::{DefaultChain, Fixed, NoCredentials, Provider};
use endpoint::Endpoint;
pub use error::{CallError, Class};
pub(crate) use http::Failure as NoReply;
pub use http::Limits;
use http::{Failure, Transport};
pub use local::Local;
pub use observe::{CallRecord, Observer, Unobserved};
pub use pages::Pages;
use serde_json::Value;
pub use session::{Role, Sessions};
use shipway_asl::Timestamp;
use shipway_engine::clock::Clock;

use crate::{
    models::{Operation, Service},
    protocol::{self, Reply, Request},
};

/// What may be waited for and taken in of an address that a user gives: Step Functions' limits for HTTP tasks.
const OTHERS: Limits = Limits {
    connect: Duration::from_secs(10),
    attempt: Duration::from_secs(60),
    answer_bytes_max: shipway_asl::limits::DATA_BYTES_MAX,
};

/// How a client calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Such as `eu-central-1`.
    pub region: String,
    /// Where all services are, if not where AWS has them.
    pub endpoint_url: Option<String>,
    /// Where single services are, by their name in `aws-sdk:<name>:`.
    pub endpoint_urls: BTreeMap<String, String>,
    /// How often a call is tried in all.
    pub attempts_max: u32,
    /// What may be waited for and taken in.
    pub limits: Limits,
}

impl Config {
    /// AWS's own addresses, three attempts and the usual limits.
    pub fn new(region: &str) -> Self {
        Self {
            region: region.to_owned(),
            endpoint_url: None,
            endpoint_urls: BTreeMap::new(),
            attempts_max: 3,
            limits: Limits::default(),
        }
    }
}

/// What a call gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The output in the API's shape; an object.
    pub output: Value,
    /// The service's id of the request.
    pub request_id: Option<String>,
    /// How often it was sent.
    pub attempts: u32,
    /// Such as 200.
    pub status: u16,
    /// Names in any case.
    pub headers: Vec<(String, String)>,
}

/// Calls AWS. Clones share connections and credentials.
#[derive(Clone)]
pub struct Client {
    config: Arc<Config>,
    credentials: Arc<credentials::Kept>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    transport: Transport,
    guarded: Transport,
    locals: Arc<BTreeMap<String, Arc<dyn Local>>>,
    token: Option<String>,
}

/// A client that cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("the client for AWS cannot be made: {0}")]
pub struct Unusable(String);

impl Client {
    /// A client that signs with what `credentials` gives.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(
        config: Config,
        credentials: Box<dyn Provider>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, Unusable> {
        let transport = Transport::new(config.limits).map_err(Unusable)?;
        let guarded = transport.guarded(OTHERS);
        let credentials = Arc::new(credentials::Kept::new(credentials));
        let (config, locals) = (Arc::new(config), Arc::default());
        Ok(Self { config, credentials, clock, observer, transport, guarded, locals, token: None })
    }

    /// The same client in another region.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        let config = Config { region: region.to_owned(), ..Config::clone(&self.config) };
        Self { config: Arc::new(config), ..self.clone() }
    }

    /// The same client with other credentials.
    #[must_use]
    pub fn with_credentials(&self, credentials: Box<dyn Provider>) -> Self {
        Self { credentials: Arc::new(credentials::Kept::new(credentials)), ..self.clone() }
    }

    /// The same client, told of to somebody else.
    #[must_use]
    pub fn observed_by(&self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self.clone() }
    }

    /// The same client with another number of attempts.
    #[must_use]
    pub fn with_attempts(&self, attempts_max: u32) -> Self {
        let config = Config { attempts_max, ..Config::clone(&self.config) };
        Self { config: Arc::new(config), ..self.clone() }
    }

    /// The same client with other limits, over the same connections.
    #[must_use]
    pub fn with_limits(&self, limits: Limits) -> Self {
        let config = Config { limits, ..Config::clone(&self.config) };
        Self { config: Arc::new(config), transport: self.transport.with_limits(limits), ..self.clone() }
    }

    /// The same client for one call that may be made again: services that take a token with it get this one.
    #[must_use]
    pub fn with_token(&self, token: String) -> Self {
        Self { token: Some(token), ..self.clone() }
    }

    /// The same client with a service in this process, by its name in `aws-sdk:<name>:`.
    #[must_use]
    pub fn with_local(&self, service: &str, local: Arc<dyn Local>) -> Self {
        let mut locals = BTreeMap::clone(&self.locals);
        locals.insert(service.to_owned(), local);
        Self { locals: Arc::new(locals), ..self.clone() }
    }

    /// The configured address of a service.
    pub(crate) fn address_of(&self, service: &str) -> Option<&str> {
        self.config.endpoint_urls.get(service).or(self.config.endpoint_url.as_ref()).map(String::as_str)
    }

    /// Says why there are no credentials, if there are none.
    pub(crate) async fn check_credentials(&self) -> Result<(), NoCredentials> {
        self.credentials.credentials(self.clock.as_ref()).await.map(drop)
    }

    /// One request to an address that a user gave: without a signature, and never to where machines get credentials.
    pub(crate) async fn fetch(
        &self,
        (method, url): (&str, &str),
        headers: &[(String, String)],
        body: Bytes,
    ) -> Result<Reply, NoReply> {
        guard::check(url).map_err(NoReply::Unwritable)?;
        self.guarded.send(method, url, headers, body).await
    }

    /// The headers that sign such a request for a service.
    pub(crate) async fn signature(
        &self,
        signing_name: &str,
        request: (&str, &str),
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<Vec<(String, String)>, String> {
        let credentials = self.credentials.credentials(self.clock.as_ref()).await;
        let credentials = credentials.map_err(|error| error.to_string())?;
        let endpoint = Endpoint::of_signature(signing_name, &self.config.region);
        let (endpoint, credentials) = (&endpoint, &credentials);
        let now = self.clock.now();
        let signable =
            sign::Signable { endpoint, credentials, now, is_payload_unsigned: false, is_s3: false };
        sign::headers(&signable, request, headers, body)
    }

    /// Where it calls.
    pub fn region(&self) -> &str {
        &self.config.region
    }

    /// Returns when that time has passed on the client's clock.
    pub(crate) async fn pause(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.clock.sleep_until(self.clock.now().plus_millis(millis)).await;
    }

    /// Calls an action with an input in the API's shape; `getObject` and `GetObject` are the same.
    ///
    /// A failure that may pass is tried again, with the same idempotency token.
    ///
    /// # Errors
    /// The last failure.
    pub async fn call(&self, service: &str, action: &str, input: &Value) -> Result<Answer, CallError> {
        let failed = |message: String| CallError::new(service, action, Class::Input, message);
        let found = Service::load(service).and_then(|service| service.operation(action));
        self.call_operation(found.map_err(|error| failed(error.to_string()))?, input).await
    }

    /// Calls an operation, which may be of a model that is not embedded.
    ///
    /// # Errors
    /// The last failure.
    pub async fn call_operation(&self, operation: Operation<'_>, input: &Value) -> Result<Answer, CallError> {
        let call = self.prepare(operation, input)?;
        let begin = self.clock.now();
        let (result, attempts) = call.run(self).await;
        self.record(&call, &result, attempts, begin);
        result.map_err(|error| CallError { attempts, ..error })
    }

    fn prepare<'a>(&self, operation: Operation<'a>, input: &Value) -> Result<Call<'a>, CallError> {
        let service = operation.service();
        let failed =
            |message: String| CallError::new(service.name(), operation.name(), Class::Input, message);
        let request =
            protocol::write(operation, input, &self.token()).map_err(|error| failed(error.to_string()))?;
        let (everywhere, by_service) = (self.config.endpoint_url.as_deref(), &self.config.endpoint_urls);
        let endpoint =
            endpoint::resolve(service, &self.config.region, everywhere, by_service).map_err(failed)?;
        let is_signed =
            matches!(service.metadata().signature_version.as_deref(), None | Some("v4" | "s3" | "s3v4"));
        if !is_signed && !operation.is_anonymous() {
            return Err(failed("the service is not called with keys".to_owned()));
        }
        if is_s3(operation)
            && input.get("Bucket").and_then(Value::as_str).is_some_and(|it| it.starts_with("arn:"))
        {
            return Err(failed("`Bucket` is an ARN, and must be a bucket's name".to_owned()));
        }
        Ok(Call::new(operation, endpoint, request, input))
    }

    /// The token that was given, or a random UUID, version 4.
    fn token(&self) -> String {
        if let Some(token) = &self.token {
            return token.clone();
        }
        let (high, low) = (self.clock.entropy(), self.clock.entropy());
        let (high, low) = (high & !0xF000 | 0x4000, low & !(0b11 << 62) | 0b10 << 62);
        let (a, b, c) = (high >> 32, high >> 16 & 0xFFFF, high & 0xFFFF);
        format!("{a:08x}-{b:04x}-{c:04x}-{:04x}-{:012x}", low >> 48, low & 0xFFFF_FFFF_FFFF)
    }

    fn record(&self, call: &Call<'_>, result: &Result<Answer, CallError>, attempts: u32, begin: Timestamp) {
        let error = result.as_ref().err();
        let request_id = match result {
            Ok(answer) => answer.request_id.clone(),
            Err(error) => error.request_id.clone(),
        };
        self.observer.called(&CallRecord {
            service: call.operation.service().name().to_owned(),
            action: call.operation.name().to_owned(),
            region: self.config.region.clone(),
            request_id,
            status: error.map_or(Some(200), |error| error.status),
            code: error.map(|error| error.code.clone()),
            attempts,
            duration: Duration::from_millis(self.clock.now().millis_since(begin)),
        });
    }
}

/// One call: the request is written once, and signed and sent as often as it takes.
struct Call<'a> {
    operation: Operation<'a>,
    endpoint: Endpoint,
    request: Request,
    body: Bytes,
}

impl<'a> Call<'a> {
    fn new(operation: Operation<'a>, mut endpoint: Endpoint, mut request: Request, input: &Value) -> Self {
        if !endpoint.is_override {
            let bucket = input.get("Bucket").and_then(Value::as_str).filter(|_| is_s3(operation));
            if let Some(bucket) = bucket.filter(|bucket| is_host_label(bucket)) {
                endpoint.authority = format!("{bucket}.{}", endpoint.authority);
                let rest = request.path.strip_prefix(&format!("/{bucket}")).map(str::to_owned);
                request.path = rest.unwrap_or(request.path);
            }
            endpoint.authority = format!("{}{}", request.host_prefix, endpoint.authority);
        }
        if !request.path.starts_with('/') {
            request.path.insert(0, '/');
        }
        let body = Bytes::from(std::mem::take(&mut request.body));
        Self { operation, endpoint, request, body }
    }

    async fn run(&self, client: &Client) -> (Result<Answer, CallError>, u32) {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let result = self.attempt(client, attempts).await;
            let Err(error) = &result else { return (result, attempts) };
            if is_key_ended(error) {
                client.credentials.forget().await;
            }
            let may_pass = error.class.is_transient() || is_key_ended(error);
            if !may_pass || attempts >= client.config.attempts_max {
                return (result, attempts);
            }
            let delay = retry::delay(error.class, attempts, client.clock.entropy());
            client.pause(delay).await;
        }
    }

    async fn attempt(&self, client: &Client, attempts: u32) -> Result<Answer, CallError> {
        let url = self.url();
        let sent = match client.locals.get(self.operation.service().name()) {
            Some(own) => {
                let request = (self.request.method.as_str(), url.as_str());
                local::ask(own.as_ref(), request, &self.request.headers, self.body.clone()).await
            }
            None => {
                let headers = self.headers(client, &url).await?;
                client.transport.send(&self.request.method, &url, &headers, self.body.clone()).await
            }
        };
        let reply = sent.map_err(|failure| {
            let class = match failure {
                Failure::NoAnswer(_) | Failure::TimedOut(_) => Class::Unreachable,
                Failure::TooLarge(_) => Class::Unreadable,
                Failure::Unwritable(_) => Class::Input,
            };
            self.failed(class, failure.to_string())
        })?;
        self.read(&reply, attempts)
    }

    fn read(&self, reply: &Reply, attempts: u32) -> Result<Answer, CallError> {
        let is_success = (200..300).contains(&reply.status);
        let is_hidden_error = is_success && protocol::is_hidden_error(self.operation, reply);
        if !is_success || is_hidden_error {
            let fault = protocol::read_error(self.operation, reply);
            // WHY: S3 answers a copy that failed late with a status of success.
            let status = if is_hidden_error { 500 } else { reply.status };
            let class = retry::class(status, &fault);
            let (service, action) = (self.operation.service().name(), self.operation.name());
            return Err(CallError::answered(service, action, reply.status, class, fault));
        }
        let output = protocol::read(self.operation, reply).map_err(|error| CallError {
            status: Some(reply.status),
            request_id: reply.request_id().map(str::to_owned),
            ..self.failed(Class::Unreadable, error.to_string())
        })?;
        Ok(Answer {
            output,
            request_id: reply.request_id().map(str::to_owned),
            attempts,
            status: reply.status,
            headers: reply.headers.clone(),
        })
    }

    fn url(&self) -> String {
        let Endpoint { scheme, authority, base_path, .. } = &self.endpoint;
        let encode = protocol::percent_encode;
        let pairs = self.request.query.iter().map(|(name, value)| match value {
            Some(value) => format!("{}={}", encode(name), encode(value)),
            None => encode(name),
        });
        let query: Vec<String> = pairs.collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{scheme}://{authority}{base_path}{}{mark}{}", self.request.path, query.join("&"))
    }

    async fn headers(&self, client: &Client, url: &str) -> Result<Vec<(String, String)>, CallError> {
        let mut headers = self.request.headers.clone();
        headers.push(("User-Agent".to_owned(), concat!("shipway/", env!("CARGO_PKG_VERSION")).to_owned()));
        if self.operation.is_anonymous() {
            return Ok(headers);
        }
        let credentials = client.credentials.credentials(client.clock.as_ref()).await;
        let credentials = credentials.map_err(|error| self.failed(Class::Credentials, error.to_string()))?;
        let signable = sign::Signable {
            endpoint: &self.endpoint,
            credentials: &credentials,
            now: client.clock.now(),
            is_payload_unsigned: self.operation.is_payload_unsigned(),
            is_s3: is_s3(self.operation) || self.endpoint.signing_name == "s3",
        };
        let signed = sign::headers(&signable, (&self.request.method, url), &headers, &self.body);
        headers.extend(signed.map_err(|error| self.failed(Class::Input, error))?);
        Ok(headers)
    }

    fn failed(&self, class: Class, message: String) -> CallError {
        CallError::new(self.operation.service().name(), self.operation.name(), class, message)
    }
}

fn is_s3(operation: Operation<'_>) -> bool {
    operation.service().name() == "s3"
}

/// Whether a bucket's name can stand in a host name that a certificate of AWS covers.
fn is_host_label(bucket: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (3..=63).contains(&bucket.len())
        && bucket.chars().all(is_plain)
        && !bucket.starts_with('-')
        && !bucket.ends_with('-')
}

/// Whether the service says that the credentials have ended, although they should hold.
fn is_key_ended(error: &CallError) -> bool {
    ["ExpiredToken", "ExpiredTokenException", "RequestExpired"].contains(&error.code.as_str())
}
