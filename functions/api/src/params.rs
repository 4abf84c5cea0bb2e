//! Path and query parameters.

use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;

use crate::refusal::Refusal;

/// The id in the path. What is no id of this noun names nothing, so it is not found.
pub struct Named<I>(pub I);

impl<I: FromStr, S: Send + Sync> FromRequestParts<S> for Named<I> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.ok().and_then(|Path(text)| text.parse().ok()).map(Self).ok_or_else(Refusal::not_found)
    }
}

/// The query parameters, decoded, in order.
pub struct Params(pub Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect()))
    }
}
