//! EventBridge connections: what they add to a request, and the credentials behind them. Keeps no secret longer than a
//! call, and shows none.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{
    form::{self, Arrays},
    request::{Request, check_endpoint},
    unanswered,
};
use crate::{
    client::Client,
    task::{Failure, of_optimized},
};

/// A connection with its secret.
pub(super) struct Connection {
    kind: String,
    /// First the secret, then what the connection shows of itself.
    parameters: [Value; 2],
}

impl Connection {
    /// Asks EventBridge for the connection and Secrets Manager for its secret.
    pub(super) async fn fetch(client: &Client, arn: &str) -> Result<Self, Failure> {
        let parts: Vec<&str> = arn.split([':', '/']).collect();
        let ["arn", _, "events", region, _, "connection", name, ..] = parts.as_slice() else {
            return Err(Failure::runtime(format!("`{arn}` is no ARN of a connection")));
        };
        let client = client.in_region(region);
        let told = client.call("eventbridge", "describeConnection", &json!({"Name": name})).await;
        let told = told.map_err(|error| of_optimized(&error))?.output;
        let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("ConnectionState") != "AUTHORIZED" {
            return Err(Failure {
                error: "Events.ConnectionResource.InvalidConnectionState".to_owned(),
                cause: format!("The connection {arn} is in state {}", text("ConnectionState")),
            });
        }
        let secret = match text("SecretArn") {
            "" => Value::Null,
            secret => value_of(&client, secret).await?,
        };
        let shown = told.get("AuthParameters").cloned().unwrap_or_default();
        Ok(Self { kind: text("AuthorizationType").to_owned(), parameters: [secret, shown] })
    }

    /// Adds the headers, query parameters and members of the body that the connection has for every call.
    pub(super) fn add_to(&self, request: &mut Request) {
        let Some(more) = self.part("invocationhttpparameters") else { return };
        for (name, value) in listed(more, "headerparameters") {
            request.set_header(&name, &value);
        }
        for (name, value) in listed(more, "querystringparameters") {
            request.set_query(&name, &value);
        }
        if ["POST", "PUT", "PATCH"].contains(&request.method.as_str()) {
            for (name, value) in listed(more, "bodyparameters") {
                request.set_body(&name, &value);
            }
        }
    }

    /// Adds the credentials.
    pub(super) async fn authorize(
        &self,
        client: &Client,
        request: &mut Request,
        is_plain_allowed: bool,
    ) -> Result<(), Failure> {
        match self.kind.as_str() {
            "BASIC" => {
                let pair = format!("{}:{}", self.text("username")?, self.text("password")?);
                request.set_header("Authorization", &format!("Basic {}", STANDARD.encode(pair)));
            }
            "API_KEY" => request.set_header(self.text("apikeyname")?, self.text("apikeyvalue")?),
            "OAUTH_CLIENT_CREDENTIALS" => {
                let token = self.token(client, is_plain_allowed).await?;
                request.set_header("Authorization", &format!("Bearer {token}"));
            }
            other => return Err(Failure::runtime(format!("the connection has the unknown kind `{other}`"))),
        }
        Ok(())
    }

    /// Fetches a token from the connection's own server.
    async fn token(&self, client: &Client, is_plain_allowed: bool) -> Result<String, Failure> {
        let endpoint = self.text("authorizationendpoint")?;
        check_endpoint(endpoint, is_plain_allowed).map_err(unauthorized)?;
        let mut fields = Map::from_iter([
            ("grant_type".to_owned(), json!("client_credentials")),
            ("client_id".to_owned(), json!(self.text("clientid")?)),
            ("client_secret".to_owned(), json!(self.text("clientsecret")?)),
        ]);
        let mut headers = vec![("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
        let mut url = endpoint.to_owned();
        if let Some(more) = self.part("oauthhttpparameters") {
            let body = listed(more, "bodyparameters").into_iter();
            fields.extend(body.map(|(name, value)| (name, value.into())));
            headers.extend(listed(more, "headerparameters"));
            let query =
                listed(more, "querystringparameters").into_iter().map(|(name, value)| (name, value.into()));
            let query = form::encoded(&Value::Object(query.collect()), Arrays::Repeat);
            if !query.is_empty() {
                url = format!("{url}{}{query}", if url.contains('?') { '&' } else { '?' });
            }
        }
        let fields = form::encoded(&Value::Object(fields), Arrays::Repeat);
        let method = self.text("httpmethod").unwrap_or("POST");
        let body = if method == "GET" { String::new() } else { fields.clone() };
        if method == "GET" {
            url = format!("{url}{}{fields}", if url.contains('?') { '&' } else { '?' });
        }
        let reply = client.fetch((method, &url), &headers, Bytes::from(body)).await;
        let reply = reply.map_err(|failure| unanswered(&failure))?;
        let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        match answer.get("access_token").and_then(Value::as_str) {
            Some(token) if reply.status < 300 => Ok(token.to_owned()),
            _ => {
                Err(unauthorized(format!("the authorization endpoint answered with status {}", reply.status)))
            }
        }
    }

    fn part(&self, name: &str) -> Option<&Value> {
        self.parameters.iter().find_map(|parameters| find(parameters, name))
    }

    fn text(&self, name: &str) -> Result<&str, Failure> {
        let found = self.part(name).and_then(Value::as_str);
        found.ok_or_else(|| unauthorized(format!("the connection's secret has no `{name}`")))
    }
}

fn unauthorized(cause: String) -> Failure {
    Failure { error: "Events.ConnectionResource.AccessDenied".to_owned(), cause }
}

async fn value_of(client: &Client, secret: &str) -> Result<Value, Failure> {
    let answer = client.call("secretsmanager", "getSecretValue", &json!({"SecretId": secret})).await;
    let answer = answer.map_err(|error| of_optimized(&error))?;
    let text = answer.output.get("SecretString").and_then(Value::as_str).unwrap_or_default();
    Ok(serde_json::from_str(text).unwrap_or_default())
}

/// A member of that name, at any depth but within what is added to requests. Secrets and answers write names differently:
/// case and underscores do not count.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let members = value.as_object()?;
    let own = members.iter().find(|(known, _)| plain(known) == name).map(|(_, value)| value);
    own.or_else(|| {
        let deeper = members.iter().filter(|(known, _)| !plain(known).ends_with("httpparameters"));
        deeper.into_iter().find_map(|(_, value)| find(value, name))
    })
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| *c != '_').map(|c| c.to_ascii_lowercase()).collect()
}

/// The pairs of a list of `Key` and `Value`.
fn listed(value: &Value, name: &str) -> Vec<(String, String)> {
    let items = find(value, name).and_then(Value::as_array);
    let pairs = items.into_iter().flatten().filter_map(|item| {
        Some((form::text(find(item, "key")?), form::text(find(item, "value").unwrap_or(&Value::Null))))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_however_they_are_written() {
        let secret = json!({"client_parameters": {"client_id": "1"}, "invocation_http_parameters":
            {"header_parameters": [{"key": "h", "value": "v", "is_value_secret": true}]}});
        let shown = json!({"OAuthParameters": {"ClientParameters": {"ClientID": "1"}}});
        assert_eq!(find(&secret, "clientid"), Some(&json!("1")));
        assert_eq!(find(&shown, "clientid"), Some(&json!("1")));
        assert_eq!(find(&secret, "key"), None, "what is added to requests holds no credentials");
        let more = find(&secret, "invocationhttpparameters").unwrap();
        assert_eq!(listed(more, "headerparameters"), [("h".to_owned(), "v".to_owned())]);
    }
}
