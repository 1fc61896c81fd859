//! OpenTelemetry's own variables, as its specification reads them. Which are set is told by the caller.

use std::{collections::BTreeMap, time::Duration};

use crate::failure::Failure;

/// Where spans go and which.
#[derive(Clone, Debug, PartialEq)]
pub struct Exporting {
    /// Address of the collector's traces.
    pub url: String,
    /// Headers of each request.
    pub headers: Vec<(String, String)>,
    /// How they are written.
    pub protocol: Protocol,
    /// How long one request may take.
    pub timeout: Duration,
    /// What sends them.
    pub resource: Vec<(String, String)>,
    /// Which traces are sent.
    pub sampler: Sampler,
    /// Spans that wait at most.
    pub queue_max: usize,
    /// Spans of one request at most.
    pub batch_max: usize,
    /// How long a span waits for others.
    pub delay: Duration,
}

/// How spans are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `http/protobuf`
    Protobuf,
    /// `http/json`
    Json,
}

/// Which traces are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    /// Whether a caller's decision goes first.
    pub asks_parent: bool,
    /// The share of traces that are sent.
    pub ratio: f64,
}

impl Sampler {
    /// Whether a trace is sent; the same trace is or is not, wherever it is asked.
    pub fn takes(self, trace: [u8; 16], parents: Option<bool>) -> bool {
        if let Some(parents) = parents.filter(|_| self.asks_parent) {
            return parents;
        }
        let number = trace.last_chunk::<8>().map_or(0, |low| u64::from_be_bytes(*low)) >> 1;
        #[expect(clippy::cast_precision_loss, reason = "a share of traces")]
        let place = number as f64 / (1_u64 << 63) as f64;
        // WHY: the last place is rounded up to 1.
        place < self.ratio || self.ratio >= 1.0
    }
}

