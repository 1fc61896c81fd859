//! The REST API: one slice of routes registers the handlers and writes the API document, so they cannot differ.

mod artifacts;
mod deployments;
mod events;
mod execution_logs;
mod functions;
mod keys;
mod openapi;
mod services;
mod system;

use axum::{
    Router, middleware,
    routing::{MethodRouter, get, head, post, put},
};
pub use events::{RECONNECT, answer, failure, last_event_id};
pub use openapi::document;

use crate::{Shared, guard::limit_time};

/// A route of the API.
pub struct Route {
    /// The method, in lower case as OpenAPI has it.
    pub method: &'static str,
    /// The path, with `{name}` for its parameters.
    pub path: &'static str,
    /// `operationId` of the document.
    pub operation: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// Parameters of the query and headers.
    pub parameters: &'static [Parameter],
    /// Schema of the JSON body; `binary` for bytes.
    pub body: Option<&'static str>,
    /// Status and schema of the answer that is no problem; `text` and `events` are media types of their own.
    pub answer: (u16, Option<&'static str>),
    /// How long it may take.
    pub pace: Pace,
    /// The handler.
    pub handler: fn() -> MethodRouter<Shared>,
}

/// How long a route may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// [`crate::guard::REQUEST_TIME_MAX`].
    Prompt,
    /// As long as bytes flow.
    Streaming,
}

/// A parameter of the query or a header.
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// `query` or `header`.
    pub place: &'static str,
    /// `string` or `integer`.
    pub kind: &'static str,
    /// Whether it must be there.
    pub is_required: bool,
    /// What it does.
    pub summary: &'static str,
}

const fn query(name: &'static str, kind: &'static str, summary: &'static str) -> Parameter {
    Parameter { name, place: "query", kind, is_required: false, summary }
}

const fn needed(name: &'static str, place: &'static str, summary: &'static str) -> Parameter {
    Parameter { name, place, kind: "string", is_required: true, summary }
}

const fn header(name: &'static str, kind: &'static str, summary: &'static str) -> Parameter {
    Parameter { name, place: "header", kind, is_required: false, summary }
}

const fn reads(
    path: &'static str,
    operation: &'static str,
    schema: &'static str,
    handler: fn() -> MethodRouter<Shared>,
    summary: &'static str,
    parameters: &'static [Parameter],
) -> Route {
    Route {
        method: "get",
        path,
        operation,
        summary,
        parameters,
        body: None,
        answer: (200, Some(schema)),
        pace: Pace::Prompt,
        handler,
    }
}

const fn changes(
    path: &'static str,
    operation: &'static str,
    body: &'static str,
    handler: fn() -> MethodRouter<Shared>,
    summary: &'static str,
    parameters: &'static [Parameter],
) -> Route {
    Route {
        method: "post",
        path,
        operation,
        summary,
        parameters,
        body: Some(body),
        answer: (202, Some("Deployment")),
        pace: Pace::Prompt,
        handler,
    }
}

const fn streams(mut route: Route) -> Route {
    route.pace = Pace::Streaming;
    route
}

const AFTER: Parameter = query("after", "string", "`next` of the page before");
const PROJECT: Parameter = needed("project", "query", "`name` or `org/name`");
const ENVIRONMENT: Parameter = needed("environment", "query", "such as `production`");

