//! The number script of web pages, at the address of the lookups, as the CDN serves it: every version that was ever released,
//! and `v1`, the newest.

use std::path::Path;

use axum::Router;
use axum::extract::Path as UrlPath;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// Where the releases are.
const RELEASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/dni/releases");
/// What is behind a version's address never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// The newest version is looked for again after five minutes.
const FOR_A_WHILE: &str = "public, max-age=300";

/// Serves `/dni/<version>/ccp.js`.
pub fn router() -> Router {
    Router::new().route("/dni/{version}/ccp.js", get(script))
}

async fn script(UrlPath(version): UrlPath<String>) -> Response {
    let (version, caching) = match version.as_str() {
        "v1" => (contract::number_script::latest().map(|release| release.version), FOR_A_WHILE),
        _ => (Some(version), FOR_EVER),
    };
    let Some(version) = version.filter(|version| is_version(version)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match tokio::fs::read(Path::new(RELEASES).join(version).join("ccp.js")).await {
        Ok(script) => {
            let headers = [
                (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
                (header::CACHE_CONTROL, caching),
                // Pages name the script's hash, which browsers check only of what may be read by them.
                (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            ];
            (headers, script).into_response()
        }
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn is_version(text: &str) -> bool {
    text.split('.').count() == 3 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}
