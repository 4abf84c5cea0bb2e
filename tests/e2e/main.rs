//! Whole calls on the local platform: the template's routes, real gateway events, the real handlers, an embedded database.

mod bidders;
mod failures;
mod first_call;
mod forgery;
mod numbers;
mod routing_calls;
mod scene;
mod sip_bids;
mod stolen_table;
mod two_platforms;
mod visitors;
mod whole_calls;

use std::sync::Arc;

use local_platform::{Options, Platform};
use scene::Deployment;

/// A platform of its own for one test, and a deployment that points at it.
async fn deployment() -> (Deployment, Arc<Platform>) {
    deployment_with(Options { seeded: false, ..Options::for_tests() }).await
}

async fn deployment_with(options: Options) -> (Deployment, Arc<Platform>) {
    let platform = Arc::new(Platform::start(options).await.unwrap());
    let deployment = Deployment {
        base_url: platform.api_url(),
        api_key: platform.api_key().to_owned(),
        account_sid: platform.twilio_account().0.to_owned(),
        phone: platform.phone().clone(),
        bidders: platform.bidders().address(),
        _keep: Box::new(platform.clone()),
    };
    (deployment, platform)
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_visitors_on_the_local_platform() {
    let (deployment, platform) = deployment().await;
    visitors::all(&deployment, Some(&format!("{}/_sim/postbacks", platform.api_url()))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_calls_on_the_local_platform() {
    let (deployment, _platform) = deployment().await;
    whole_calls::all(&deployment).await;
}
