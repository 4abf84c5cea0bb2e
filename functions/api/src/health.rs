//! `GET /api/health`: is this the API, and which version. It touches no table, so it is cheap and says nothing of others.

use axum::Json;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::doc::Doc;
use crate::routes::{Routes, Verb};
use crate::shape::Shape;

/// Its path.
pub const PATH: &str = "/api/health";

/// The API is there.
#[derive(Serialize, ToSchema)]
struct Health {
    /// Always `ok`.
    status: &'static str,
    /// The version that runs.
    version: &'static str,
}

/// Its route.
pub fn routes(routes: Routes) -> Routes {
    routes.open(Verb::Get, PATH, health).doc(|| {
        Doc::new("health", "Is the API there?")
            .about("Reads nothing, so it is cheap. Ten requests a minute for each address.")
            .answers(200, Shape::of::<Health>(), json!({"status": "ok", "version": "0.1.0"}))
    })
}

async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}
