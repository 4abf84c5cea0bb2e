//! A customer's web page with the number script in it: `/_sim/shop`, so that a visitor can be played with a browser.
//!
//! It shows one number in every way that pages do: as text, as a link, over several elements, in a shadow root, and on further
//! pages that are reached without loading anything. `?tag=TT…` puts another tag's snippet into it; all other parameters are a
//! visitor's, such as `?utm_campaign=spring&gclid=…`.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use contract::number_script::Snippet;
use contract::page::Page;
use contract::resource::Resource;
use domain::ids::TrackingTagId;
use serde::Deserialize;

use crate::client::{ApiClient, ApiError};
use crate::seed;

const PAGE: &str = include_str!("shop.html");
/// Where the snippet goes.
const PLACE: &str = "<!-- snippet -->";

/// Serves the page. Addresses below it are pages of the shop, too: it changes them by script.
pub fn router(api: ApiClient) -> Router {
    Router::new().route("/_sim/shop", get(page)).route("/_sim/shop/{*page}", get(page)).with_state(api)
}

#[derive(Deserialize)]
struct Wishes {
    tag: Option<TrackingTagId>,
}

async fn page(State(api): State<ApiClient>, Query(wishes): Query<Wishes>) -> Response {
    match snippet(&api, wishes.tag).await {
        Ok(Some(snippet)) => Html(PAGE.replace(PLACE, &snippet.html)).into_response(),
        Ok(None) => (StatusCode::NOT_FOUND, "there is no tracking tag named as the demo's").into_response(),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn snippet(api: &ApiClient, wished: Option<TrackingTagId>) -> Result<Option<Snippet>, ApiError> {
    let id = match wished {
        Some(id) => id.to_string(),
        None => {
            let tags: Page<Resource> = api.get("/api/tracking-tags?limit=100").await?;
            let demo = tags
                .items
                .into_iter()
                .find(|tag| tag.body.get("name").and_then(serde_json::Value::as_str) == Some(seed::SHOP));
            let Some(demo) = demo else { return Ok(None) };
            demo.id
        }
    };
    api.get(&format!("/api/tracking-tags/{id}/snippet")).await.map(Some)
}
