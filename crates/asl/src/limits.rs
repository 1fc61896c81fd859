//! The language's written limits. Nothing here is configurable: AWS's values are the contract.

/// Largest input, output, parameters or result, in bytes of compact JSON.
pub const DATA_BYTES_MAX: usize = 262_144;
/// Largest variables of one execution together, in bytes of compact JSON. One variable, and what one
/// `Assign` gives, is bounded by [`DATA_BYTES_MAX`].
pub const VARIABLES_BYTES_MAX: usize = 10_485_760;
/// Most events in one history; the execution fails with the last one.
pub const HISTORY_EVENTS_MAX: u64 = 25_000;
/// Longest state name, in characters.
pub const STATE_NAME_CHARS_MAX: usize = 80;
/// Longest label of a distributed Map, in characters.
pub const LABEL_CHARS_MAX: usize = 40;
/// Largest definition, in bytes.
pub const DEFINITION_BYTES_MAX: usize = 1_048_576;
/// Longest variable name, in characters.
pub const VARIABLE_NAME_CHARS_MAX: usize = 80;
/// Longest wait, delay or time-out, in seconds: about a century, far above AWS's one year.
pub const SECONDS_MAX: u64 = 3_155_760_000;
/// Longest wait or time-out that a definition may spell out, in seconds: AWS's bound.
pub const LITERAL_SECONDS_MAX: u64 = 99_999_999;
/// Deepest nesting of templates, filters and intrinsic calls.
pub const NESTING_MAX: usize = 64;
/// Longest test of one state, in seconds: then it has failed with `States.Timeout`.
pub const TEST_STATE_SECONDS_MAX: u64 = 300;
/// Most diagnostics that one definition is answered with.
pub const DIAGNOSTICS_MAX: usize = 100;
/// Most items that one distributed Map reads, and most children that it starts.
pub const ITEMS_MAX: usize = 1_000_000;
/// Largest object that an `ItemReader` reads, unpacked, in bytes. AWS reads up to 10 GB.
pub const OBJECT_BYTES_MAX: usize = 256 << 20;
/// Most objects that wait to be read by one `ItemReader`.
pub const OBJECTS_MAX: usize = 100_000;
/// Most children of one Map Run that run at a time, as with AWS.
pub const CHILDREN_RUNNING_MAX: u32 = 10_000;
/// How long a child of type EXPRESS may run, as with AWS.
pub const EXPRESS_SECONDS_MAX: u64 = 300;
/// Greatest `MaxItems`, as with AWS.
pub const MAX_ITEMS_MAX: u64 = 100_000_000;
/// Greatest `MaxInputBytesPerBatch`, as with AWS.
pub const BATCH_BYTES_MAX: u64 = 256 << 10;
/// A history with as many events is not redriven, as with AWS: the redrive and one more event must fit.
pub const REDRIVE_EVENTS_MAX: u64 = HISTORY_EVENTS_MAX - 1;
/// Most redrives of one Map Run, as with AWS.
pub const MAP_RUN_REDRIVES_MAX: u32 = 1_000;
