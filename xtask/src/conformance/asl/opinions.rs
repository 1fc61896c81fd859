//! Where Shipway and another linter disagree: who is right, by AWS's documentation or recordings. A disagreement that
//! is not named here is shown without a reason.

/// The end of a case's id, and why we do not share the opinion.
const EXPLAINED: &[(&str, &str)] = &[
    (
        "invalid-json-surround-syntax-extra-spaces.json",
        "AWS wants the text to begin with `{%` and to end with `%}`; spaces and line ends within belong to the expression",
    ),
    (
        "invalid-jsonata-surround-syntax-no-spaces.json",
        "AWS wants the text to begin with `{%` and to end with `%}`; it asks for no space within",
    ),
    ("valid-assign.asl.json", "names of variables are Unicode identifiers at AWS: a hyphen is none"),
    (
        "valid-current-value-predicate.json",
        "a word without quotes is no value in a JSONPath filter, and AWS refuses a path that it cannot parse",
    ),
    (
        "valid-map-with-item-batcher-jsonata.json",
        "AWS lets a state choose JSONata in a JSONPath machine and not the other way round",
    ),
    ("task-credentials.json", "AWS refused credentials without `RoleArn` (recorded in `create`)"),
    ("task-with-credentials.json", "AWS refused credentials without `RoleArn` (recorded in `create`)"),
    (
        "valid-task-intrisic-function.json",
        "functions of CloudFormation are resolved before Step Functions sees the definition; there `Resource` is a text",
    ),
    (
        "succeed-with-comment-in-catcher.json",
        "`lambda:invoke` cannot be called without `FunctionName`, and AWS refuses the Task without `Parameters`",
    ),
    (
        "Map State / Shows diagnostics for valid ResultWriter",
        "undecided: AWS's documentation names no field that `WriterConfig` must have",
    ),
    (
        "Next / Doesn't show Diagnostic for valid state name",
        "the linter's own list of findings is empty here; the definition follows the language",
    ),
];

/// Why we do not share an opinion.
pub fn reason(id: &str) -> Option<&'static str> {
    EXPLAINED.iter().find(|(end, _)| id.ends_with(end)).map(|(_, reason)| *reason)
}
