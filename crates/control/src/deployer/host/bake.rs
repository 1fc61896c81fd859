//! Bake: watches the new version with all traffic while the old one still runs. Changes nothing outside.

use shipway_engine::TaskFailure;

use super::{run::Run, watch::Watch};
use crate::{Millis, deployer::Context};

/// Watches until the longest `bake` of the release's services is over.
pub async fn bake(cx: &Context, mut run: Run) -> Result<Run, TaskFailure> {
    cx.go_on(run.deadline()).await?;
    let since = *run.found.shifted_at.get_or_insert(cx.now());
    let span = run.release.services.values().map(|service| service.bake).max().unwrap_or(Millis(0));
    let until = since.plus_millis(span.0);
    let mut watch = Watch::new(cx, span);
    loop {
        watch.look(&mut run, true).await?;
        run.baked = cx.now() >= until;
        if run.baked || watch.is_over() {
            break;
        }
        watch.pause(&run).await?;
    }
    run.waited_millis = watch.waited();
    Ok(run)
}
