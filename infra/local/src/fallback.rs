//! The CDN's part: static documents for Twilio, on a listener of their own, so that they are there when the API is not.

use std::path::{Path, PathBuf};

use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// The path below which they are served.
pub const PATH: &str = "/fallback";

/// Serves the files of a folder; Twilio's query parameters are ignored, as on the CDN.
pub fn router(folder: &Path) -> Router {
    Router::new().route(&format!("{PATH}/{{file}}"), get(file)).with_state(folder.to_owned())
}

async fn file(State(folder): State<PathBuf>, UrlPath(name): UrlPath<String>) -> Response {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !plain || name.starts_with('.') {
        return StatusCode::NOT_FOUND.into_response();
    }
    match tokio::fs::read(folder.join(name)).await {
        Ok(document) => ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], document).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}