/// Variables by name; empty ones count as not set.
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Those that are set.
    pub fn new(set: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(set.into_iter().filter(|(_, value)| !value.trim().is_empty()).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim())
    }

    /// `OTEL_EXPORTER_OTLP_TRACES_<name>` or else `OTEL_EXPORTER_OTLP_<name>`.
    fn exporter(&self, name: &str) -> Option<&str> {
        self.get(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}"))
            .or_else(|| self.get(&format!("OTEL_EXPORTER_OTLP_{name}")))
    }

    fn number(&self, name: &str, default: u64) -> Result<u64, Failure> {
        let Some(text) = self.get(name) else { return Ok(default) };
        text.parse().map_err(|_| wrong(name, text, "a whole number, such as 5000"))
    }

    /// Where spans go; nowhere unless an endpoint is set.
    pub fn exporting(&self) -> Result<Option<Exporting>, Failure> {
        let is_off = self.get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || self.get("OTEL_TRACES_EXPORTER") == Some("none");
        let Some(url) = self.url().filter(|_| !is_off) else { return Ok(None) };
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(wrong(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                &url,
                "an address, such as http://127.0.0.1:4318",
            ));
        }
        let timeout = self.exporter("TIMEOUT").unwrap_or("10000");
        let millis = timeout
            .parse()
            .map_err(|_| wrong("OTEL_EXPORTER_OTLP_TIMEOUT", timeout, "milliseconds, such as 10000"))?;
        let small = |number: u64| usize::try_from(number.clamp(1, 1 << 20)).unwrap_or(1);
        Ok(Some(Exporting {
            url,
            headers: pairs("OTEL_EXPORTER_OTLP_HEADERS", self.exporter("HEADERS").unwrap_or_default())?,
            protocol: self.protocol()?,
            timeout: Duration::from_millis(millis),
            resource: self.resource()?,
            sampler: self.sampler()?,
            queue_max: small(self.number("OTEL_BSP_MAX_QUEUE_SIZE", 2_048)?),
            batch_max: small(self.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)?),
            delay: Duration::from_millis(self.number("OTEL_BSP_SCHEDULE_DELAY", 5_000)?),
        }))
    }

    /// The endpoint of traces is taken as it is; the common one gets a path.
    fn url(&self) -> Option<String> {
        let own = self.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").map(str::to_owned);
        let common = self.get("OTEL_EXPORTER_OTLP_ENDPOINT");
        own.or_else(|| common.map(|url| format!("{}/v1/traces", url.trim_end_matches('/'))))
    }

    fn protocol(&self) -> Result<Protocol, Failure> {
        match self.exporter("PROTOCOL") {
            None | Some("http/protobuf") => Ok(Protocol::Protobuf),
            Some("http/json") => Ok(Protocol::Json),
            Some(other) => Err(wrong("OTEL_EXPORTER_OTLP_PROTOCOL", other, "http/protobuf or http/json")),
        }
    }

    fn resource(&self) -> Result<Vec<(String, String)>, Failure> {
        let mut resource =
            pairs("OTEL_RESOURCE_ATTRIBUTES", self.get("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default())?;
        let named = resource.iter().position(|(name, _)| name == "service.name");
        let given = named.map(|place| resource.remove(place).1);
        let name = self.get("OTEL_SERVICE_NAME").map(str::to_owned).or(given);
        resource.insert(0, ("service.name".to_owned(), name.unwrap_or_else(|| "shipway".to_owned())));
        resource.push(("service.version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
        Ok(resource)
    }

    fn sampler(&self) -> Result<Sampler, Failure> {
        let name = self.get("OTEL_TRACES_SAMPLER").unwrap_or("parentbased_always_on");
        let own = name.strip_prefix("parentbased_");
        let ratio = match own.unwrap_or(name) {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => self.ratio()?,
            _ => {
                let known = "always_on, always_off, traceidratio, or one of them after `parentbased_`";
                return Err(wrong("OTEL_TRACES_SAMPLER", name, known));
            }
        };
        Ok(Sampler { asks_parent: own.is_some(), ratio })
    }

    fn ratio(&self) -> Result<f64, Failure> {
        let text = self.get("OTEL_TRACES_SAMPLER_ARG").unwrap_or("1");
        let ratio: Option<f64> = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        ratio.ok_or_else(|| wrong("OTEL_TRACES_SAMPLER_ARG", text, "a share from 0 to 1, such as 0.25"))
    }
}

fn wrong(name: &str, value: &str, wanted: &str) -> Failure {
    Failure::usage(format!("{name} is `{value}`")).hint(format!("it is {wanted}"))
}

/// `a=1,b=2`, with `%` and two digits for what stands in the way.
fn pairs(name: &str, text: &str) -> Result<Vec<(String, String)>, Failure> {
    let given = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let read = given.map(|pair| {
        let (key, value) = pair.split_once('=')?;
        Some((key.trim().to_owned(), decoded(value.trim())?))
    });
    // WHY: the text is not shown, since headers carry secrets.
    read.collect::<Option<Vec<_>>>().ok_or_else(|| {
        Failure::usage(format!("{name} cannot be read")).hint("write it as name=value,name=value")
    })
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(set: &[(&str, &str)]) -> Variables {
        Variables::new(set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    fn exporting(more: &[(&str, &str)]) -> Exporting {
        let mut set = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/")];
        set.extend(more);
        variables(&set).exporting().unwrap().unwrap()
    }

    #[test]
    fn nothing_is_sent_unless_an_endpoint_is_set() {
        for set in [
            &[][..],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://x"), ("OTEL_SDK_DISABLED", "TRUE")],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://x"), ("OTEL_TRACES_EXPORTER", "none")],
        ] {
            assert_eq!(variables(set).exporting().unwrap(), None, "{set:?}");
        }
    }

    #[test]
    fn variables_are_read_as_the_specification_says() {
        let plain = exporting(&[]);
        assert_eq!(
            (plain.url.as_str(), plain.protocol),
            ("http://127.0.0.1:4318/v1/traces", Protocol::Protobuf)
        );
        assert_eq!(plain.sampler, Sampler { asks_parent: true, ratio: 1.0 });
        assert_eq!(plain.resource[0], ("service.name".to_owned(), "shipway".to_owned()));
        let full = exporting(&[
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://x/custom"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc, x-team = a"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_SERVICE_NAME", "ours"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment.name=staging"),
            ("OTEL_TRACES_SAMPLER", "traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
        ]);
        assert_eq!((full.url.as_str(), full.protocol), ("https://x/custom", Protocol::Json));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(full.headers, [pair("authorization", "Bearer abc"), pair("x-team", "a")]);
        assert_eq!(
            full.resource[..2],
            [pair("service.name", "ours"), pair("deployment.environment.name", "staging")]
        );
        assert_eq!(full.sampler, Sampler { asks_parent: false, ratio: 0.25 });
    }

    #[test]
    fn what_cannot_be_read_is_refused_and_no_secret_is_said() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1s"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "secret"),
            ("OTEL_TRACES_SAMPLER", "sometimes"),
            ("OTEL_BSP_SCHEDULE_DELAY", "-1"),
        ] {
            let set = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://x"), (name, value)];
            let refused = format!("{:?}", variables(&set).exporting().unwrap_err());
            assert!(refused.contains(name) && !refused.contains("`secret"), "{refused}");
        }
        assert!(variables(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318")]).exporting().is_err());
    }

    #[test]
    fn a_share_of_traces_is_taken_by_their_ids() {
        let quarter = Sampler { asks_parent: false, ratio: 0.25 };
        let low = [0_u8; 16];
        let high = [0xff_u8; 16];
        assert!(quarter.takes(low, Some(false)) && !quarter.takes(high, Some(true)));
        let parent = Sampler { asks_parent: true, ratio: 0.0 };
        assert!(parent.takes(high, Some(true)) && !parent.takes(low, None));
        assert!(Sampler { asks_parent: true, ratio: 1.0 }.takes(high, None));
    }
}
