//! `GET /api/openapi.json` and `GET /api/docs`: the API's document, for programs and for people.
//!
//! Both come from the committed document. The page is written once, when somebody first asks for it; it has no script, loads
//! nothing, and its policy lets only its own style through (by its hash). What must stay true: everything from the document
//! goes through [`html::escaped`].

mod fields;
mod html;
mod page;

use std::sync::OnceLock;

use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::doc::Doc;
use crate::openapi::COMMITTED;
use crate::refusal::Refusal;
use crate::routes::{Routes, Verb};
use crate::shape::Shape;

const STYLE: &str = include_str!("reference/style.css");
const HTML: &str = "text/html; charset=utf-8";

/// Their routes.
pub fn routes(routes: Routes) -> Routes {
    routes
        .open(Verb::Get, "/api/openapi.json", json_document)
        .doc(json_doc)
        .open(Verb::Get, "/api/docs", page_for_people)
        .doc(page_doc)
}

fn json_doc() -> Doc {
    let shape = Shape::plain(json!({
        "type": "object",
        "description": "An OpenAPI 3.1 document.",
        "properties": {
            "openapi": {"type": "string"},
            "info": {"type": "object", "properties": {"title": {"type": "string"}, "version": {"type": "string"}}},
            "paths": {"type": "object", "additionalProperties": true},
        },
        "required": ["openapi", "info", "paths"],
    }));
    let example =
        json!({"openapi": "3.1.0", "info": {"title": "CallCenter Pro", "version": "0.1.0"}, "paths": {}});
    Doc::new("openapi_document", "This document").answers(200, shape, example)
}

fn page_doc() -> Doc {
    Doc::new("reference_page", "The reference, to be read")
        .answers(200, Shape::plain(json!({"type": "string"})), json!("<!doctype html>…"))
        .as_media("text/html")
}

async fn json_document() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], COMMITTED)
}

struct Ready {
    page: String,
    policy: String,
}

fn ready() -> Result<&'static Ready, serde_json::Error> {
    static READY: OnceLock<Ready> = OnceLock::new();
    if let Some(ready) = READY.get() {
        return Ok(ready);
    }
    let document: Value = serde_json::from_str(COMMITTED)?;
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    Ok(READY.get_or_init(|| Ready {
        page: page::page(&document, STYLE),
        policy: format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
    }))
}

async fn page_for_people() -> Result<impl IntoResponse, Refusal> {
    let ready = ready().map_err(|error| {
        tracing::error!(error = %error, "the committed API document cannot be read");
        Refusal::internal()
    })?;
    Ok(([(CONTENT_TYPE, HTML), (CONTENT_SECURITY_POLICY, ready.policy.as_str())], ready.page.as_str()))
}
