//! A number's life: bought through the API, called, looked after, called while we are down, given back.

use serde_json::{Value, json};
use testkit::phone::{ApplicationConfig, CalleeScript};

use crate::deployment;
use crate::scene::{Deployment, FALLBACK, STATIC_TARGET, Scene, shown};

async fn campaign(deployment: &Deployment) -> String {
    let target = json!({
        "name": "Desk", "destination": {"number": STATIC_TARGET}, "revenue": {"fixed": 20_000_000},
        "conversion": {"length": {"seconds": 30, "from": "connect"}}
    });
    let target = deployment.ok("POST", "/api/targets", Some(&target)).await;
    let campaign = json!({
        "name": "Bought numbers", "status": "active", "plan": [{"target": target["id"]}], "fallback_number": FALLBACK
    });
    deployment.ok("POST", "/api/campaigns", Some(&campaign)).await["id"].as_str().unwrap().to_owned()
}

/// Calls to a number that was set up by hand: of the scene's ids only the campaign's counts.
fn scene<'a>(deployment: &'a Deployment, number: &str, campaign: &str) -> Scene<'a> {
    Scene {
        deployment,
        number: number.to_owned(),
        campaign: campaign.to_owned(),
        publisher: String::new(),
        buyer: String::new(),
        target: String::new(),
        bidders: Vec::new(),
    }
}

fn codes(found: &Value) -> Vec<&str> {
    found["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_bought_assigned_published_called_and_given_back() {
    let (deployment, platform) = deployment().await;
    let account = deployment.account_sid.clone();
    let campaign = campaign(&deployment).await;

    // The network is busy for a moment, and the answer to the purchase gets lost.
    let search = format!("/api/numbers/available?account_sid={account}&area_code=303&limit=3");
    deployment.phone.be_busy(2);
    let found = deployment.ok("GET", &search, None).await;
    let number = found["items"][0]["number"].as_str().unwrap().to_owned();
    assert_eq!((found["items"].as_array().unwrap().len(), number.as_str()), (3, "+13035550100"));
    let make = json!({"account_sid": account, "number": "+13035550199"});
    let (status, gone) = deployment.api("POST", "/api/numbers/buy", Some(&make)).await;
    assert_eq!((status, &gone["fields"][0]["rule"]), (422, &json!("not_available")));

    deployment.phone.lose_answers(1);
    let bought = json!({"account_sid": account, "number": number});
    let bought = deployment.ok("POST", "/api/numbers/buy", Some(&bought)).await;
    assert!(bought.get("warnings").is_none(), "{bought}");
    let id = bought["id"].as_str().unwrap();
    let applications = deployment.phone.applications();
    assert_eq!(applications.len(), 1, "one application for all numbers");
    assert!(applications[0].friendly_name.starts_with("callcenter-pro local 127.0.0.1:"));
    let configured = deployment.phone.number(&number).unwrap();
    assert_eq!(configured.voice_application_sid, applications[0].sid);
    assert_eq!(configured.voice_url, "", "the number has no address of its own");

    let assign = json!({"version": 1, "campaign": campaign});
    deployment.ok("POST", &format!("/api/numbers/{id}/assign"), Some(&assign)).await;
    let published = deployment.ok("POST", &format!("/api/campaigns/{campaign}/publish"), None).await;
    assert_eq!((&published["numbers"][0]["outcome"], &published["warnings"]), (&json!("routed"), &json!([])));
    assert_eq!(deployment.phone.applications().len(), 1);

    let scene = scene(&deployment, &number, &campaign);
    let journey = scene.call(scene.script(1).callee(STATIC_TARGET, CalleeScript::answers(2, 60))).await;
    assert_eq!(journey.destinations(), [STATIC_TARGET], "{}", shown(&journey));
    assert_eq!(scene.closing(&journey).await["connected_s"], 60);

    // Somebody changes the application in Twilio's console; verifying puts it right.
    let changed =
        ApplicationConfig { voice_url: "http://127.0.0.1:9/".to_owned(), ..applications[0].clone() };
    deployment.phone.set_application(changed);
    let verified = deployment.ok("POST", &format!("/api/numbers/{id}/verify"), None).await;
    assert_eq!((codes(&verified), &verified["ok"]), (vec!["application_changed"], &json!(true)));
    let verified = deployment.ok("POST", "/api/numbers/verify", Some(&json!({}))).await;
    assert_eq!(verified["items"][0]["findings"], json!([]), "{verified}");

    // With the API gone the application's one fallback address gives this number's own document.
    platform.kill_api().await;
    let mut script = scene.script(2);
    script.default_callee = Some(CalleeScript::answers(2, 30));
    let journey = scene.call(script).await;
    assert!(journey.outcome.fallback_used, "{}", shown(&journey));
    assert_eq!(journey.destinations(), [FALLBACK], "{}", shown(&journey));
    platform.restart_api().await.unwrap();

    let confirm = json!({"confirm": number});
    let (status, answer) =
        deployment.api("POST", &format!("/api/numbers/{id}/release"), Some(&confirm)).await;
    assert_eq!(status, 204, "{answer}");
    assert_eq!(deployment.phone.number(&number), None);
    assert_eq!(deployment.api("GET", &format!("/api/numbers/{id}"), None).await.0, 404);
    let found = deployment.ok("GET", &search, None).await;
    assert_eq!(found["items"][0]["number"], json!(number), "it can be bought again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_of_the_account_is_imported_and_taken_off_again_without_a_trace() {
    let (deployment, _platform) = deployment().await;
    let account = deployment.account_sid.clone();
    let number = "+13035550161";
    let elsewhere = "http://127.0.0.1:9/old-system".to_owned();
    deployment.phone.set_number(testkit::phone::NumberConfig::new(number, elsewhere.clone()));
    let campaign = campaign(&deployment).await;
    deployment.ok("POST", &format!("/api/campaigns/{campaign}/publish"), None).await;

    let importable = format!("/api/numbers/importable?account_sid={account}");
    let found = deployment.ok("GET", &importable, None).await;
    let shown = found["items"].as_array().unwrap().iter().find(|item| item["number"] == number).unwrap();
    assert_eq!((&shown["voice_url"], &shown["country"]), (&json!(elsewhere), &json!("US")));
    let import = json!({"account_sid": account, "numbers": [number, "+13035550162"], "campaign": campaign});
    let imported = deployment.ok("POST", "/api/numbers/import", Some(&import)).await;
    assert_eq!(imported["items"][0]["outcome"], "imported", "{imported}");
    assert_eq!(imported["items"][1]["outcome"], "not_in_account");

    let scene = scene(&deployment, number, &campaign);
    let journey = scene.call(scene.script(3).callee(STATIC_TARGET, CalleeScript::answers(2, 40))).await;
    assert_eq!(journey.destinations(), [STATIC_TARGET], "{}", crate::scene::shown(&journey));

    let id = imported["items"][0]["id"].as_str().unwrap();
    let (status, _) = deployment.api("DELETE", &format!("/api/numbers/{id}"), None).await;
    assert_eq!(status, 204);
    let left = deployment.phone.number(number).unwrap();
    assert_eq!((left.voice_application_sid.as_str(), left.voice_url), ("", elsewhere));
}
