//! Makes the embedded service models of `shipway-aws` from botocore's: one trimmed, compressed file a service, and
//! an index in Rust. Knows what is kept and how services are called; does not know what the models are used for.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};
use flate2::{Compression, GzBuilder, read::GzDecoder};
use serde_json::{Map, Value};

const USAGE: &str = "usage: cargo xtask models [--botocore DIR] [--check]";
const MODELS: &str = "crates/aws/models";
const INDEX: &str = "crates/aws/src/models/index.rs";
const NOTICE: &str = "crates/aws/models/NOTICE";

/// Keys that are kept of a service's metadata, an operation, a shape and a reference to a shape; the rest is
/// documentation, or serves endpoint rules and validation that Shipway does not do.
const METADATA: &[&str] = &[
    "apiVersion",
    "awsQueryCompatible",
    "checksumFormat",
    "endpointPrefix",
    "globalEndpoint",
    "jsonVersion",
    "protocol",
    "protocols",
    "serviceFullName",
    "serviceId",
    "signatureVersion",
    "signingName",
    "targetPrefix",
    "xmlNamespace",
];
const OPERATION: &[&str] = &[
    "auth",
    "authtype",
    "deprecated",
    "endpoint",
    "endpointdiscovery",
    "endpointoperation",
    "errors",
    "http",
    "httpChecksum",
    "httpChecksumRequired",
    "idempotent",
    "input",
    "output",
    "readonly",
    "requestcompression",
    "unsignedPayload",
];
const SHAPE: &[&str] = &[
    "document",
    "enum",
    "error",
    "event",
    "eventstream",
    "exception",
    "fault",
    "flattened",
    "key",
    "locationName",
    "max",
    "member",
    "members",
    "min",
    "payload",
    "required",
    "requiresLength",
    "retryable",
    "sensitive",
    "sparse",
    "streaming",
    "timestampFormat",
    "type",
    "union",
    "value",
    "wrapper",
    "xmlNamespace",
    "xmlOrder",
];
const REFERENCE: &[&str] = &[
    "eventpayload",
    "flattened",
    "hostLabel",
    "idempotencyToken",
    "jsonvalue",
    "location",
    "locationName",
    "queryName",
    "resultWrapper",
    "shape",
    "streaming",
    "xmlAttribute",
    "xmlNamespace",
];

/// Folders of botocore that stand for a service which another folder describes too.
const DOUBLES: &[&str] = &["sms-voice"];

/// Makes the set, or with `--check` tells whether it is what would be made.
pub fn run(root: &Path, arguments: impl Iterator<Item = String>) -> Result<()> {
    let (folder, check) = options(arguments)?;
    let folder = match folder {
        Some(folder) => folder,
        None => install(root)?,
    };
    let package = find_package(&folder)?;
    let services = services(&package.join("data"))?;
    let version = version(&package)?;
    let current = Set { index: index(&services), notice: notice(&version), services };
    if check { current.compare(root) } else { current.write(root) }
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<(Option<PathBuf>, bool)> {
    let (mut folder, mut check) = (None, false);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--check" => check = true,
            "--botocore" => folder = Some(arguments.next().context("`--botocore` needs a folder")?.into()),
            other => bail!("there is no option `{other}`\n{USAGE}"),
        }
    }
    Ok((folder, check))
}

/// Fetches the newest botocore with pip, into `target/`.
fn install(root: &Path) -> Result<PathBuf> {
    let folder = root.join("target/botocore");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("cannot clear target/botocore")?;
    }
    let status = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target"])
        .arg(&folder)
        .arg("botocore")
        .status()
        .context("cannot run `python3 -m pip`; give a botocore with `--botocore DIR`")?;
    ensure!(status.success(), "pip could not fetch botocore; give one with `--botocore DIR`");
    Ok(folder)
}

