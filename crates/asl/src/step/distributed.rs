//! Distributed Maps: what a Map Run is told when it is started, and what its end means for the Map.
//! The Map Run itself is [`map_run`](crate::map_run): its children's events are not in this history.

use std::sync::Arc;

use serde_json::Value;

use super::fail::Failure;
use super::stepper::Stepper;
use crate::definition::{
    Amount, ExecutionType, InputType, ItemBatcher, ItemReader, ManifestType, MapOver, ResultWriter,
};
use crate::event::{Detail, Failed};
use crate::expression::Fault;
use crate::intrinsic::uuid_text;
use crate::items::{Format, ReadCall, ReadPlan};
use crate::map_run::{Batch, MapRunPlan, Tolerated, Transformation, WritePlan};
use crate::moment::{Effect, MapRunResult};
use crate::template::Template;

impl Stepper<'_> {
    /// Enters a distributed Map: its Map Run is started.
    pub fn start_map_run(
        &mut self,
        frame: u64,
        map: &MapOver,
        execution_type: ExecutionType,
        concurrency: u32,
    ) -> Result<(), Fault> {
        let items = match &map.reader {
            Some(_) => Value::Null,
            None => self.items(frame, map, self.effective_input(frame)?)?,
        };
        let length = match &items {
            Value::Array(items) => items.len(),
            Value::Object(fields) => fields.len(),
            _ => 0,
        };
        let length = length as u64;
        self.emit(frame, Detail::MapStarted { length, items: Arc::new(items), concurrency });
        let tolerated = self.tolerated(frame, map)?;
        let reader = map.reader.as_ref().map(|reader| self.read_plan(frame, reader)).transpose()?;
        let batch = map.batcher.as_ref().map(|batcher| self.batch(frame, batcher)).transpose()?;
        let writer = self.write_plan(frame, map.writer.as_ref())?;
        let state = self.execution.active(frame).map(|active| active.name.clone()).unwrap_or_default();
        let arn = self.map_run_arn(map);
        let run = self.emit(frame, Detail::MapRunStarted { arn: arn.clone() });
        self.effect(Effect::StartMapRun(Box::new(MapRunPlan {
            run,
            arn,
            state,
            execution_type,
            max_concurrency: concurrency,
            tolerated,
            reader,
            batch,
            writer,
        })));
        Ok(())
    }

    /// Takes in how a Map Run has ended.
    pub fn map_run_ended(&mut self, run: u64, result: MapRunResult) {
        let Some(frame) = self.execution.map_run_frame(run) else { return };
        match result {
            MapRunResult::Succeeded { output } => {
                self.map_run_succeeded(frame);
                self.exit(frame, output);
            }
            MapRunResult::TooLarge => {
                self.map_run_succeeded(frame);
                let name = self.execution.active(frame).map_or("", |active| active.name.as_str());
                let message = format!(
                    "The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service limit."
                );
                self.fault(frame, Fault::Other { error: "States.DataLimitExceeded", message });
            }
            MapRunResult::Failed(failure) => {
                let (error, cause) = (failure.error, failure.cause);
                let shown = Failed { error: error.clone(), cause: cause.clone() };
                self.emit(frame, Detail::MapRunFailed(shown));
                self.fail_open(frame, Failure { error, cause });
            }
        }
    }

    // WHY: both chain on the Map Run's start or redrive, and so does the exit, as AWS has it.
    fn map_run_succeeded(&mut self, frame: u64) {
        let succeeded = self.emit(frame, Detail::MapRunSucceeded);
        self.emit_after(frame, succeeded, Detail::MapSucceeded);
    }

    /// What failures a Map bears.
    pub fn tolerated(&self, frame: u64, map: &MapOver) -> Result<Tolerated, Fault> {
        let input = self.effective_input(frame)?;
        let count = self.amount(frame, &input, map.tolerated.count.as_ref(), "ToleratedFailureCount")?;
        let percentage = self.percentage(frame, &input, map.tolerated.percentage.as_ref())?;
        Ok(Tolerated { count, percentage })
    }

    pub fn percentage(
        &self,
        frame: u64,
        input: &Value,
        amount: Option<&Amount>,
    ) -> Result<Option<f64>, Fault> {
        let beyond = || Fault::runtime("ToleratedFailurePercentage must be between 0 and 100.");
        let within = |number: f64| (0.0..=100.0).contains(&number).then_some(Some(number)).ok_or_else(beyond);
        let path = match amount {
            None => return Ok(None),
            Some(Amount::Literal(number)) => return Ok(Some(*number)),
            Some(Amount::Jsonata(expression)) => {
                let field = "ToleratedFailurePercentage";
                let value = self.with_env(frame, input, |env| expression.evaluate(env, field))?;
                return within(value.as_f64().ok_or_else(|| expression.unexpected(field, "number", &value))?);
            }
            Some(Amount::Path(path)) => path,
        };
        let found = self.with_env(frame, input, |env| env.select(path))?;
        let number = match &found {
            Value::String(text) => text.parse().ok(),
            other => other.as_f64(),
        };
        let shown = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
        match number {
            Some(number) => within(number),
            None => Err(Fault::runtime(format!(
                "The ToleratedFailurePercentagePath field refers to value \"{shown}\" which is not a valid float: {path}"
            ))),
        }
    }

    /// What an `ItemReader` is told.
    pub fn read_plan(&self, frame: u64, reader: &ItemReader) -> Result<ReadPlan, Fault> {
        let config = &reader.config;
        let max_items = self.max_items(frame, config.max_items.as_ref())?;
        let is_list = reader.resource.ends_with(":listObjectsV2");
        let call = match (is_list, config.manifest, config.input_type) {
            (true, ..) if config.is_flattened => ReadCall::LoadAndFlatten,
            (true, ..) => ReadCall::List,
            (false, Some(ManifestType::AthenaData), _) => ReadCall::Athena,
            (false, Some(ManifestType::S3Inventory), _) | (false, None, Some(InputType::Manifest)) => {
                ReadCall::Inventory
            }
            (false, None, _) => ReadCall::Object,
        };
        let format = match config.input_type {
            Some(InputType::JsonLines) => Format::JsonLines,
            Some(InputType::Parquet) => Format::Parquet,
            Some(InputType::Csv | InputType::Manifest) => Format::Delimited {
                headers: config.csv_headers.clone(),
                delimiter: config.csv_delimiter.unwrap_or(','),
            },
            Some(InputType::Json) | None => Format::Json,
        };
        Ok(ReadPlan {
            call,
            arguments: self.fields(frame, reader.arguments.as_ref())?.unwrap_or_default(),
            format,
            pointer: config.items_pointer.clone(),
            max_items,
        })
    }

    fn max_items(&self, frame: u64, amount: Option<&Amount>) -> Result<Option<i64>, Fault> {
        let input = self.effective_input(frame)?;
        if let Some(Amount::Path(path)) = amount {
            let found = self.with_env(frame, &input, |env| env.select(path));
            // WHY: AWS starts the Map Run with it, which then fails.
            if let Some(negative) = found.ok().and_then(|found| found.as_i64()).filter(|found| *found < 0) {
                return Ok(Some(negative));
            }
        }
        let most = self.amount(frame, &input, amount, "MaxItems")?;
        Ok(most.map(|most| i64::try_from(most).unwrap_or(i64::MAX)))
    }

    fn batch(&self, frame: u64, batcher: &ItemBatcher) -> Result<Batch, Fault> {
        let input = self.effective_input(frame)?;
        let amount = |amount: &Option<Amount>, field: &str| {
            Ok(self.amount(frame, &input, amount.as_ref(), field)?.filter(|most| *most > 0))
        };
        Ok(Batch {
            max_items: amount(&batcher.max_items_per_batch, "ItemBatcher/MaxItemsPerBatch")?,
            max_bytes: amount(&batcher.max_input_bytes_per_batch, "ItemBatcher/MaxInputBytesPerBatch")?,
            input: self.fields(frame, batcher.batch_input.as_ref())?,
        })
    }

    fn write_plan(&self, frame: u64, writer: Option<&ResultWriter>) -> Result<WritePlan, Fault> {
        let Some(writer) = writer else { return Ok(WritePlan::default()) };
        if writer.is_empty {
            return Err(Fault::runtime(
                "ResultWriter must have the field Resource or the field WriterConfig.",
            ));
        }
        let arguments = match &writer.resource {
            None => None,
            Some(_) => Some(self.fields(frame, writer.arguments.as_ref())?.unwrap_or_default()),
        };
        let default = if arguments.is_some() { Transformation::None } else { Transformation::Compact };
        Ok(WritePlan {
            arguments,
            transformation: writer.transformation.unwrap_or(default),
            is_lines: writer.is_lines,
        })
    }

    fn fields(&self, frame: u64, template: Option<&Template>) -> Result<Option<Value>, Fault> {
        let Some(template) = template else { return Ok(None) };
        let input = self.effective_input(frame)?;
        self.with_env(frame, &input, |env| template.evaluate(env)).map(Some)
    }

    /// `...:mapRun:<machine>/<label>:<uuid>`
    fn map_run_arn(&self, map: &MapOver) -> String {
        let machine = self.execution.start().machine_arn.replacen(":stateMachine:", ":mapRun:", 1);
        // WHY: a child's machine carries the label of its own Map Run already.
        let machine = machine.split('/').next().unwrap_or_default().to_owned();
        let label = map.label.clone().unwrap_or_else(|| uuid_text(self.draw()));
        format!("{machine}/{label}:{}", uuid_text(self.draw()))
    }
}
