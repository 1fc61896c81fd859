//! The engine's port to buckets, on `moto_server`: what is written is read and listed, and failures are S3's own words.

use std::sync::Arc;

use serde_json::json;
use shipway_aws::buckets::S3Buckets;
use shipway_engine::Buckets;

use crate::support::{Calls, Moto};

#[tokio::test]
async fn what_was_written_is_read_and_listed_page_by_page() {
    let Some(moto) = Moto::start() else { return };
    let client = moto.client(&Arc::new(Calls::default()));
    client.call("s3", "createBucket", &json!({"Bucket": "bucket"})).await.unwrap();
    let buckets = S3Buckets::new(&client);
    buckets.put("bucket", "a/\u{fc} b.json", b"[1]".to_vec()).await.unwrap();
    buckets.put("bucket", "b", Vec::new()).await.unwrap();
    assert_eq!(buckets.get("bucket", "a/\u{fc} b.json", None).await.unwrap(), b"[1]");
    assert_eq!(buckets.get("bucket", "b", None).await.unwrap(), b"");
    let page = buckets.list("bucket", "a/", None).await.unwrap();
    let [object] = page.objects.as_slice() else { panic!("{page:?}") };
    assert_eq!((object.key.as_str(), object.size, page.next), ("a/\u{fc} b.json", 3, None));
    assert!(object.etag.starts_with('"') && object.storage_class == "STANDARD", "{object:?}");
    assert!(object.modified > 1_600_000_000, "{object:?}");
    for number in 0..1_000 {
        buckets.put("bucket", &format!("many/{number:04}"), Vec::new()).await.unwrap();
    }
    let first = buckets.list("bucket", "", None).await.unwrap();
    let second = buckets.list("bucket", "", first.next.as_deref()).await.unwrap();
    assert_eq!((first.objects.len(), second.objects.len(), second.next), (1_000, 2, None));
}

#[tokio::test]
async fn what_is_not_there_is_told_in_the_words_of_s3() {
    let Some(moto) = Moto::start() else { return };
    let client = moto.client(&Arc::new(Calls::default()));
    client.call("s3", "createBucket", &json!({"Bucket": "bucket"})).await.unwrap();
    let buckets = S3Buckets::new(&client);
    let no_key = buckets.get("bucket", "none", None).await.unwrap_err().0;
    assert!(
        no_key.starts_with("The specified key does not exist. (Service: S3, Status Code: 404"),
        "{no_key}"
    );
    for failed in [
        buckets.get("none", "a", None).await.unwrap_err().0,
        buckets.list("none", "", None).await.unwrap_err().0,
        buckets.put("none", "a", Vec::new()).await.unwrap_err().0,
    ] {
        let expected = "The specified bucket does not exist (Service: S3, Status Code: 404";
        assert!(failed.starts_with(expected), "{failed}");
    }
}
