//! AWS's service models, embedded: which operations a service has and the shapes of what they take and give.
//! Does not serialise and does not call.

mod index;
mod name;
mod nearest;
mod shape;
mod store;
mod wire;

pub use name::{member_name, pascal_case};
pub(crate) use nearest::nearest;
pub use shape::{Bounds, Kind, Location, Member, Shape, Structure};
pub use store::Service;
pub use wire::{Http, Metadata, Paginator, Protocol, XmlNamespace};

use shape::Reference;

/// Why a service or an operation is not to be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No service is called so in `aws-sdk:<name>:`.
    #[error("there is no AWS service `{name}`{}", hint(.nearest.as_deref()))]
    UnknownService {
        /// The name asked for.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// The service has no such operation.
    #[error("the AWS service `{service}` has no action `{action}`{}", hint(.nearest.as_deref()))]
    UnknownOperation {
        /// The service.
        service: String,
        /// The action asked for.
        action: String,
        /// The action that was probably meant.
        nearest: Option<String>,
    },
    /// The embedded model cannot be read.
    #[error("the model of the AWS service `{service}` is damaged: {reason}")]
    Damaged {
        /// The service.
        service: String,
        /// What is wrong with it.
        reason: String,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// An operation of a service.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    service: &'a Service,
    name: &'a str,
    model: &'a wire::Operation,
}

impl<'a> Operation<'a> {
    /// As the service's model writes it, such as `DescribeExecution`.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Method and path.
    pub fn http(&self) -> &'a Http {
        &self.model.http
    }

    /// What it takes, if anything.
    pub fn input(&self) -> Option<Shape<'a>> {
        self.model.input.as_ref().map(|reference| self.service.resolve(reference))
    }

    /// What it gives, if anything.
    pub fn output(&self) -> Option<Shape<'a>> {
        self.model.output.as_ref().map(|reference| self.service.resolve(reference))
    }

    /// The element around the answer in the protocols `query` and `ec2`.
    pub fn result_wrapper(&self) -> Option<&'a str> {
        self.model.output.as_ref()?.result_wrapper.as_deref()
    }

    /// The errors that it is known to answer with.
    pub fn errors(&self) -> impl Iterator<Item = Shape<'a>> + use<'a> {
        let service = self.service;
        self.model.errors.iter().map(|reference| service.resolve(reference))
    }

    /// The service it belongs to.
    pub fn service(&self) -> &'a Service {
        self.service
    }

    /// What the host name starts with, which may hold `{Member}`.
    pub fn host_prefix(&self) -> Option<&'a str> {
        self.model.endpoint.as_ref()?.host_prefix.as_deref()
    }

    /// Whether it is called without a signature.
    pub fn is_anonymous(&self) -> bool {
        self.model.authtype.as_deref() == Some("none")
    }

    /// Whether the signature leaves the body out.
    pub fn is_payload_unsigned(&self) -> bool {
        self.model.is_payload_unsigned || self.model.authtype.as_deref() == Some("v4-unsigned-body")
    }

    /// Whether the service wants a checksum of the body.
    pub fn is_checksum_required(&self) -> bool {
        let checksum = self.model.http_checksum.as_ref();
        self.model.is_checksum_required || checksum.is_some_and(|checksum| checksum.is_required)
    }

    /// How further pages are asked for, if it answers in pages.
    pub fn paginator(&self) -> Option<&'a Paginator> {
        self.model.paginator.as_ref()
    }

    /// Whether it only reads, as far as the model says.
    pub fn is_read_only(&self) -> bool {
        self.model.is_read_only
    }
}

impl Service {
    /// The service as `aws-sdk:<name>:` calls it: `sfn`, `s3`, `cloudwatchlogs`. Read on first use, then kept.
    pub fn load(name: &str) -> Result<&'static Self, Error> {
        store::load(name)
    }

    /// The names of all services, sorted.
    pub fn names() -> impl Iterator<Item = &'static str> {
        store::names()
    }

    /// The operation that an action names: `describeExecution` and `DescribeExecution` are the same.
    pub fn operation(&self, action: &str) -> Result<Operation<'_>, Error> {
        let found = self.model().operations.get_key_value(capitalised(action).as_str());
        match found {
            Some((name, model)) => Ok(Operation { service: self, name, model }),
            None => Err(Error::UnknownOperation {
                service: self.name().to_owned(),
                action: action.to_owned(),
                nearest: nearest(action, self.model().operations.keys().map(String::as_str))
                    .map(name::action_name),
            }),
        }
    }

    /// All operations, sorted by name.
    pub fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        self.model().operations.iter().map(|(name, model)| Operation { service: self, name, model })
    }

    /// Protocol, endpoint and signing.
    pub fn metadata(&self) -> &Metadata {
        &self.model().metadata
    }

    /// The shape of the error that an answer calls so.
    pub fn error(&self, code: &str) -> Option<Shape<'_>> {
        let by_name = self.model().shapes.get_key_value(code).filter(|(_, it)| it.is_exception);
        let is_called = |(_, it): &(&String, &wire::Definition)| {
            it.is_exception && it.error.as_ref().and_then(|error| error.code.as_deref()) == Some(code)
        };
        let found = by_name.or_else(|| self.model().shapes.iter().find(is_called));
        found.map(|(name, definition)| Shape::alone(self, name, definition))
    }

    /// What the AWS SDK for Java calls the service, such as `DynamoDb`: the start of error names in Step Functions.
    pub fn java_name(&self) -> String {
        let id = pascal_case(&self.metadata().service_id);
        let id = ["Amazon", "Aws"].iter().find_map(|lead| id.strip_prefix(lead)).unwrap_or(&id);
        id.strip_suffix("Service").unwrap_or(id).to_owned()
    }

    fn resolve<'a>(&'a self, reference: &'a Reference) -> Shape<'a> {
        Shape::new(self, reference)
    }
}

pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(service: &str, action: &str) -> String {
        let operation = Service::load(service).and_then(|service| service.operation(action));
        operation.expect_err("must be unknown").to_string()
    }

    #[test]
    fn services_are_called_as_step_functions_documents_them() {
        for name in [
            "accessanalyzer",
            "acmpca",
            "apigatewayv2",
            "applicationautoscaling",
            "applicationdiscovery",
            "autoscaling",
            "bedrockruntime",
            "cloudformation",
            "cloudwatch",
            "cloudwatchlogs",
            "codestarconnections",
            "cognitoidentityprovider",
            "config",
            "costandusagereport",
            "costexplorer",
            "databasemigration",
            "databrew",
            "directory",
            "docdb",
            "dynamodb",
            "dynamodbstreams",
            "ec2",
            "ec2instanceconnect",
            "ecr",
            "ecrpublic",
            "ecs",
            "efs",
            "eks",
            "elasticloadbalancing",
            "elasticloadbalancingv2",
            "elasticsearch",
            "emr",
            "emrcontainers",
            "emrserverless",
            "eventbridge",
            "identitystore",
            "iotdataplane",
            "iotjobsdataplane",
            "kms",
            "lambda",
            "lexmodelbuilding",
            "lexmodelsv2",
            "lexruntime",
            "lexruntimev2",
            "macie2",
            "marketplacemetering",
            "mediaconvert",
            "migrationhub",
            "migrationhubstrategy",
            "organizations",
            "pinpointsmsvoice",
            "rds",
            "rdsdata",
            "resourcegroupstaggingapi",
            "route53",
            "s3",
            "s3control",
            "sagemaker",
            "sagemakera2iruntime",
            "secretsmanager",
            "serverlessapplicationrepository",
            "servicediscovery",
            "servicequotas",
            "sesv2",
            "sfn",
            "sns",
            "sqs",
            "ssm",
            "ssoadmin",
            "ssooidc",
            "sts",
            "swf",
            "wafregional",
            "wafv2",
        ] {
            assert!(Service::names().any(|known| known == name), "{name}");
        }
    }

    #[test]
    fn every_embedded_model_is_sound() {
        let mut operations = 0;
        for name in Service::names() {
            let service = Service::load(name).unwrap();
            operations += service.operations().count();
            let protocols = &service.metadata().protocols;
            assert!(protocols.is_empty() || protocols.contains(&service.metadata().protocol), "{name}");
            assert!(!service.metadata().endpoint_prefix.is_empty(), "{name}");
        }
        assert!(operations > 15_000, "{operations}");
    }

    #[test]
    fn the_set_stays_small() {
        let bytes: usize = store::sizes().sum();
        assert!(bytes < 6 * 1024 * 1024, "{bytes} bytes");
    }

    #[test]
    fn an_action_is_found_in_either_case() {
        let sfn = Service::load("sfn").unwrap();
        for action in ["describeExecution", "DescribeExecution"] {
            assert_eq!(sfn.operation(action).unwrap().name(), "DescribeExecution");
        }
        let twice = Service::load("sfn").unwrap();
        assert!(std::ptr::eq(sfn, twice), "a model is read once");
    }

    #[test]
    fn what_is_unknown_is_named_with_what_may_be_meant() {
        for (service, action, message) in [
            ("stepfunctions", "x", "there is no AWS service `stepfunctions`; did you mean `sfn`?"),
            ("elbv2", "x", "there is no AWS service `elbv2`; did you mean `elasticloadbalancingv2`?"),
            ("dynamodv", "x", "there is no AWS service `dynamodv`; did you mean `dynamodb`?"),
            ("S3", "x", "there is no AWS service `S3`; did you mean `s3`?"),
            ("quantumledgerx", "x", "there is no AWS service `quantumledgerx`"),
            ("s3", "getObjekt", "the AWS service `s3` has no action `getObjekt`; did you mean `getObject`?"),
            ("s3", "", "the AWS service `s3` has no action ``"),
        ] {
            assert_eq!(refused(service, action), message);
        }
    }

    #[test]
    fn what_a_client_needs_is_there() {
        let lambda = Service::load("lambda").unwrap();
        assert_eq!(lambda.metadata().protocol, Protocol::RestJson);
        let invoke = lambda.operation("invoke").unwrap();
        assert_eq!(invoke.http().method, "POST");
        assert_eq!(invoke.http().request_uri, "/2015-03-31/functions/{FunctionName}/invocations");
        assert!(invoke.errors().any(|error| error.name() == "ResourceNotFoundException"));
        let sns = Service::load("sns").unwrap();
        assert_eq!(sns.operation("publish").unwrap().result_wrapper(), Some("PublishResult"));
        let sfn = Service::load("sfn").unwrap();
        assert_eq!(sfn.metadata().target_prefix.as_deref(), Some("AWSStepFunctions"));
        assert!(!sfn.operation("startExecution").unwrap().is_read_only());
        assert_eq!(Service::load("ec2").unwrap().metadata().protocol, Protocol::Ec2);
    }
}
