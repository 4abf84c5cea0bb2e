//! A deployment with a campaign on it, set up through its API as a customer would; and calls placed through it.
//!
//! The same scene runs on the local platform and on the AWS emulator: it knows addresses and keys, nothing else.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::bidders::{self, Scenario};
use testkit::phone::{CallScript, Journey, PhoneNetwork};

/// What a test needs to know of a deployment.
pub struct Deployment {
    /// Where API and webhooks are.
    pub base_url: String,
    /// An API key that may do everything.
    pub api_key: String,
    /// The Twilio account of its tenant.
    pub account_sid: String,
    /// The carrier, whose REST API the deployment talks to.
    pub phone: PhoneNetwork,
    /// Bidders that the deployment may reach.
    pub bidders: SocketAddr,
    /// Keeps whatever runs the deployment alive.
    pub _keep: Box<dyn std::any::Any + Send + Sync>,
}

/// A published campaign.
pub struct Scene<'a> {
    pub deployment: &'a Deployment,
    pub number: String,
    /// Ids of what it is made of.
    pub campaign: String,
    pub publisher: String,
    pub buyer: String,
    pub target: String,
    pub bidders: Vec<String>,
}

/// A bidder to set up.
pub struct Bidder {
    pub name: &'static str,
    pub scenario: Scenario,
    pub wishes: &'static str,
}

/// Where the static target of a scene is.
pub const STATIC_TARGET: &str = "+12025550199";
/// Where calls go when nobody answers for us.
pub const FALLBACK: &str = "+12025550188";

static NUMBERS: AtomicU64 = AtomicU64::new(0);

impl Deployment {
    /// A request to the API.
    pub async fn api(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let client = client();
        let method = method.parse().unwrap();
        let mut request =
            client.request(method, format!("{}{path}", self.base_url)).bearer_auth(&self.api_key);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// A request to the API that must succeed.
    pub async fn ok(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (status, answer) = self.api(method, path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// Creates a thing; its id.
    pub async fn create(&self, path: &str, body: Value) -> String {
        self.ok("POST", path, Some(&body)).await["id"].as_str().unwrap().to_owned()
    }

    /// Sets up a campaign with these bidders before one static target, and publishes it.
    pub async fn scene(&self, tree: &[Bidder]) -> Scene<'_> {
        self.scene_with(tree, json!({})).await
    }

    /// The same with further fields of the campaign.
    pub async fn scene_with(&self, tree: &[Bidder], campaign_fields: Value) -> Scene<'_> {
        let unique = NUMBERS.fetch_add(1, Ordering::Relaxed) + u64::from(std::process::id()) * 50;
        let number = format!("+1833{:07}", 2_000_000 + unique % 7_000_000);
        self.phone.set_number(testkit::phone::NumberConfig::new(number.clone(), ""));
        let publisher = self.create("/api/publishers", json!({"name": format!("Publisher {unique}")})).await;
        let buyer = self.create("/api/buyers", json!({"name": format!("Buyer {unique}")})).await;
        let target = self
            .create(
                "/api/targets",
                json!({
                    "name": format!("Static {unique}"),
                    "buyer": buyer,
                    "destination": {"number": STATIC_TARGET},
                    "caps": {"concurrent": 10},
                    "revenue": {"fixed": 20_000_000},
                    "conversion": {"length": {"seconds": 30, "from": "connect"}}
                }),
            )
            .await;
        let mut entries = Vec::new();
        for bidder in tree {
            let id = self
                .create(
                    "/api/rtb-targets",
                    json!({
                        "name": format!("{} {unique}", bidder.name),
                        "url": format!("http://{}{}/{}?{}", self.bidders, bidders::PATH, bidder.scenario.as_str(), bidder.wishes),
                        "body": r#"{"CID":"[tag:InboundNumber:Number]","State":"[tag:InboundNumber:State]","publisherInboundCallId":"[Call:InboundCallId]"}"#,
                        "answer": {
                            "acceptance": ["$.accepted"],
                            "amount": ["$.bidAmount"],
                            "destination": ["$.sipAddress", "$.destinationNumber", "$.phoneNumber"],
                            "call_length": ["$.requiredDuration"],
                            "currency": ["$.bidCurrency"]
                        },
                        "timeout_ms": 5_000,
                        "caps": {"daily": 1_000}
                    }),
                )
                .await;
            entries.push(json!({"rtb_target": id}));
        }
        let mut campaign = json!({
            "name": format!("Campaign {unique}"),
            "status": "active",
            "recording": "from_answer_dual",
            // One caller rings again and again in these scenes.
            "screening": {"spam_window_s": 0},
            "auction": {"bidders": entries, "deadline_ms": 800},
            "plan": [{"target": target}],
            "fallback_number": FALLBACK,
            "payout": {"on": "converted", "amount": {"share": {"basis_points": 6_000}}}
        });
        for (field, value) in campaign_fields.as_object().into_iter().flatten() {
            campaign[field] = value.clone();
        }
        let campaign = self.create("/api/campaigns", campaign).await;
        self.create(
            "/api/numbers",
            json!({
                "number": number, "account_sid": self.account_sid, "campaign": campaign,
                "publisher": publisher
            }),
        )
        .await;
        let published = self.ok("POST", &format!("/api/campaigns/{campaign}/publish"), None).await;
        assert_eq!(published["numbers"][0]["outcome"], "routed", "{published}");
        assert_eq!(published["warnings"], json!([]), "{published}");
        let bidders = entries.iter().map(|entry| entry["rtb_target"].as_str().unwrap().to_owned()).collect();
        Scene { deployment: self, number, campaign, publisher, buyer, target, bidders }
    }
}

impl Scene<'_> {
    /// A call to the scene's number.
    pub fn script(&self, seed: u64) -> CallScript {
        let mut script = CallScript::new("+14155550100", self.number.clone());
        script.seed = Some(seed ^ (u64::from(std::process::id()) << 32));
        script
    }

