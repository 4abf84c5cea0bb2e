//! Whole calls of visitors of a web page: what they came from stands in the call's report, and their tracker is told of it. The
//! visitor is played as the number script plays one (`web/dni/PROTOCOL.md`).

use std::time::Duration;

use serde_json::{Value, json};
use testkit::phone::{CalleeScript, NumberConfig};

use crate::scene::{Deployment, STATIC_TARGET, Scene, client, shown};
use crate::whole_calls::books;

const CLICK: &str = "65f0c1d2e3";

/// All of them. `postbacks`: where the deployment lists what trackers were told, if it does.
pub async fn all(deployment: &Deployment, postbacks: Option<&str>) {
    a_call_knows_its_visitors_campaign_publisher_keyword_and_click(deployment, postbacks).await;
    a_page_without_script_dials_a_number_of_its_own(deployment).await;
}

/// A tag of the scene's campaign and publisher, with a pool of so many numbers.
async fn tag(scene: &Scene<'_>, numbers: u32, more: Value) -> String {
    let deployment = scene.deployment;
    let pool = json!({"name": format!("Visitors {}", scene.number), "overflow": {"number": scene.number}});
    let pool = deployment.create("/api/number-pools", pool).await;
    for index in 1..=numbers {
        // No other scene has numbers that end like this one's.
        let number = format!("+1844{}{index}", &scene.number[6..]);
        deployment.phone.set_number(NumberConfig::new(number.clone(), ""));
        let number = json!({
            "number": number, "account_sid": deployment.account_sid, "campaign": scene.campaign, "pool": pool,
        });
        deployment.create("/api/numbers", number).await;
    }
    let mut tag = json!({
        "name": format!("Page {}", scene.number), "campaign": scene.campaign, "publisher": scene.publisher,
        "shows": {"pool": pool}, "replace": {"numbers": [scene.number]},
        "redtrack": {"domain": "track.example.com"},
    });
    for (field, value) in more.as_object().into_iter().flatten() {
        tag[field] = value.clone();
    }
    deployment.create("/api/tracking-tags", tag).await
}

/// What the script asks, as it asks it.
async fn look_up(deployment: &Deployment, question: &Value) -> Value {
    let url = format!("{}/dni/lookup", deployment.base_url);
    let asked = client()
        .post(url)
        .header("content-type", "text/plain;charset=UTF-8")
        .header("origin", "https://shop.example.com")
        .header(
            "user-agent",
            "Mozilla/5.0 (X11; Linux x64) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36",
        )
        .header("cloudfront-viewer-country", "US")
        .header("cloudfront-viewer-country-region", "CA")
        .body(question.to_string());
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    answer.json().await.unwrap()
}

pub async fn a_call_knows_its_visitors_campaign_publisher_keyword_and_click(
    deployment: &Deployment,
    postbacks: Option<&str>,
) {
    let scene = deployment.scene(&[]).await;
    let tag = tag(&scene, 2, json!({})).await;
    let touch = json!({"utm_campaign": "spring", "utm_term": "burst pipe", "clickid": CLICK, "gclid": "G-1"});
    let question = json!({
        "tag": tag, "page": {"url": format!("https://shop.example.com/?clickid={CLICK}&gclid=G-1"), "referrer": "https://www.google.com/"},
        "params": touch, "first": touch, "last": touch,
    });
    let shown_to_one = look_up(deployment, &question).await;
    let shown_to_another = look_up(deployment, &json!({"tag": tag})).await;
    assert_eq!((&shown_to_one["attributed"], &shown_to_another["attributed"]), (&json!(true), &json!(true)));
    assert_ne!(shown_to_one["number"], shown_to_another["number"]);
    let third = look_up(deployment, &json!({"tag": tag})).await;
    assert_eq!((third["number"].as_str(), &third["attributed"]), (Some(&*scene.number), &json!(false)));

    let number = shown_to_one["number"].as_str().unwrap();
    let mut script = scene.script(901).callee(STATIC_TARGET, CalleeScript::answers(2, 95));
    script.to = number.to_owned();
    let journey = scene.call(script).await;
    assert_eq!(journey.destinations(), [STATIC_TARGET], "{}", shown(&journey));
    assert_eq!(books(&scene, &journey).await, (20_000_000, 12_000_000, 8_000_000));

    let report = scene.read(&journey, "").await;
    assert_eq!(report["campaign"], json!(scene.campaign), "{report}");
    assert_eq!(report["publisher"], json!(scene.publisher), "{report}");
    assert_eq!(report["visit"], shown_to_one["visit"], "{report}");
    assert_eq!(report["attribution"], json!("lease"), "{report}");
    let visit =
        deployment.ok("GET", &format!("/api/visits/{}", report["visit"].as_str().unwrap()), None).await;
    assert_eq!(visit["params"]["utm_term"], "burst pipe", "{visit}");
    assert_eq!(visit["calls"][0]["id"], report["id"], "{visit}");
    let tags = report["tags"].to_string();
    for expected in ["spring", "burst pipe", CLICK] {
        assert!(tags.contains(expected), "{expected} is not in {tags}");
    }

    let Some(postbacks) = postbacks else { return };
    let told = told_of(postbacks, CLICK, 3).await;
    let of_redtrack = |kind: &str, sum: &str| {
        format!("https://track.example.com/postback?clickid={CLICK}{sum}&type={kind}")
    };
    let expected = [
        of_redtrack("RAWCall", ""),
        of_redtrack("AnsweredCall", ""),
        of_redtrack("ConvertedCall", "&sum=12.00"),
    ];
    assert_eq!(told, expected);
}

/// What the deployment's trackers were told of a click, once it is that much.
async fn told_of(postbacks: &str, click: &str, count: usize) -> Vec<String> {
    let mut told = Vec::new();
    for _ in 0..200 {
        told = client().get(postbacks).send().await.unwrap().json::<Vec<String>>().await.unwrap();
        told.retain(|url| url.contains(&format!("clickid={click}&")));
        if told.len() >= count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    told
}

pub async fn a_page_without_script_dials_a_number_of_its_own(deployment: &Deployment) {
    let scene = deployment.scene(&[]).await;
    let tag = tag(&scene, 1, json!({})).await;
    let url = format!("{}/dni/call/{tag}?utm_term=leak", deployment.base_url);
    let asked = no_redirects().get(url).header("user-agent", "Mozilla/5.0 (iPhone) Safari/604.1").send();
    let answer = asked.await.unwrap();
    assert_eq!(answer.status().as_u16(), 302);
    let number = answer.headers()["location"].to_str().unwrap().strip_prefix("tel:").unwrap().to_owned();
    assert_ne!(number, scene.number);

    let mut script = scene.script(902).callee(STATIC_TARGET, CalleeScript::answers(2, 95));
    script.to = number;
    let journey = scene.call(script).await;
    let report = scene.read(&journey, "").await;
    assert_eq!(report["publisher"], json!(scene.publisher), "{report}");
    assert!(report["tags"].to_string().contains("leak"), "{report}");
}

#[expect(clippy::disallowed_methods, reason = "a test speaks to loopback addresses of its own")]
fn no_redirects() -> reqwest::Client {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}
