//! `GET /api/health`: is this the API, and which version. It touches no table, so it is cheap and says nothing of others.

use axum::Json;
use serde::Serialize;

use crate::routes::{Routes, Verb};

/// Its path.
pub const PATH: &str = "/api/health";

#[derive(Serialize)]
struct Health {
    status: &'static str,
    version: &'static str,
}

/// Its route.
pub fn routes(routes: Routes) -> Routes {
    routes.open(Verb::Get, PATH, health)
}

async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}
