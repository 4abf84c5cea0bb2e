//! `/api/campaigns/{id}/…`: readiness, switching on and off, copies, versions.

mod docs;
mod life;
mod preview;
mod readiness;
mod versions;

use crate::routes::{Routes, Verb};

pub(crate) use preview::hypothetical;

/// Their routes.
pub fn routes(routes: Routes) -> Routes {
    routes
        .on(Verb::Get, "/api/campaigns/{id}/readiness", readiness::readiness)
        .doc(docs::readiness)
        .on(Verb::Post, "/api/campaigns/{id}/route-preview", preview::route_preview)
        .doc(docs::route_preview)
        .on(Verb::Post, "/api/campaigns/{id}/pause", life::pause)
        .doc(docs::pause)
        .on(Verb::Post, "/api/campaigns/{id}/activate", life::activate)
        .doc(docs::activate)
        .on(Verb::Post, "/api/campaigns/{id}/duplicate", life::duplicate)
        .doc(docs::duplicate)
        .on(Verb::Get, "/api/campaigns/{id}/versions", versions::list)
        .doc(docs::versions)
        .on(Verb::Get, "/api/campaigns/{id}/versions/{version}", versions::get)
        .doc(docs::version)
        .on(Verb::Post, "/api/campaigns/{id}/versions/{version}/restore", versions::restore)
        .doc(docs::restore)
}
