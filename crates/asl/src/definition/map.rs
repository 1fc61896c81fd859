//! Reads Map states: where items come from, who processes them, and what becomes of the results.

use super::reader::Reader;
use super::states::{COMMON, ENDS, PATHS, Parser, RESULT, WORK};
use super::{Amount, ExecutionType, MapOver, Mode, Tolerance};

impl Parser {
    pub(super) fn map(&mut self, reader: &Reader<'_>) -> Option<MapOver> {
        reader.only(&[COMMON, PATHS, ENDS, RESULT, WORK, MAP]);
        reader.at_most_one(&["ItemProcessor", "Iterator"]);
        reader.at_most_one(&["ItemSelector", "Parameters"]);
        let field = if reader.has("Iterator") { "Iterator" } else { "ItemProcessor" };
        reader.required(&[field]);
        let processor = reader.object(field)?;
        let scope = self.branch(&processor);
        let selector = if reader.has("Parameters") { "Parameters" } else { "ItemSelector" };
        Some(MapOver {
            items: reader.items(),
            reader: reader.item_reader(),
            batcher: reader.item_batcher(),
            writer: reader.result_writer(),
            item_selector: reader.template(selector),
            mode: mode(&processor),
            max_concurrency: reader.amount("MaxConcurrency", 0, u64::from(u32::MAX)),
            tolerated: tolerance(reader),
            label: reader.string("Label"),
            processor: scope?,
        })
    }
}

fn tolerance(reader: &Reader<'_>) -> Tolerance {
    reader.at_most_one(&["ToleratedFailurePercentage", "ToleratedFailurePercentagePath"]);
    let percentage = reader.number_or_expression("ToleratedFailurePercentage", 0.0, 100.0);
    Tolerance {
        count: reader.amount("ToleratedFailureCount", 0, u64::from(u32::MAX)),
        percentage: percentage
            .or_else(|| reader.reference("ToleratedFailurePercentagePath").map(Amount::Path)),
    }
}

const MAP: &[&str] = &[
    "ItemProcessor",
    "Iterator",
    "Items",
    "ItemsPath",
    "ItemSelector",
    "MaxConcurrency",
    "MaxConcurrencyPath",
    "ToleratedFailureCount",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentage",
    "ToleratedFailurePercentagePath",
    "Label",
    "ItemReader",
    "ItemBatcher",
    "ResultWriter",
];

fn mode(processor: &Reader<'_>) -> Mode {
    let Some(config) = processor.object("ProcessorConfig") else { return Mode::Inline };
    config.only(&[&["Mode", "ExecutionType"]]);
    match config.string("Mode").as_deref() {
        None | Some("INLINE") => Mode::Inline,
        Some("DISTRIBUTED") => {
            if !config.has("ExecutionType") {
                config.required(&["ExecutionType"]);
            }
            match config.string("ExecutionType").as_deref() {
                Some("EXPRESS") => Mode::Distributed(ExecutionType::Express),
                _ => Mode::Distributed(ExecutionType::Standard),
            }
        }
        Some(_) => {
            config.wrong("Mode", "The value must be INLINE or DISTRIBUTED");
            Mode::Inline
        }
    }
}
