//! Style, script and icon: embedded, and named by the hash of their content so that browsers may keep them.

use std::sync::LazyLock;

use axum::{
    Router,
    extract::Path,
    response::{IntoResponse, Response},
    routing::get,
};
use http::header;
use sha2::{Digest, Sha256};

use crate::{Shared, problem::NOT_FOUND};

/// A file that pages refer to.
pub struct Asset {
    /// Its path, with the hash of its content.
    pub path: String,
    media_type: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(stem: &str, extension: &str, media_type: &'static str, content: &'static str) -> Self {
        let digest = hex::encode(Sha256::digest(content.as_bytes()));
        let hash: String = digest.chars().take(12).collect();
        Self { path: format!("/assets/{stem}-{hash}.{extension}"), media_type, content }
    }
}

/// The style sheet.
pub static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let content = concat!(
        include_str!("static/shipway.css"),
        include_str!("static/forms.css"),
        include_str!("static/execution.css"),
        include_str!("graph/graph.css")
    );
    Asset::new("shipway", "css", "text/css; charset=utf-8", content)
});
/// The script.
pub static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("shipway", "js", "text/javascript; charset=utf-8", include_str!("static/shipway.js"))
});
/// The script of the definition editor.
pub static EDITOR: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("editor", "js", "text/javascript; charset=utf-8", include_str!("static/editor.js"))
});
/// The icon.
pub static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_str!("static/icon.svg")));

/// Serves them.
pub fn router() -> Router<Shared> {
    Router::new().route("/assets/{file}", get(serve))
}

async fn serve(Path(file): Path<String>) -> Response {
    let path = format!("/assets/{file}");
    let assets = [&*STYLE, &*SCRIPT, &*EDITOR, &*ICON];
    let Some(asset) = assets.into_iter().find(|asset| asset.path == path) else {
        return NOT_FOUND.because(format!("`{path}` does not exist")).into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, asset.media_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, asset.content).into_response()
}