/// The folder of the package: `folder` itself, or `botocore` in it.
fn find_package(folder: &Path) -> Result<PathBuf> {
    [folder.to_owned(), folder.join("botocore")]
        .into_iter()
        .find(|package| package.join("data").is_dir() && package.join("__init__.py").is_file())
        .with_context(|| format!("{} holds no botocore", folder.display()))
}

fn version(package: &Path) -> Result<String> {
    let text = fs::read_to_string(package.join("__init__.py")).context("cannot read botocore's version")?;
    text.lines()
        .find_map(|line| line.strip_prefix("__version__ = "))
        .map(|version| version.trim_matches(['\'', '"']).to_owned())
        .context("botocore names no version")
}

/// A service as the set holds it.
struct Service {
    /// Its folder in botocore, which is also how the AWS command line calls it.
    folder: String,
    /// The trimmed model.
    json: Vec<u8>,
}

/// All services by their name in Step Functions.
fn services(data: &Path) -> Result<BTreeMap<String, Service>> {
    let mut services = BTreeMap::new();
    for folder in folders(data)? {
        if DOUBLES.contains(&folder.as_str()) {
            continue;
        }
        let Some(version) = folders(&data.join(&folder))?.pop() else { continue };
        let Some(model) = read(&data.join(&folder).join(version))? else { continue };
        let mut trimmed = trim(&model).with_context(|| format!("cannot trim `{folder}`"))?;
        add_paginators(&mut trimmed, &data.join(&folder))?;
        let id = trimmed.pointer("/metadata/serviceId").and_then(Value::as_str);
        let id = id.with_context(|| format!("`{folder}` has no id"))?;
        let (name, json) = (name(id), serde_json::to_vec(&trimmed)?);
        if let Some(other) = services.insert(name.clone(), Service { folder: folder.clone(), json }) {
            bail!("`{}` and `{folder}` are both called `{name}`: add one to DOUBLES", other.folder);
        }
    }
    ensure!(!services.is_empty(), "{} holds no service model", data.display());
    Ok(services)
}

/// Names of the folders in a folder, sorted; versions are dates, so that the newest is the last.
fn folders(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn read(folder: &Path) -> Result<Option<Value>> {
    let (packed, plain) = (folder.join("service-2.json.gz"), folder.join("service-2.json"));
    let text = match (packed.is_file(), plain.is_file()) {
        (true, _) => unpack(&fs::read(&packed)?)?,
        (false, true) => fs::read(&plain)?,
        (false, false) => return Ok(None),
    };
    let model = serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", folder.display()))?;
    Ok(Some(model))
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut text).context("cannot unpack")?;
    Ok(text)
}

/// No time and no name in the head: the same model gives the same bytes.
fn pack(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish().context("cannot pack")
}

/// The service's name in `aws-sdk:<name>:`, which is its package in the AWS SDK for Java 2.x.
fn name(service_id: &str) -> String {
    let name: String = service_id.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = name.to_ascii_lowercase();
    let name = ["amazon", "aws"].iter().find_map(|lead| name.strip_prefix(lead)).unwrap_or(&name);
    name.strip_suffix("service").unwrap_or(name).to_owned()
}

fn trim(model: &Value) -> Result<Value> {
    let part = |name: &str| model[name].as_object().with_context(|| format!("the model has no `{name}`"));
    let operations = part("operations")?.iter().map(|(name, it)| (name.clone(), operation(it)));
    let shapes = part("shapes")?.iter().map(|(name, it)| (name.clone(), shape(it)));
    let mut trimmed = Map::new();
    trimmed.insert("metadata".to_owned(), keep(&model["metadata"], METADATA));
    trimmed.insert("operations".to_owned(), sorted(operations));
    trimmed.insert("shapes".to_owned(), sorted(shapes));
    Ok(Value::Object(trimmed))
}

