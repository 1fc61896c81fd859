//! A deployment for tests of what people are shown. Nothing of the program itself.

use serde_json::json;
use shipway_control::app::Deployment;

/// `shop/production 0.3.0`, which runs since moment 1,000.
pub fn deployment() -> Deployment {
    let release = json!({
        "release_id": "release-1", "project_name": "shop", "config_name": "production", "version": "0.3.0",
        "commit": "a638876a8d8945a160ffa29b3092d8e907da6ae4", "subject": "feat: greet", "author": "Ana",
        "artifact_sha256": "0".repeat(64), "created_at": 0, "timeout": "30m", "metadata": {},
        "services": {"web": {"command": "./web"}},
    });
    let document = json!({
        "id": "shop-1", "execution_arn": "arn", "deployer": "host", "release": release,
        "previous_version": "0.2.0", "actor": "ana", "reason": null, "outcome": "Running", "state": "Bake",
        "error": null, "started_at": 1_000, "ended_at": null, "last_event_id": 1, "services": {},
    });
    serde_json::from_value(document).unwrap()
}
