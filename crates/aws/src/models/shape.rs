//! Shapes: what a value in a request or an answer may be. Walks the model; judges no value.

use serde::Deserialize;

use super::{
    name::member_name,
    store::Service,
    wire::{Definition, XmlNamespace},
};

/// A place in a model that names a shape, and how the value is written there.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reference {
    pub(super) shape: String,
    pub(super) location: Option<Location>,
    pub(super) location_name: Option<String>,
    pub(super) result_wrapper: Option<String>,
    #[serde(default, rename = "flattened")]
    pub(super) is_flattened: bool,
    #[serde(default, rename = "idempotencyToken")]
    pub(super) is_idempotency_token: bool,
    pub(super) query_name: Option<String>,
    pub(super) payload: Option<String>,
    #[serde(default, rename = "hostLabel")]
    pub(super) is_host_label: bool,
    #[serde(default, rename = "jsonvalue")]
    pub(super) is_json_value: bool,
    #[serde(default, rename = "xmlAttribute")]
    pub(super) is_xml_attribute: bool,
    pub(super) xml_namespace: Option<XmlNamespace>,
    pub(super) timestamp_format: Option<String>,
    #[serde(default, rename = "eventstream")]
    pub(super) is_event_stream: bool,
}

/// Where in a request or an answer a member is, when it is not in the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Location {
    /// In the path.
    Uri,
    /// In the query.
    Querystring,
    /// In one header.
    Header,
    /// In all headers that start with the member's name.
    Headers,
    /// It is the status.
    StatusCode,
}

/// The least and the most: of a length in characters or items, or of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    /// The least.
    pub min: Option<f64>,
    /// The most.
    pub max: Option<f64>,
}

/// A shape of a service.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    service: &'a Service,
    name: &'a str,
    definition: &'a Definition,
    reference: Option<&'a Reference>,
}

/// What a shape is.
#[derive(Clone, Copy, Debug)]
pub enum Kind<'a> {
    /// An object with known members.
    Structure(Structure<'a>),
    /// An array.
    List(Shape<'a>),
    /// An object with free keys.
    Map {
        /// What the keys are.
        key: Shape<'a>,
        /// What the values are.
        value: Shape<'a>,
    },
    /// A text; where the values are known, one of them.
    String {
        /// The known values; none when it is free.
        values: &'a [String],
    },
    /// A number without a fraction, up to 32 bits.
    Integer,
    /// A number without a fraction, up to 64 bits.
    Long,
    /// A number with a fraction.
    Float,
    /// `true` or `false`.
    Boolean,
    /// A time; its format where the protocol's own does not hold.
    Timestamp {
        /// Such as `iso8601`.
        format: Option<&'a str>,
    },
    /// Bytes.
    Blob,
    /// Any JSON.
    Document,
}

impl<'a> Shape<'a> {
    pub(super) fn new(service: &'a Service, reference: &'a Reference) -> Self {
        // INVARIANT: a service is loaded only when every reference in it has a definition.
        let definition = service.model().shapes.get(&reference.shape).unwrap_or(service.anything());
        Self { service, name: &reference.shape, definition, reference: Some(reference) }
    }

    /// A shape by itself, with no place that names it.
    pub(super) fn alone(service: &'a Service, name: &'a str, definition: &'a Definition) -> Self {
        Self { service, name, definition, reference: None }
    }

    /// As the service's model writes it.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The service it belongs to.
    pub fn service(&self) -> &'a Service {
        self.service
    }

    /// What it is.
    pub fn kind(&self) -> Kind<'a> {
        let definition = self.definition;
        if definition.is_document {
            return Kind::Document;
        }
        match (definition.kind.as_str(), &definition.member, &definition.key, &definition.value) {
            ("structure", ..) => Kind::Structure(Structure { shape: *self }),
            ("list", Some(member), ..) => Kind::List(self.service.resolve(member)),
            ("map", _, Some(key), Some(value)) => {
                Kind::Map { key: self.service.resolve(key), value: self.service.resolve(value) }
            }
            ("string" | "character", ..) => Kind::String { values: &definition.values },
            ("integer" | "short" | "byte", ..) => Kind::Integer,
            ("long" | "biginteger", ..) => Kind::Long,
            ("float" | "double" | "bigdecimal", ..) => Kind::Float,
            ("boolean", ..) => Kind::Boolean,
            ("timestamp", ..) => Kind::Timestamp {
                format: self
                    .reference
                    .and_then(|reference| reference.timestamp_format.as_deref())
                    .or(definition.timestamp_format.as_deref()),
            },
            ("blob", ..) => Kind::Blob,
            _ => Kind::Document,
        }
    }

    /// The least and the most: of its length, or of the number.
    pub fn bounds(&self) -> Bounds {
        Bounds { min: self.definition.min, max: self.definition.max }
    }

    /// Whether its values must not be shown.
    pub fn is_sensitive(&self) -> bool {
        self.definition.is_sensitive
    }

    /// Whether its items stand without an element around them, in XML and forms.
    pub fn is_flattened(&self) -> bool {
        self.definition.is_flattened || self.reference.is_some_and(|reference| reference.is_flattened)
    }

    /// How it is called on the wire, where the model says so.
    pub fn location_name(&self) -> Option<&'a str> {
        let named = self.reference.and_then(|reference| reference.location_name.as_deref());
        named.or(self.definition.location_name.as_deref())
    }

    /// The namespace of its XML element.
    pub fn xml_namespace(&self) -> Option<&'a XmlNamespace> {
        let named = self.reference.and_then(|reference| reference.xml_namespace.as_ref());
        named.or(self.definition.xml_namespace.as_ref())
    }

    /// Whether it is a stream of events, which is no value.
    pub fn is_event_stream(&self) -> bool {
        self.definition.is_event_stream || self.reference.is_some_and(|reference| reference.is_event_stream)
    }

    /// Whether of its members only one may be there.
    pub fn is_union(&self) -> bool {
        self.definition.is_union
    }

    /// Whether `null` is a value of its items.
    pub fn is_sparse(&self) -> bool {
        self.definition.is_sparse
    }

    /// What an error of this shape is called in an answer.
    pub fn error_code(&self) -> &'a str {
        self.definition.error.as_ref().and_then(|error| error.code.as_deref()).unwrap_or(self.name)
    }
}

