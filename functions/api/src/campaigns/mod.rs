//! `/api/campaigns/{id}/…`: readiness, switching on and off, copies, versions.

mod life;
mod readiness;
mod versions;

use crate::routes::{Routes, Verb};

/// Their routes.
pub fn routes(routes: Routes) -> Routes {
    routes
        .on(Verb::Get, "/api/campaigns/{id}/readiness", readiness::readiness)
        .on(Verb::Post, "/api/campaigns/{id}/pause", life::pause)
        .on(Verb::Post, "/api/campaigns/{id}/activate", life::activate)
        .on(Verb::Post, "/api/campaigns/{id}/duplicate", life::duplicate)
        .on(Verb::Get, "/api/campaigns/{id}/versions", versions::list)
        .on(Verb::Get, "/api/campaigns/{id}/versions/{version}", versions::get)
        .on(Verb::Post, "/api/campaigns/{id}/versions/{version}/restore", versions::restore)
}
