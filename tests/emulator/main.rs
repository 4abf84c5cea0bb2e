//! The whole calls of `e2e` against the unchanged template on the local AWS emulator. Not part of `cargo test`: it needs
//! the emulator around it, see `infra/test.sh`.

#[path = "../e2e/routing_calls.rs"]
mod routing_calls;
#[path = "../e2e/scene.rs"]
mod scene;
#[path = "../e2e/visitors.rs"]
mod visitors;
#[path = "../e2e/whole_calls.rs"]
mod whole_calls;

use app::api_keys;
use app::clock::{Clock, SystemClock};
use app::ports::{ApiKey, Identity};
use domain::ids::{ApiKeyId, TenantId};
use serde_json::json;
use store::Store;
use testkit::bidders::BidderSimulator;
use testkit::phone::{PhoneConfig, PhoneNetwork};
use tokio::net::TcpListener;

use scene::Deployment;

fn variable(name: &str) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "the emulator's script says by environment where things are"
    )]
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run infra/test.sh, which starts the emulator"))
}

async fn deployment() -> Deployment {
    let tenant = TenantId::from_uuid(SystemClock.new_id());
    let account_sid = format!("AC{}", SystemClock.new_id().as_simple());
    let token = SystemClock.new_id().as_simple().to_string();

    let store = Store::connect(&runtime::aws::config().await.unwrap(), variable("E2E_TABLE"));
    let api_key = api_keys::new_token().unwrap();
    let key = ApiKey {
        id: ApiKeyId::from_uuid(SystemClock.new_id()),
        tenant,
        name: "End-to-end test".to_owned(),
        scopes: vec!["*".to_owned()],
        created_at: SystemClock.now(),
        expires_at: None,
        last_used_at: None,
    };
    store.store_api_key(&api_keys::hash(&api_key), &key).await.unwrap();

    let phone = PhoneNetwork::new(PhoneConfig::new(account_sid.clone(), token.clone()));
    let port: u16 = variable("E2E_TWILIO_API_PORT").parse().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let carrier = axum::serve(listener, phone.router());
    let carrier = tokio::spawn(async move { carrier.await.unwrap() });

    let ports = variable("E2E_BIDDER_PORTS");
    let port: u16 = ports.split(',').next().unwrap().trim().parse().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let bidders = BidderSimulator::new().serve(listener).unwrap();

    let deployment = Deployment {
        base_url: variable("E2E_BASE_URL"),
        api_key,
        account_sid,
        phone,
        bidders: bidders.address(),
        _keep: Box::new((carrier, bidders)),
    };
    // The carrier's REST side proves the token; KMS makes and wraps the data key.
    let wish = json!({"account_sid": deployment.account_sid, "auth_token": token});
    deployment.ok("POST", "/api/twilio-accounts", Some(&wish)).await;
    deployment
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_calls_on_the_emulator() {
    let deployment = deployment().await;
    the_cdn_gives_each_number_its_own_document(&deployment).await;
    the_number_script_stays_behind_its_version().await;
    whole_calls::all(&deployment).await;
    visitors::all(&deployment, None).await;
    bids_stay_in_the_archive().await;
}

/// What bidders were asked in those calls stands in files by tenant and day.
async fn bids_stay_in_the_archive() {
    let bucket = variable("E2E_ARCHIVE_BUCKET");
    let found =
        shelf().await.list_objects_v2().bucket(&bucket).prefix("bids/tenant=AC").send().await.unwrap();
    let names: Vec<&str> = found.contents().iter().filter_map(|object| object.key()).collect();
    assert!(!names.is_empty(), "no bids were archived");
    assert!(names.iter().all(|name| name.contains("/day=20") && name.ends_with(".jsonl.gz")), "{names:?}");
}

async fn shelf() -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(&runtime::aws::config().await.unwrap())
            .force_path_style(true)
            .build(),
    )
}

/// The distribution's function and its error pages, as the template has them; and that the API may read what it wrote.
async fn the_cdn_gives_each_number_its_own_document(deployment: &Deployment) {
    let scene = deployment.scene(&[]).await;
    let digits = scene.number.trim_start_matches('+');
    let own = read(&format!("by-number.xml?CallSid=CA1&To=%2B{digits}")).await;
    assert!(own.contains(scene::FALLBACK), "{own}");
    assert_eq!(read(&format!("{digits}.xml")).await, own);
    for address in ["by-number.xml", "by-number.xml?To=anonymous", "by-number.xml?To=%2B14155550999"] {
        let apology = read(address).await;
        assert!(apology.contains("We are sorry"), "{address}: {apology}");
    }

    let found = deployment.ok("GET", &format!("/api/numbers?search={digits}"), None).await;
    let verify = format!("/api/numbers/{}/verify", found["items"][0]["id"].as_str().unwrap());
    let verified = deployment.ok("POST", &verify, None).await;
    assert_eq!(verified["findings"], serde_json::json!([]), "{verified}");
    let shelf = shelf().await;
    let key = format!("{digits}.xml");
    shelf.delete_object().bucket(variable("E2E_FALLBACK_BUCKET")).key(key).send().await.unwrap();
    let verified = deployment.ok("POST", &verify, None).await;
    assert_eq!(
        (&verified["findings"][0]["code"], &verified["ok"]),
        (&"fallback_missing".into(), &true.into())
    );
}

/// A document of the CDN.
async fn read(address: &str) -> String {
    let answer = get(&format!("{}/{address}", variable("E2E_FALLBACK_BASE_URL"))).await;
    assert_eq!(answer.status().as_u16(), 200, "{address}");
    answer.text().await.unwrap()
}

async fn get(url: &str) -> reqwest::Response {
    #[expect(clippy::disallowed_methods, reason = "a test speaks to loopback addresses of its own")]
    let client = reqwest::Client::new();
    // As a page does that names the script's hash.
    client.get(url).header("origin", "https://www.example.com").send().await.unwrap()
}

/// What `infra/tools/number-script.py` put into the bucket, through the distribution.
async fn the_number_script_stays_behind_its_version() {
    let releases = concat!(env!("CARGO_MANIFEST_DIR"), "/../web/dni/releases");
    let newest = contract::number_script::latest().unwrap();
    let script = std::fs::read(format!("{releases}/{}/ccp.js", newest.version)).unwrap();
    for (version, caching) in
        [(newest.version.as_str(), "public, max-age=31536000, immutable"), ("v1", "public, max-age=300")]
    {
        let answer = get(&format!("{}/dni/{version}/ccp.js", variable("E2E_SITE_URL"))).await;
        assert_eq!(answer.status().as_u16(), 200, "{version}");
        assert_eq!(answer.headers()["cache-control"], caching, "{version}");
        assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{version}");
        assert_eq!(answer.bytes().await.unwrap(), script, "{version}");
    }
}