/// A shape with known members.
#[derive(Clone, Copy, Debug)]
pub struct Structure<'a> {
    shape: Shape<'a>,
}

impl<'a> Structure<'a> {
    /// All members, sorted by name.
    pub fn members(&self) -> impl Iterator<Item = Member<'a>> + use<'a> {
        let Shape { service, definition, .. } = self.shape;
        definition.members.iter().map(move |(name, reference)| Member {
            name,
            reference,
            shape: Shape::new(service, reference),
            is_required: definition.required.contains(name),
        })
    }

    /// The member that Step Functions calls so, such as `ExecutionArn` for the model's `executionArn`.
    pub fn member(&self, name: &str) -> Option<Member<'a>> {
        self.members().find(|member| member.step_functions_name() == name)
    }

    /// The member that the model calls so.
    pub fn named(&self, name: &str) -> Option<Member<'a>> {
        let Shape { service, definition, .. } = self.shape;
        let (name, reference) = definition.members.get_key_value(name)?;
        Some(Member {
            name,
            reference,
            shape: Shape::new(service, reference),
            is_required: definition.required.contains(name),
        })
    }

    /// The shape it is.
    pub fn shape(&self) -> Shape<'a> {
        self.shape
    }

    /// The members that must be there, in the model's order.
    pub fn required(&self) -> impl Iterator<Item = Member<'a>> + use<'a> {
        let structure = *self;
        let names = self.shape.definition.required.iter();
        names.filter_map(move |name| structure.members().find(|member| member.name() == name))
    }

    /// The member that is the whole body, if one is.
    pub fn payload(&self) -> Option<&'a str> {
        let named = self.shape.reference.and_then(|reference| reference.payload.as_deref());
        named.or(self.shape.definition.payload.as_deref())
    }
}

/// A member of a structure.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    name: &'a str,
    reference: &'a Reference,
    shape: Shape<'a>,
    is_required: bool,
}