    /// Changes a thing, whatever its version is now.
    pub async fn change(&self, path: &str, mut patch: Value) {
        let now = self.deployment.ok("GET", path, None).await;
        patch["version"] = now["version"].clone();
        self.deployment.ok("PATCH", path, Some(&patch)).await;
    }

    /// Places a call; nobody may ever be left with an application error.
    pub async fn call(&self, script: CallScript) -> Journey {
        let journey = self.deployment.phone.place_call(script).await;
        assert!(!journey.outcome.failed, "the caller was left with an error: {}", shown(&journey));
        journey
    }

    /// One part of what the API knows of a call: `""`, `"/events"`, `"/auction"`, …
    pub async fn read(&self, journey: &Journey, part: &str) -> Value {
        let id = journey.call_sid.replacen("CA", "RGB", 1);
        self.deployment.ok("GET", &format!("/api/calls/{id}{part}"), None).await
    }

    /// The closing of a call, once it has closed.
    pub async fn closing(&self, journey: &Journey) -> Value {
        for _ in 0..100 {
            let call = self.read(journey, "").await;
            if !call["closing"].is_null() {
                return call["closing"].clone();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the call did not close: {}", shown(journey));
    }
}

/// A journey as a person would read it.
pub fn shown(journey: &Journey) -> String {
    journey.timeline().iter().map(|line| format!("\n  {line}")).collect()
}

/// The verdict codes of an auction by the bidders' first word.
pub fn verdicts(auction: &Value) -> Vec<(String, String)> {
    let mut verdicts: Vec<(String, String)> = auction["bidders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bidder| {
            let name = bidder["name"].as_str().unwrap().split(' ').next().unwrap().to_owned();
            (name, bidder["verdict"]["code"].as_str().unwrap().to_owned())
        })
        .collect();
    verdicts.sort();
    verdicts
}

#[expect(clippy::disallowed_methods, reason = "a test speaks to loopback addresses of its own")]
pub fn client() -> reqwest::Client {
    reqwest::Client::new()
}
