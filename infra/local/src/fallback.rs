//! The CDN's part: static documents for Twilio, on a listener of their own, so that they are there when the API is not.
//!
//! What must stay true: it answers as the distribution of `template.yaml` does. `by-number.xml` is the document of the
//! number in the parameter `To`; what has no document gets the apology.

use std::path::{Path, PathBuf};

use axum::Router;
use axum::extract::{Path as UrlPath, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// The path below which they are served.
pub const PATH: &str = "/fallback";

/// The document that the application's fallback address names.
const BY_NUMBER: &str = "by-number.xml";
/// Read when a number has no document, and when nobody knows which number was called.
const DEFAULT: &str = "apology.xml";

/// Serves the files of a folder; Twilio's query parameters are ignored but for the number that was called, as on the CDN.
pub fn router(folder: &Path) -> Router {
    Router::new().route(&format!("{PATH}/{{file}}"), get(file)).with_state(folder.to_owned())
}

async fn file(
    State(folder): State<PathBuf>,
    UrlPath(name): UrlPath<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let name = if name == BY_NUMBER { document_of(query.as_deref().unwrap_or_default()) } else { name };
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let asked = if plain && !name.starts_with('.') { name.as_str() } else { DEFAULT };
    for name in [asked, DEFAULT] {
        if let Ok(document) = tokio::fs::read(folder.join(name)).await {
            return ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], document).into_response();
        }
    }
    StatusCode::NOT_FOUND.into_response()
}

/// The document of the number in `To`, read as it is sent; the apology when there is none, or it is no number.
pub fn document_of(query: &str) -> String {
    let to = query.split('&').find_map(|pair| pair.strip_prefix("To="));
    let digits = to.and_then(|to| ["%2B", "%2b", "+"].iter().find_map(|plus| to.strip_prefix(plus)));
    let is_number =
        |digits: &&str| (8..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.filter(is_number).map_or_else(|| DEFAULT.to_owned(), |digits| format!("{digits}.xml"))
}
