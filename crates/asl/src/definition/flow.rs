//! Reads the fields that lead data through a state.

use super::reader::Reader;
use super::{Flow, PathFlow, QueryFlow, QueryLanguage, StateKind};

/// The data flow of a state of this kind. What the kind does not have has been reported already.
pub(super) fn flow(kind: StateKind, reader: &Reader<'_>) -> Flow {
    if reader.language == QueryLanguage::Jsonata {
        return Flow::Jsonata(QueryFlow {
            arguments: reader.query_template("Arguments"),
            output: reader.query_template("Output"),
        });
    }
    // WHY: in a Map, `Parameters` is the older name of `ItemSelector`.
    let parameters = match kind {
        StateKind::Pass | StateKind::Task | StateKind::Parallel => reader.template("Parameters"),
        _ => None,
    };
    // WHY: a Fail state has none of these fields, so every one of them reads as not given.
    Flow::JsonPath(PathFlow {
        input_path: reader.selection("InputPath"),
        parameters,
        result_selector: reader.object_template("ResultSelector"),
        result_path: reader.result_path("ResultPath"),
        output_path: reader.selection("OutputPath"),
    })
}