/// Puts how an operation's pages are asked for beside the operation; botocore keeps that in a file of its own.
fn add_paginators(model: &mut Value, service: &Path) -> Result<()> {
    let Some(version) = folders(service)?.pop() else { return Ok(()) };
    let Ok(text) = fs::read(service.join(version).join("paginators-1.json")) else { return Ok(()) };
    let paginators: Value = serde_json::from_slice(&text).context("the paginators are no JSON")?;
    for (name, paginator) in paginators.get("pagination").and_then(Value::as_object).into_iter().flatten() {
        let Some(operation) = model["operations"].get_mut(name).and_then(Value::as_object_mut) else {
            continue;
        };
        let kept = [
            ("in", "input_token"),
            ("items", "result_key"),
            ("more", "more_results"),
            ("out", "output_token"),
        ];
        let mut trimmed = Map::new();
        for (ours, theirs) in kept {
            match &paginator[theirs] {
                Value::Null => (),
                value @ Value::String(_) if ours != "more" => {
                    drop(trimmed.insert(ours.to_owned(), vec![value.clone()].into()))
                }
                value => drop(trimmed.insert(ours.to_owned(), value.clone())),
            }
        }
        operation.insert("paginator".to_owned(), trimmed.into());
        operation.sort_keys();
    }
    Ok(())
}

fn operation(value: &Value) -> Value {
    let mut operation = keep(value, OPERATION);
    for name in ["input", "output"] {
        if let Some(reference) = operation.get_mut(name) {
            *reference = keep(reference, REFERENCE);
        }
    }
    if let Some(Value::Array(errors)) = operation.get_mut("errors") {
        errors.iter_mut().for_each(|error| *error = keep(error, REFERENCE));
    }
    operation
}

fn shape(value: &Value) -> Value {
    let mut shape = keep(value, SHAPE);
    for name in ["key", "member", "value"] {
        if let Some(reference) = shape.get_mut(name) {
            *reference = keep(reference, REFERENCE);
        }
    }
    if let Some(Value::Object(members)) = shape.get_mut("members") {
        members.values_mut().for_each(|member| *member = keep(member, REFERENCE));
    }
    shape
}

/// The kept keys of an object, in their order here; anything else is left as it is.
fn keep(value: &Value, keys: &[&str]) -> Value {
    let Some(object) = value.as_object() else { return value.clone() };
    sorted(object.iter().filter(|(key, _)| keys.contains(&key.as_str())).map(|(k, v)| (k.clone(), v.clone())))
}

fn sorted(entries: impl Iterator<Item = (String, Value)>) -> Value {
    let entries: BTreeMap<String, Value> = entries.collect();
    Value::Object(entries.into_iter().collect())
}

fn index(services: &BTreeMap<String, Service>) -> String {
    let mut text = format!(
        "//! The embedded models by their service's name. Made by `cargo xtask models`; not to be edited.\n\n\
         use super::store::{{Entry, entry}};\n\n\
         /// Sorted by name.\n\
         #[rustfmt::skip]\n\
         pub(super) static ENTRIES: [Entry; {}] = [\n",
        services.len()
    );
    for (name, service) in services {
        text += &format!(
            "    entry(\"{name}\", \"{}\", include_bytes!(\"../../models/{name}.json.gz\")),\n",
            service.folder
        );
    }
    text + "];\n"
}

fn notice(version: &str) -> String {
    format!(
        "The files in this folder are made from the service models of botocore {version}\n\
         (https://github.com/boto/botocore), Copyright 2012-2022 Amazon.com, Inc. or its affiliates.\n\
         All Rights Reserved. Licensed under the Apache License, Version 2.0.\n\n\
         Changed by `cargo xtask models`: documentation, examples, patterns and rules of endpoints are taken\n\
         out, keys are sorted, and each service is one compressed file under its name in Step Functions.\n"
    )
}

/// The models, their index and where they come from.
struct Set {
    services: BTreeMap<String, Service>,
    index: String,
    notice: String,
}