impl<'a> Member<'a> {
    /// As the service's model writes it.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// As Step Functions writes it.
    pub fn step_functions_name(&self) -> String {
        member_name(self.name)
    }

    /// What it is.
    pub fn shape(&self) -> Shape<'a> {
        self.shape
    }

    /// Whether it must be there.
    pub fn is_required(&self) -> bool {
        self.is_required
    }

    /// Where it is, when it is not in the body.
    pub fn location(&self) -> Option<Location> {
        self.reference.location.or(self.shape.definition.location)
    }

    /// Whether a reply has it in its body: a place in the path or the query is the request's alone.
    pub fn is_in_answer_body(&self) -> bool {
        matches!(self.location(), None | Some(Location::Uri | Location::Querystring))
    }

    /// How it is called on the wire.
    pub fn wire_name(&self) -> &'a str {
        self.reference.location_name.as_deref().unwrap_or(self.name)
    }

    /// Whether its items stand without an element around them, in XML and forms.
    pub fn is_flattened(&self) -> bool {
        self.reference.is_flattened || self.shape.is_flattened()
    }

    /// How it is called in the protocol `ec2`, where the model says so.
    pub fn query_name(&self) -> Option<&'a str> {
        self.reference.query_name.as_deref()
    }

    /// Whether it is a part of the host name.
    pub fn is_host_label(&self) -> bool {
        self.reference.is_host_label
    }

    /// Whether it is JSON that a header carries.
    pub fn is_json_value(&self) -> bool {
        self.reference.is_json_value
    }

    /// Whether it is an attribute of its structure's XML element.
    pub fn is_xml_attribute(&self) -> bool {
        self.reference.is_xml_attribute
    }

    /// Whether a client makes a value up when none is given, so that a repeated request is known as such.
    pub fn is_idempotency_token(&self) -> bool {
        self.reference.is_idempotency_token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(service: &str, action: &str) -> Structure<'static> {
        let shape = Service::load(service).unwrap().operation(action).unwrap().output().unwrap();
        let Kind::Structure(structure) = shape.kind() else { panic!("no structure") };
        structure
    }

    #[test]
    fn members_are_found_by_the_name_that_step_functions_gives_them() {
        let execution = output("sfn", "describeExecution");
        let arn = execution.member("ExecutionArn").unwrap();
        assert_eq!((arn.name(), arn.is_required()), ("executionArn", true));
        assert!(execution.member("executionArn").is_none());
        let required: Vec<&str> = execution.required().map(|member| member.name()).collect();
        assert_eq!(required, ["executionArn", "stateMachineArn", "status", "startDate"]);
    }

    #[test]
    fn every_kind_of_shape_is_told() {
        let kind = |service: &str, action: &str, member: &str| {
            let kind = output(service, action).member(member).unwrap().shape().kind();
            format!("{kind:?}").split([' ', '(']).next().unwrap().to_owned()
        };
        for (service, action, member, expected) in [
            ("dynamodb", "getItem", "ConsumedCapacity", "Structure"),
            ("dynamodb", "getItem", "Item", "Map"),
            ("eventbridge", "putEvents", "Entries", "List"),
            ("eventbridge", "putEvents", "FailedEntryCount", "Integer"),
            ("s3", "getObject", "ContentLength", "Long"),
            ("s3", "getObject", "StorageClass", "String"),
            ("s3", "getObject", "LastModified", "Timestamp"),
            ("s3", "getObject", "DeleteMarker", "Boolean"),
            ("kms", "encrypt", "CiphertextBlob", "Blob"),
        ] {
            assert_eq!(kind(service, action, member), expected, "{service}:{action} {member}");
        }
    }

    #[test]
    fn places_on_the_wire_are_told() {
        let object = output("s3", "getObject");
        assert_eq!(object.payload(), Some("Body"));
        let length = object.member("ContentLength").unwrap();
        assert_eq!((length.location(), length.wire_name()), (Some(Location::Header), "Content-Length"));
        let size = output("kms", "encrypt").member("CiphertextBlob").unwrap().shape().bounds();
        assert_eq!(size, Bounds { min: Some(1.0), max: Some(6144.0) });
    }
}