/// All routes of the API.
pub const ROUTES: &[Route] = &[
    Route {
        method: "put",
        path: "/v1/artifacts/{sha256}",
        operation: "putArtifact",
        summary: "Keeps an artifact of at most 2 GiB if it has the hash; does nothing if it is kept already.",
        parameters: &[],
        body: Some("binary"),
        answer: (200, Some("Artifact")),
        pace: Pace::Streaming,
        handler: || put(artifacts::put),
    },
    Route {
        method: "head",
        path: "/v1/artifacts/{sha256}",
        operation: "hasArtifact",
        summary: "Says whether the artifact is kept, whole: 200 or 404.",
        parameters: &[],
        body: None,
        answer: (200, None),
        pace: Pace::Prompt,
        handler: || head(artifacts::head),
    },
    changes(
        "/v1/deployments",
        "deploy",
        "DeployRequest",
        || post(deployments::create),
        "Accepts a deployment, or refuses it before anything is changed.",
        &[needed(
            "Idempotency-Key",
            "header",
            "the same key is the same deployment; 1 to 200 visible characters",
        )],
    ),
    reads(
        "/v1/deployments",
        "listDeployments",
        "Deployments",
        || get(deployments::list),
        "Deployments, newest first.",
        &[
            query("project", "string", "only this project"),
            query("environment", "string", "only this environment; needs `project`"),
            AFTER,
            query("limit", "integer", "1 to 500; 50 if not given"),
        ],
    ),
    reads(
        "/v1/deployments/{id}",
        "getDeployment",
        "Deployment",
        || get(deployments::show),
        "A deployment as it stands.",
        &[],
    ),
    reads(
        "/v1/deployments/{id}/steps",
        "getSteps",
        "Steps",
        || get(deployments::steps),
        "The way of a deployment, state by state.",
        &[],
    ),
    streams(reads(
        "/v1/deployments/{id}/events",
        "getEvents",
        "Events",
        || get(events::list),
        "Events of a deployment; with `Accept: text/event-stream` they are sent as they happen, out of the \
             durable history, up to `event: end`.",
        &[
            query("after", "integer", "only events with a higher id"),
            query("limit", "integer", "1 to 1,000; 500 if not given; not for streams"),
            header("Last-Event-ID", "integer", "as `after`, for streams; goes before it"),
        ],
    )),
    changes(
        "/v1/deployments/{id}/halt",
        "halt",
        "HaltRequest",
        || post(deployments::halt),
        "Asks a deployment to stop and clean up; answers at once.",
        &[],
    ),
    changes(
        "/v1/rollbacks",
        "rollback",
        "RollbackRequest",
        || post(deployments::rollback),
        "Deploys a kept release again; a deployment under way is halted instead.",
        &[],
    ),
    reads("/v1/services", "listServices", "Services", || get(services::list), "What runs where.", &[]),
    reads(
        "/v1/services/{project}/{environment}/{service}",
        "getService",
        "ServiceStatus",
        || get(services::show),
        "What runs for one service; `/` of a project is written `~`.",
        &[],
    ),
    reads(
        "/v1/services/{project}/{environment}/{service}/logs",
        "getLogs",
        "LogPage",
        || get(services::logs),
        "Lines that the service's processes wrote.",
        &[
            query("process", "integer", "only the process with this index"),
            query("lines", "integer", "the last so many lines, 1 to 10,000; 100 if not given"),
            query("after", "string", "lines after this `cursor`"),
            query("release", "string", "of this release; of the current one if not given"),
        ],
    ),
    reads(
        "/v1/machines/{name}/logs",
        "getExecutionLogs",
        "ExecutionLog",
        || get(execution_logs::show),
        "Lines that are logged of a machine's executions, by its `loggingConfiguration`.",
        &[
            query("execution", "string", "only the execution with this name"),
            query("level", "string", "only what this level logs: ALL, ERROR or FATAL"),
            query("lines", "integer", "the last so many lines, 1 to 10,000; 100 if not given"),
            query("after", "string", "lines after this `cursor`; there may be more than one answer has"),
        ],
    ),
    reads(
        "/v1/releases",
        "listReleases",
        "Releases",
        || get(services::releases),
        "Releases of an environment, newest first.",
        &[PROJECT, ENVIRONMENT],
    ),
    reads(
        "/v1/locks/{project}/{environment}",
        "getLock",
        "Lock",
        || get(services::lock),
        "The lock of an environment; a lock never taken is free with token 0.",
        &[],
    ),
    Route {
        answer: (200, Some("Lock")),
        ..changes(
            "/v1/locks/{project}/{environment}/break",
            "breakLock",
            "BreakRequest",
            || post(services::break_lock),
            "Frees the lock of a deployment that has ended; refused while it runs.",
            &[],
        )
    },
    reads(
        "/v1/keys",
        "listKeys",
        "AccessKeys",
        || get(keys::list),
        "Access keys, without their secrets; needs the token on the loopback too.",
        &[],
    ),
    Route {
        answer: (201, Some("NewAccessKey")),
        ..changes(
            "/v1/keys",
            "createKey",
            "KeyRequest",
            || post(keys::create),
            "Makes an access key for Step Functions calls; its secret is told this once.",
            &[],
        )
    },
    Route {
        answer: (200, Some("AccessKey")),
        ..changes(
            "/v1/keys/{id}/disable",
            "disableKey",
            "KeyRequest",
            || post(keys::disable),
            "Refuses what the key signs from now on, for ever; the key stays in the list.",
            &[],
        )
    },
    Route {
        answer: (200, Some("AccessKey")),
        ..changes(
            "/v1/keys/{id}/delete",
            "deleteKey",
            "KeyRequest",
            || post(keys::delete),
            "Forgets the key, and refuses what it signs from now on.",
            &[],
        )
    },
    reads(
        "/v1/functions",
        "listFunctions",
        "Functions",
        || get(functions::list),
        "Functions that run on the server's machine, by name; without the values of their variables.",
        &[],
    ),
    reads("/v1/functions/{name}", "getFunction", "Function", || get(functions::show), "One function.", &[]),
    Route {
        method: "put",
        answer: (200, Some("Function")),
        ..changes(
            "/v1/functions/{name}",
            "registerFunction",
            "FunctionRequest",
            || put(functions::register),
            "Registers a function in place of one of the same name; its next call runs in a new process.",
            &[],
        )
    },
    Route {
        answer: (200, Some("Function")),
        ..changes(
            "/v1/functions/{name}/renew",
            "renewFunction",
            "RenewRequest",
            || post(functions::renew),
            "Says that a leased function shall stay for 15 s more.",
            &[],
        )
    },
    Route {
        answer: (200, Some("Function")),
        ..changes(
            "/v1/functions/{name}/delete",
            "removeFunction",
            "RemoveRequest",
            || post(functions::remove),
            "Forgets a function and its log; calls under way end first.",
            &[],
        )
    },
    streams(Route {
        answer: (200, Some("InvokeAnswer")),
        ..changes(
            "/v1/functions/{name}/invoke",
            "invokeFunction",
            "InvokeRequest",
            || post(functions::invoke),
            "Calls a function and waits for its answer.",
            &[],
        )
    }),
    reads(
        "/v1/functions/{name}/logs",
        "getFunctionLogs",
        "LogPage",
        || get(functions::logs),
        "Lines that the function wrote.",
        &[
            query("lines", "integer", "the last so many lines, 1 to 10,000; 100 if not given"),
            query("after", "string", "lines after this `cursor`"),
        ],
    ),
    reads(
        "/v1/health",
        "getHealth",
        "Health",
        || get(system::health),
        "How the server is; needs no token.",
        &[],
    ),
    reads("/v1/openapi.json", "getDocument", "Document", || get(openapi::serve), "This document.", &[]),
    reads("/metrics", "getMetrics", "text", || get(system::metrics), "Metrics for Prometheus.", &[]),
];

/// The routes with their handlers.
pub fn router() -> Router<Shared> {
    ROUTES.iter().fold(Router::new(), |router, route| {
        let handler = (route.handler)();
        router.route(
            route.path,
            match route.pace {
                Pace::Prompt => handler.layer(middleware::from_fn(limit_time)),
                Pace::Streaming => handler,
            },
        )
    })
}
