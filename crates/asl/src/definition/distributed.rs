//! Reads what only distributed Maps have: `ItemReader`, `ItemBatcher` and `ResultWriter`.

use super::reader::Reader;
use super::{InputType, ItemBatcher, ItemReader, ManifestType, ReaderConfig, ResultWriter};
use crate::limits::{BATCH_BYTES_MAX, MAX_ITEMS_MAX};
use crate::map_run::Transformation;

const INPUT_TYPES: &[(&str, InputType)] = &[
    ("CSV", InputType::Csv),
    ("JSON", InputType::Json),
    ("JSONL", InputType::JsonLines),
    ("PARQUET", InputType::Parquet),
    ("MANIFEST", InputType::Manifest),
];
const MANIFEST_TYPES: &[(&str, ManifestType)] =
    &[("ATHENA_DATA", ManifestType::AthenaData), ("S3_INVENTORY", ManifestType::S3Inventory)];
const DELIMITERS: &[(&str, char)] =
    &[("COMMA", ','), ("PIPE", '|'), ("SEMICOLON", ';'), ("SPACE", ' '), ("TAB", '\t')];
/// Whether the headers are given.
const HEADER_LOCATIONS: &[(&str, bool)] = &[("FIRST_ROW", false), ("GIVEN", true)];
/// Whether the items of all listed objects are read.
const READ_TRANSFORMATIONS: &[(&str, bool)] = &[("NONE", false), ("LOAD_AND_FLATTEN", true)];
const WRITE_TRANSFORMATIONS: &[(&str, Transformation)] = &[
    ("NONE", Transformation::None),
    ("COMPACT", Transformation::Compact),
    ("FLATTEN", Transformation::Flatten),
];
/// Whether the results are lines.
const OUTPUT_TYPES: &[(&str, bool)] = &[("JSON", false), ("JSONL", true)];

impl Reader<'_> {
    pub(super) fn item_reader(&self) -> Option<ItemReader> {
        let reader = self.object("ItemReader")?;
        reader.only(&[&["Resource", "Parameters", "Arguments", "ReaderConfig"]]);
        reader.required(&["Resource"]);
        let resource = reader.resource(&["s3:getObject", "s3:listObjectsV2"])?;
        let config = reader.object("ReaderConfig").map(|config| config.reader_config());
        Some(ItemReader { resource, arguments: reader.arguments(), config: config.unwrap_or_default() })
    }

    fn reader_config(&self) -> ReaderConfig {
        self.only(&[READER_CONFIG]);
        let headers_given = self.named("CSVHeaderLocation", HEADER_LOCATIONS).unwrap_or(false);
        if headers_given {
            self.required(&["CSVHeaders"]);
        }
        ReaderConfig {
            input_type: self.named("InputType", INPUT_TYPES),
            csv_headers: self.texts("CSVHeaders").filter(|_| headers_given),
            csv_delimiter: self.named("CSVDelimiter", DELIMITERS),
            max_items: self.amount("MaxItems", 0, MAX_ITEMS_MAX),
            manifest: self.named("ManifestType", MANIFEST_TYPES),
            is_flattened: self.named("Transformation", READ_TRANSFORMATIONS).unwrap_or(false),
            items_pointer: self.pointer_field("ItemsPointer"),
        }
    }

    pub(super) fn item_batcher(&self) -> Option<ItemBatcher> {
        let batcher = self.object("ItemBatcher")?;
        batcher.only(&[BATCHER]);
        if !BATCHER.iter().skip(1).any(|field| batcher.has(field)) {
            batcher.wrong_here("Either MaxItemsPerBatch or MaxInputBytesPerBatch must be given");
        }
        Some(ItemBatcher {
            batch_input: batcher.object_template("BatchInput"),
            max_items_per_batch: batcher.amount("MaxItemsPerBatch", 1, MAX_ITEMS_MAX),
            max_input_bytes_per_batch: batcher.amount("MaxInputBytesPerBatch", 1, BATCH_BYTES_MAX),
        })
    }

    pub(super) fn result_writer(&self) -> Option<ResultWriter> {
        let writer = self.object("ResultWriter")?;
        writer.only(&[&["Resource", "Parameters", "Arguments", "WriterConfig"]]);
        let mut read = ResultWriter {
            resource: writer.resource(&["s3:putObject"]),
            arguments: writer.arguments(),
            // WHY: AWS takes such a definition, and its executions fail.
            is_empty: !writer.has("Resource") && !writer.has("WriterConfig"),
            ..ResultWriter::default()
        };
        if let Some(config) = writer.object("WriterConfig") {
            config.only(&[&["Transformation", "OutputType"]]);
            read.transformation = config.named("Transformation", WRITE_TRANSFORMATIONS);
            read.is_lines = config.named("OutputType", OUTPUT_TYPES).unwrap_or(false);
        }
        Some(read)
    }

    fn arguments(&self) -> Option<crate::template::Template> {
        self.object_template(if self.has("Arguments") { "Arguments" } else { "Parameters" })
    }

    /// `Resource`, which must be one of these calls.
    fn resource(&self, calls: &[&str]) -> Option<String> {
        let resource = self.string("Resource")?;
        let call = resource.split_once(":states:::").map(|(_, call)| call);
        if call.is_none_or(|call| !calls.contains(&call)) {
            let values: Vec<String> = calls.iter().map(|call| format!("arn:aws:states:::{call}")).collect();
            self.wrong("Resource", format!("Value should be one of the following: [{}]", values.join(", ")));
            return None;
        }
        Some(resource)
    }

    /// What a text stands for.
    fn named<T: Copy>(&self, field: &str, values: &[(&'static str, T)]) -> Option<T> {
        let names: Vec<&'static str> = values.iter().map(|(name, _)| *name).collect();
        let name = self.one_of(field, &names)?;
        values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    fn texts(&self, field: &str) -> Option<Vec<String>> {
        self.not_empty(field);
        let texts: Option<Vec<String>> =
            self.array(field)?.iter().map(|text| text.as_str().map(str::to_owned)).collect();
        if texts.is_none() {
            self.wrong(field, "Expected value of type Array of String");
        }
        texts
    }

    /// A JSON pointer.
    fn pointer_field(&self, field: &str) -> Option<String> {
        let pointer = self.string(field)?;
        if !pointer.is_empty() && !pointer.starts_with('/') {
            self.wrong(field, "Value must be a valid JSON pointer: begin with '/'");
            return None;
        }
        Some(pointer)
    }
}

const READER_CONFIG: &[&str] = &[
    "InputType",
    "Transformation",
    "CSVHeaderLocation",
    "CSVHeaders",
    "CSVDelimiter",
    "MaxItems",
    "MaxItemsPath",
    "ManifestType",
    "ItemsPointer",
];

const BATCHER: &[&str] = &[
    "BatchInput",
    "MaxItemsPerBatch",
    "MaxItemsPerBatchPath",
    "MaxInputBytesPerBatch",
    "MaxInputBytesPerBatchPath",
];
