//! Where a service is: host and region to sign for, by partition, region and what the configuration says.
//! Reads no environment.

use std::collections::BTreeMap;

use crate::models::Service;

/// A group of regions with hosts of its own.
struct Partition {
    /// What its regions start with; the first partition takes all others.
    region_prefix: &'static str,
    suffix: &'static str,
    /// Services that have one host for all regions: endpoint prefix, host, region to sign for.
    global: &'static [(&'static str, &'static str, &'static str)],
}

#[rustfmt::skip]
const PARTITIONS: &[Partition] = &[
    Partition { region_prefix: "cn-", suffix: "amazonaws.com.cn", global: &[
        ("account", "account.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1"),
        ("budgets", "budgets.amazonaws.com.cn", "cn-northwest-1"),
        ("ce", "ce.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1"),
        ("cloudfront", "cloudfront.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1"),
        ("health", "global.health.amazonaws.com.cn", "cn-northwest-1"),
        ("iam", "iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("organizations", "organizations.cn-northwest-1.amazonaws.com.cn", "cn-northwest-1"),
        ("route53", "route53.amazonaws.com.cn", "cn-northwest-1"),
        ("support", "support.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    ] },
    Partition { region_prefix: "us-gov-", suffix: "amazonaws.com", global: &[
        ("iam", "iam.us-gov.amazonaws.com", "us-gov-west-1"),
        ("networkmanager", "networkmanager.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("organizations", "organizations.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("route53", "route53.us-gov.amazonaws.com", "us-gov-west-1"),
        ("support", "support.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
    ] },
    Partition { region_prefix: "us-isob-", suffix: "sc2s.sgov.gov", global: &[
        ("budgets", "budgets.global.sc2s.sgov.gov", "us-isob-east-1"),
        ("iam", "iam.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
        ("organizations", "organizations.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
        ("route53", "route53.sc2s.sgov.gov", "us-isob-east-1"),
    ] },
    Partition { region_prefix: "us-isof-", suffix: "csp.hci.ic.gov", global: &[
        ("budgets", "budgets.global.csp.hci.ic.gov", "us-isof-south-1"),
        ("iam", "iam.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"),
        ("organizations", "organizations.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"),
        ("route53", "route53.csp.hci.ic.gov", "us-isof-south-1"),
    ] },
    Partition { region_prefix: "us-iso-", suffix: "c2s.ic.gov", global: &[
        ("budgets", "budgets.c2s.ic.gov", "us-iso-east-1"),
        ("iam", "iam.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
        ("organizations", "organizations.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
        ("route53", "route53.c2s.ic.gov", "us-iso-east-1"),
    ] },
    Partition { region_prefix: "eu-isoe-", suffix: "cloud.adc-e.uk", global: &[
        ("budgets", "budgets.global.cloud.adc-e.uk", "eu-isoe-west-1"),
        ("organizations", "organizations.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"),
        ("route53", "route53.cloud.adc-e.uk", "eu-isoe-west-1"),
    ] },
    Partition { region_prefix: "eusc-", suffix: "amazonaws.eu", global: &[] },
    Partition { region_prefix: "", suffix: "amazonaws.com", global: &[
        ("account", "account.us-east-1.amazonaws.com", "us-east-1"),
        ("billingconductor", "billingconductor.us-east-1.amazonaws.com", "us-east-1"),
        ("budgets", "budgets.amazonaws.com", "us-east-1"),
        ("ce", "ce.us-east-1.amazonaws.com", "us-east-1"),
        ("chime", "chime.us-east-1.amazonaws.com", "us-east-1"),
        ("cloudfront", "cloudfront.amazonaws.com", "us-east-1"),
        ("health", "global.health.amazonaws.com", "us-east-1"),
        ("iam", "iam.amazonaws.com", "us-east-1"),
        ("networkmanager", "networkmanager.us-west-2.amazonaws.com", "us-west-2"),
        ("notifications-contacts", "notifications-contacts.us-east-1.api.aws", "us-east-1"),
        ("organizations", "organizations.us-east-1.amazonaws.com", "us-east-1"),
        ("route53", "route53.amazonaws.com", "us-east-1"),
        ("route53-recovery-control-config", "route53-recovery-control-config.us-west-2.amazonaws.com", "us-west-2"),
        ("savingsplans", "savingsplans.amazonaws.com", "us-east-1"),
        ("shield", "shield.us-east-1.amazonaws.com", "us-east-1"),
        ("support", "support.us-east-1.amazonaws.com", "us-east-1"),
        ("tax", "tax.us-east-1.amazonaws.com", "us-east-1"),
        ("waf", "waf.amazonaws.com", "us-east-1"),
    ] },
];

/// Services whose hosts are under `api.aws`.
const API_AWS: &[&str] = &[
    "datazone",
    "eks-auth",
    "gameliftstreams",
    "internetmonitor",
    "kendra-ranking",
    "notifications",
    "qbusiness",
];

/// Endpoint prefixes whose host is called otherwise.
const RENAMED: &[(&str, &str)] = &[
    ("docdb", "rds"),
    ("neptune", "rds"),
    ("iotwireless", "api.iotwireless"),
    ("iottwinmaker", "api.iottwinmaker"),
];

/// Where requests go, and what they are signed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// `http` or `https`.
    pub(super) scheme: String,
    /// Host and, where it is not the scheme's own, port.
    pub(super) authority: String,
    /// Stands before every path; no slash at its end.
    pub(super) base_path: String,
    pub(super) signing_name: String,
    pub(super) signing_region: String,
    /// Whether the configuration names it: then hosts are left as they are.
    pub(super) is_override: bool,
}

impl Endpoint {
    /// For the signature of a request whose address is known otherwise.
    pub(super) fn of_signature(name: &str, region: &str) -> Self {
        Self {
            scheme: String::new(),
            authority: String::new(),
            base_path: String::new(),
            signing_name: name.to_owned(),
            signing_region: region.to_owned(),
            is_override: true,
        }
    }
}

/// Finds the endpoint of a service: by the configured address of the service, of all services, or by AWS's names.
pub(super) fn resolve(
    service: &Service,
    region: &str,
    everywhere: Option<&str>,
    by_service: &BTreeMap<String, String>,
) -> Result<Endpoint, String> {
    let metadata = service.metadata();
    let signing_name = metadata.signing_name.as_deref().unwrap_or(&metadata.endpoint_prefix).to_owned();
    let (host, signing_region) = host(&metadata.endpoint_prefix, region)?;
    let endpoint = Endpoint {
        scheme: "https".to_owned(),
        authority: host,
        base_path: String::new(),
        signing_name,
        signing_region,
        is_override: false,
    };
    match by_service.get(service.name()).map(String::as_str).or(everywhere) {
        Some(url) => at(url, Endpoint { is_override: true, ..endpoint }),
        None => Ok(endpoint),
    }
}

fn at(url: &str, endpoint: Endpoint) -> Result<Endpoint, String> {
    let wrong = || format!("the endpoint `{url}` is no address; write it as `http://127.0.0.1:4566`");
    let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !matches!(scheme, "http" | "https") || authority.is_empty() || url.contains(['?', '#', ' ', '@']) {
        return Err(wrong());
    }
    let path = path.trim_end_matches('/');
    let base_path = if path.is_empty() { String::new() } else { format!("/{path}") };
    Ok(Endpoint { scheme: scheme.to_owned(), authority: authority.to_owned(), base_path, ..endpoint })
}

/// Host and region to sign for, by AWS's names.
fn host(prefix: &str, region: &str) -> Result<(String, String), String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if region.is_empty() || region.len() > 40 || !region.chars().all(is_name) {
        return Err(format!("`{region}` is no region; write it as `eu-central-1`"));
    }
    let partition = PARTITIONS.iter().find(|partition| region.starts_with(partition.region_prefix));
    let Some(partition) = partition else { return Err(format!("`{region}` is in no partition")) };
    if let Some((_, host, region)) = partition.global.iter().find(|(known, ..)| *known == prefix) {
        return Ok(((*host).to_owned(), (*region).to_owned()));
    }
    let name = RENAMED.iter().find(|(known, _)| *known == prefix).map_or(prefix, |(_, name)| name);
    let is_api_aws = API_AWS.contains(&prefix) && partition.region_prefix.is_empty();
    let suffix = if is_api_aws { "api.aws" } else { partition.suffix };
    Ok((format!("{name}.{region}.{suffix}"), region.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(service: &str, region: &str, everywhere: Option<&str>) -> Result<String, String> {
        let by_service = BTreeMap::from([("sqs".to_owned(), "https://queues.example:8443/base/".to_owned())]);
        let endpoint = resolve(Service::load(service).unwrap(), region, everywhere, &by_service)?;
        let Endpoint { scheme, authority, base_path, signing_name, signing_region, .. } = endpoint;
        Ok(format!("{scheme}://{authority}{base_path} {signing_name} {signing_region}"))
    }

    #[test]
    fn services_are_found_in_every_partition() {
        for (service, region, expected) in [
            ("ec2", "eu-central-1", "https://ec2.eu-central-1.amazonaws.com ec2 eu-central-1"),
            ("sts", "eu-central-1", "https://sts.eu-central-1.amazonaws.com sts eu-central-1"),
            ("iam", "eu-central-1", "https://iam.amazonaws.com iam us-east-1"),
            ("route53", "us-gov-west-1", "https://route53.us-gov.amazonaws.com route53 us-gov-west-1"),
            ("sfn", "cn-north-1", "https://states.cn-north-1.amazonaws.com.cn states cn-north-1"),
            ("s3", "us-iso-east-1", "https://s3.us-iso-east-1.c2s.ic.gov s3 us-iso-east-1"),
            (
                "cloudwatch",
                "eusc-de-east-1",
                "https://monitoring.eusc-de-east-1.amazonaws.eu monitoring eusc-de-east-1",
            ),
            ("ecr", "eu-west-1", "https://api.ecr.eu-west-1.amazonaws.com ecr eu-west-1"),
            ("sqs", "eu-west-1", "https://queues.example:8443/base sqs eu-west-1"),
        ] {
            assert_eq!(found(service, region, None).as_deref(), Ok(expected), "{service}");
        }
    }

    #[test]
    fn a_configured_address_stands_for_all_services() {
        let found = found("dynamodb", "eu-west-1", Some("http://127.0.0.1:4566"));
        assert_eq!(found.as_deref(), Ok("http://127.0.0.1:4566 dynamodb eu-west-1"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for url in ["127.0.0.1:4566", "ftp://x", "http://", "http://u@x", "http://x?y"] {
            assert!(found("s3", "eu-west-1", Some(url)).unwrap_err().contains("is no address"), "{url}");
        }
        for region in ["", "EU", "evil.example/", "a b"] {
            assert!(found("s3", region, None).unwrap_err().contains("is no region"), "{region}");
        }
    }
}
