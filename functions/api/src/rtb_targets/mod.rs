//! `/api/rtb-targets/…`: ready-made profiles, and what a bidder would be sent; `/api/rtb/…`: whether bidders work.

mod docs;
mod health;
mod preview;

use axum::Json;
use contract::rtb_targets::Profiles;
use domain::rtb_target::profiles;

use crate::access::{Access, RtbTargetsRead};
use crate::routes::{Routes, Verb};

/// Their routes.
pub fn routes(routes: Routes) -> Routes {
    routes
        .on(Verb::Get, "/api/rtb-targets/profiles", all_profiles)
        .doc(docs::all_profiles)
        .on(Verb::Post, "/api/rtb-targets/{id}/preview", preview::preview)
        .doc(docs::preview)
        .on(Verb::Get, "/api/rtb/health-checks", health::checks)
        .doc(docs::health_checks)
        .on(Verb::Get, "/api/rtb/targets/{id}/uptime", health::uptime)
        .doc(docs::uptime)
        .on(Verb::Get, "/api/rtb/alerts", health::alerts)
        .doc(docs::alerts)
}

/// `GET /api/rtb-targets/profiles`.
async fn all_profiles(_access: Access<RtbTargetsRead>) -> Json<Profiles> {
    Json(Profiles { items: profiles::all() })
}
