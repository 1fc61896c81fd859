//! Form bodies of the protocols `query` and `ec2`. Their answers are XML and are read elsewhere.

use serde_json::{Map, Value};

use super::{Invalid, Request, json::DEPTH_MAX, known, percent_encode, text, time};
use crate::models::{Kind, Member, Operation, Shape, Structure};

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Query,
    Ec2,
}

pub(super) fn query(
    operation: Operation<'_>,
    structure: Option<Structure<'_>>,
    members: &Map<String, Value>,
) -> Result<Request, Invalid> {
    request(operation, structure, members, Dialect::Query)
}

pub(super) fn ec2(
    operation: Operation<'_>,
    structure: Option<Structure<'_>>,
    members: &Map<String, Value>,
) -> Result<Request, Invalid> {
    request(operation, structure, members, Dialect::Ec2)
}

fn request(
    operation: Operation<'_>,
    structure: Option<Structure<'_>>,
    members: &Map<String, Value>,
    dialect: Dialect,
) -> Result<Request, Invalid> {
    let mut form = Form { dialect, pairs: Vec::new() };
    form.pairs.push(("Action".to_owned(), operation.name().to_owned()));
    form.pairs.push(("Version".to_owned(), operation.service().metadata().api_version.clone()));
    if let Some(structure) = structure {
        form.members("", structure, members, 0)?;
    }
    let pairs =
        form.pairs.iter().map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)));
    let body = pairs.collect::<Vec<_>>().join("&").into_bytes();
    let content_type = "application/x-www-form-urlencoded; charset=utf-8";
    let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
    Ok(Request { headers, body, ..Request::default() })
}

struct Form {
    dialect: Dialect,
    pairs: Vec<(String, String)>,
}

impl Form {
    fn members(
        &mut self,
        prefix: &str,
        structure: Structure<'_>,
        members: &Map<String, Value>,
        depth: usize,
    ) -> Result<(), Invalid> {
        for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            let member = known(structure, name)?;
            let key = joined(prefix, &self.key(member));
            self.value(&key, member.shape(), value, depth + 1).map_err(|error| error.at(name))?;
        }
        Ok(())
    }

    fn key(&self, member: Member<'_>) -> String {
        if self.dialect == Dialect::Query {
            return member.wire_name().to_owned();
        }
        if let Some(name) = member.query_name() {
            return name.to_owned();
        }
        match member.shape().location_name() {
            Some(name) => crate::models::capitalised(name),
            None => crate::models::capitalised(member.name()),
        }
    }

    fn value(&mut self, key: &str, shape: Shape<'_>, value: &Value, depth: usize) -> Result<(), Invalid> {
        if depth > DEPTH_MAX {
            return Err(Invalid::new("is nested too deeply"));
        }
        match shape.kind() {
            Kind::Structure(structure) => self.members(key, structure, text::object(value)?, depth),
            Kind::List(item) => self.list(key, shape, item, text::list(value)?, depth),
            Kind::Map { key: of_keys, value: of_values } => {
                self.map(key, shape, (of_keys, of_values), text::object(value)?, depth)
            }
            _ => {
                let written = text::write(shape, value, time::Format::Iso8601)?;
                self.pairs.push((key.to_owned(), written));
                Ok(())
            }
        }
    }

    fn list(
        &mut self,
        key: &str,
        shape: Shape<'_>,
        item: Shape<'_>,
        items: &[Value],
        depth: usize,
    ) -> Result<(), Invalid> {
        if items.is_empty() && self.dialect == Dialect::Query {
            self.pairs.push((key.to_owned(), String::new()));
        }
        let prefix = match (self.dialect, shape.is_flattened(), item.location_name()) {
            (Dialect::Ec2, ..) | (Dialect::Query, true, None) => key.to_owned(),
            (Dialect::Query, true, Some(name)) => {
                joined(key.rsplit_once('.').map_or("", |(before, _)| before), name)
            }
            (Dialect::Query, false, name) => joined(key, name.unwrap_or("member")),
        };
        for (at, value) in items.iter().enumerate() {
            let number = (at + 1).to_string();
            self.value(&joined(&prefix, &number), item, value, depth + 1)
                .map_err(|error| error.at(at.to_string()))?;
        }
        Ok(())
    }

    fn map(
        &mut self,
        key: &str,
        shape: Shape<'_>,
        (of_keys, of_values): (Shape<'_>, Shape<'_>),
        entries: &Map<String, Value>,
        depth: usize,
    ) -> Result<(), Invalid> {
        let prefix = if shape.is_flattened() { key.to_owned() } else { joined(key, "entry") };
        for (at, (name, value)) in entries.iter().enumerate() {
            let entry = joined(&prefix, &(at + 1).to_string());
            let key = joined(&entry, of_keys.location_name().unwrap_or("key"));
            self.pairs.push((key, name.clone()));
            let key = joined(&entry, of_values.location_name().unwrap_or("value"));
            self.value(&key, of_values, value, depth + 1).map_err(|error| error.at(name))?;
        }
        Ok(())
    }
}

fn joined(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}
