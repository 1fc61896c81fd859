//! Lines in log groups of `moto_server`: what is written is read again, and streams that are gone are made anew.

use std::sync::Arc;

use serde_json::{Value, json};
use shipway_asl::Timestamp;
use shipway_aws::{
    client::Client,
    logs::{Line, LogGroups},
};

use crate::support::{Calls, Moto};

const GROUP: &str = "/aws/vendedlogs/states/g";

fn line(text: &str, after: i64) -> Line {
    Line { at: Timestamp(now() + after), text: text.to_owned() }
}

/// WHY: the service takes nothing that is older than two weeks.
fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap() - 60_000
}

async fn streams(client: &Client) -> Vec<String> {
    let input = json!({"logGroupName": GROUP});
    let found = client.call("cloudwatchlogs", "DescribeLogStreams", &input).await.unwrap().output;
    let streams = found["logStreams"].as_array().cloned().unwrap_or_default();
    streams.iter().map(|stream| stream["logStreamName"].as_str().unwrap().to_owned()).collect()
}

async fn messages(client: &Client) -> Vec<Value> {
    let input = json!({"logGroupName": GROUP});
    let found = client.call("cloudwatchlogs", "FilterLogEvents", &input).await.unwrap().output;
    found["events"].as_array().unwrap().iter().map(|event| event["message"].clone()).collect()
}

#[tokio::test]
async fn what_was_written_is_in_the_group_in_order() {
    let Some(moto) = Moto::start() else { return };
    let client = moto.client(&Arc::new(Calls::default()));
    let groups = LogGroups::new(&client);
    let missing = groups.write(GROUP, "m", vec![line("a", 0)]).await.unwrap_err();
    assert!(missing.is("ResourceNotFoundException"), "{missing:?}");
    client.call("cloudwatchlogs", "CreateLogGroup", &json!({"logGroupName": GROUP})).await.unwrap();
    groups.write(GROUP, "m", vec![line("b", 20), line("a", 0)]).await.unwrap();
    groups.write(GROUP, "m", vec![line("c", 40)]).await.unwrap();
    assert_eq!(messages(&client).await, ["a", "b", "c"]);
    let [stream] = streams(&client).await.try_into().unwrap();
    assert!(stream.starts_with("states/m/"), "{stream}");
    let gone = json!({"logGroupName": GROUP, "logStreamName": stream});
    client.call("cloudwatchlogs", "DeleteLogStream", &gone).await.unwrap();
    groups.write(GROUP, "m", vec![line("d", 60)]).await.unwrap();
    assert_eq!(messages(&client).await, ["d"]);
}