impl Set {
    fn write(&self, root: &Path) -> Result<()> {
        let folder = root.join(MODELS);
        if folder.exists() {
            fs::remove_dir_all(&folder).context("cannot clear the models")?;
        }
        fs::create_dir_all(&folder).context("cannot make the folder of the models")?;
        let mut bytes = 0;
        for (name, service) in &self.services {
            let packed = pack(&service.json)?;
            bytes += packed.len();
            fs::write(folder.join(format!("{name}.json.gz")), packed)?;
        }
        fs::write(root.join(INDEX), &self.index)?;
        fs::write(root.join(NOTICE), &self.notice)?;
        println!("{} services, {bytes} bytes", self.services.len());
        Ok(())
    }

    /// Compares what the files say, not their compressed bytes, which a newer compressor may change.
    fn compare(&self, root: &Path) -> Result<()> {
        let mut findings = Vec::new();
        for (name, service) in &self.services {
            match fs::read(root.join(MODELS).join(format!("{name}.json.gz"))) {
                Err(_) => findings.push(format!("`{name}` is missing")),
                Ok(bytes) => match unpack(&bytes) {
                    Err(_) => findings.push(format!("`{name}` is damaged")),
                    Ok(json) if json != service.json => findings.push(format!("`{name}` is out of date")),
                    Ok(_) => (),
                },
            }
        }
        for entry in fs::read_dir(root.join(MODELS)).context("there are no models")? {
            let file = entry?.file_name().to_string_lossy().into_owned();
            let is_known = file.strip_suffix(".json.gz").is_none_or(|name| self.services.contains_key(name));
            if !is_known {
                findings.push(format!("{file} is no service of botocore any more"));
            }
        }
        for (file, text) in [(INDEX, &self.index), (NOTICE, &self.notice)] {
            if fs::read_to_string(root.join(file)).ok().as_ref() != Some(text) {
                findings.push(format!("{file} is out of date"));
            }
        }
        findings.iter().for_each(|finding| eprintln!("models: {finding}"));
        ensure!(findings.is_empty(), "{} finding(s); run `cargo xtask models`", findings.len());
        println!("{} services are current", self.services.len());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_is_called_as_in_the_java_sdk() {
        for (id, expected) in [
            ("SFN", "sfn"),
            ("EventBridge", "eventbridge"),
            ("CloudWatch Logs", "cloudwatchlogs"),
            ("Cost and Usage Report Service", "costandusagereport"),
            ("Directory Service", "directory"),
            ("Directory Service Data", "directoryservicedata"),
            ("Service Catalog AppRegistry", "servicecatalogappregistry"),
            ("Elastic Load Balancing v2", "elasticloadbalancingv2"),
            ("codestar-connections", "codestarconnections"),
        ] {
            assert_eq!(name(id), expected, "{id}");
        }
    }

    #[test]
    fn documentation_goes_and_a_member_of_that_name_stays() {
        let model = json!({
            "metadata": {"serviceId": "S", "uid": "u"},
            "documentation": "d",
            "operations": {"Op": {"name": "Op", "documentation": "d", "http": {"method": "POST"},
                "output": {"shape": "Out", "documentation": "d"}}},
            "shapes": {"Out": {"type": "structure", "documentation": "d", "members": {
                "documentation": {"shape": "Text", "documentation": "d", "locationName": "x"}}},
                "Text": {"type": "string", "pattern": ".*", "min": 1}}
        });
        let expected = json!({
            "metadata": {"serviceId": "S"},
            "operations": {"Op": {"http": {"method": "POST"}, "output": {"shape": "Out"}}},
            "shapes": {"Out": {"members": {"documentation": {"locationName": "x", "shape": "Text"}},
                "type": "structure"}, "Text": {"min": 1, "type": "string"}}
        });
        assert_eq!(trim(&model).unwrap().to_string(), expected.to_string());
    }

    #[test]
    fn the_same_model_gives_the_same_bytes() {
        let text = br#"{"a":[1,2,3]}"#;
        assert_eq!(pack(text).unwrap(), pack(text).unwrap());
        assert_eq!(unpack(&pack(text).unwrap()).unwrap(), text);
    }
}
