//! Things that go wrong in the middle of a call: the caller always hears something, and the books stay right.

use std::time::Duration;

use local_platform::Options;
use testkit::faults::{Fault, Rule};
use testkit::phone::{CalleeScript, Happening, WebhookKind};

use crate::scene::{FALLBACK, STATIC_TARGET, shown};
use crate::{deployment, deployment_with};

#[tokio::test(flavor = "multi_thread")]
async fn with_the_api_gone_a_call_takes_the_fallback() {
    let (deployment, platform) = deployment().await;
    let scene = deployment.scene(&[]).await;
    platform.kill_api().await;
    let mut script = scene.script(1);
    script.default_callee = Some(CalleeScript::answers(2, 30));
    let journey = scene.call(script).await;
    assert!(journey.outcome.fallback_used, "{}", shown(&journey));
    assert_eq!(journey.destinations(), [FALLBACK], "{}", shown(&journey));
    assert!(journey.outcome.connected.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_api_killed_in_mid_call_the_fallback_takes_over() {
    let (deployment, platform) = deployment().await;
    let scene = deployment.scene(&[]).await;
    let mut script = scene.script(2).callee(STATIC_TARGET, CalleeScript::busy());
    script.default_callee = Some(CalleeScript::answers(2, 30));
    let mut live = deployment.phone.follow_call(script);
    while let Some(event) = live.events.recv().await {
        // The target is ringing: what comes after it must be asked for at an API that is gone.
        if matches!(event.what, Happening::Dialled { .. }) {
            platform.kill_api().await;
            break;
        }
    }
    let journey = live.journey.await.unwrap();
    assert!(!journey.outcome.failed, "{}", shown(&journey));
    assert!(journey.outcome.fallback_used, "{}", shown(&journey));
    assert_eq!(journey.destinations().last(), Some(&FALLBACK), "{}", shown(&journey));

    // The callbacks went unheard too. When the API is back, housekeeping asks the carrier and closes the call.
    platform.restart_api().await.unwrap();
    let id = journey.call_sid.replacen("CA", "RGB", 1).parse().unwrap();
    let store: &dyn app::ports::Calls = platform.store();
    let now = jiff::Timestamp::UNIX_EPOCH;
    store.postpone(platform.tenant(), id, now).await.unwrap();
    platform.tick("Housekeeping").await.unwrap();
    let closing = scene.closing(&journey).await;
    assert_eq!(closing["connected"], false, "the target was busy: {closing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_table_away_a_call_takes_the_fallback() {
    let options = Options { seeded: false, ..Options::for_tests() };
    let (deployment, platform) = deployment_with(options.with_faults(1)).await;
    let scene = deployment.scene(&[]).await;
    platform.faults().unwrap().begin_outage();
    let mut script = scene.script(3);
    script.default_callee = Some(CalleeScript::answers(2, 30));
    let journey = deployment.phone.place_call(script).await;
    assert!(!journey.outcome.failed, "{}", shown(&journey));
    assert_eq!(journey.destinations(), [FALLBACK], "{}", shown(&journey));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_struggling_table_changes_no_call_and_no_books() {
    let options = Options { seeded: false, ..Options::for_tests() };
    let (deployment, platform) = deployment_with(options.with_faults(2)).await;
    let scene = deployment.scene(&[]).await;
    let faults = platform.faults().unwrap();
    faults.inject(Rule::percent(20, Fault::TransactionConflict));
    faults.inject(Rule::percent(10, Fault::Throttled));
    for seed in 10..20 {
        let script = scene.script(seed).callee(STATIC_TARGET, CalleeScript::answers(2, 95));
        let journey = scene.call(script).await;
        assert_eq!(journey.destinations(), [STATIC_TARGET], "{}", shown(&journey));
        let closing = scene.closing(&journey).await;
        assert_eq!(closing["revenue"], 20_000_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auction_whose_first_request_is_lost_is_answered_by_its_repeat() {
    let (deployment, platform) = deployment().await;
    let scene = deployment.scene(&crate::whole_calls::SIX).await;
    let mut script = scene.script(30);
    script.default_callee = Some(CalleeScript::answers(2, 95));
    let mut live = deployment.phone.follow_call(script);
    let mut killed = false;
    while let Some(event) = live.events.recv().await {
        // The first answer is a redirect to the auction; the API dies while it runs, and is back for the repeat.
        let redirected = matches!(&event.what, Happening::Instructed { verbs } if verbs.iter().any(|verb| verb == "Redirect"));
        if redirected && !killed {
            killed = true;
            tokio::time::sleep(Duration::from_millis(30)).await;
            platform.kill_api().await;
            platform.restart_api().await.unwrap();
        }
    }
    let journey = live.journey.await.unwrap();
    assert!(!journey.outcome.failed, "{}", shown(&journey));
    assert!(journey.outcome.connected.is_some(), "somebody took the call: {}", shown(&journey));
    assert!(journey.requests_of(WebhookKind::Redirect).count() >= 1);
}
