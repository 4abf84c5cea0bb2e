//! The walk-through for newcomers, `infra/first-call.md`, executed: its shell blocks run one after the other in one shell,
//! as a reader would paste them, and each answer is compared with what the page shows below the block.
//!
//! What must stay true of the page: every request is one that stops at a refusal; a ```json or ```text block below a ```sh
//! block shows what that block answers, shortened: fields may be left out, and `…` stands for any text.

use std::path::Path;
use std::process::Stdio;

use local_platform::call::place_and_watch;
use local_platform::client::ApiClient;
use local_platform::running::Running;
use local_platform::simulator::Placing;
use local_platform::{Options, Platform};
use serde_json::{Value, json};
use tokio::process::Command;

/// Begins the answer of each step in what the shell says.
const STEP: &str = "=== step";

/// A block of commands, and what the page says that they answer.
struct Step {
    commands: String,
    shown: Shown,
}

enum Shown {
    Nothing,
    Json(Value),
    Text(String),
}

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/first-call.md")).unwrap()
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let block = block.join("\n");
        let shown = match kind {
            "sh" => {
                steps.push(Step { commands: block, shown: Shown::Nothing });
                continue;
            }
            "json" => {
                Shown::Json(serde_json::from_str(&block).unwrap_or_else(|error| panic!("{error}: {block}")))
            }
            "text" => Shown::Text(block),
            other => panic!("a block of '{other}' is neither executed nor compared"),
        };
        let step = steps.last_mut().expect("an answer follows its commands");
        assert!(matches!(step.shown, Shown::Nothing), "two answers below one block: {}", step.commands);
        step.shown = shown;
    }
    steps
}

/// Whether `…` in what the page shows can stand for what is left out of the text.
fn fits(shown: &str, text: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// Where an answer is not as the page shows it.
fn differences(at: &str, shown: &Value, answer: &Value, found: &mut Vec<String>) {
    match (shown, answer) {
        (Value::Object(fields), Value::Object(_)) => {
            for (name, shown) in fields {
                differences(&format!("{at}.{name}"), shown, answer.get(name).unwrap_or(&Value::Null), found);
            }
        }
        // The first ones; none shown means that there are none.
        (Value::Array(items), Value::Array(answered)) if items.is_empty() == answered.is_empty() => {
            for (place, shown) in items.iter().enumerate() {
                differences(
                    &format!("{at}[{place}]"),
                    shown,
                    answered.get(place).unwrap_or(&Value::Null),
                    found,
                );
            }
        }
        (Value::String(shown), Value::String(text)) if fits(shown, text) => {}
        _ if shown == answer => {}
        _ => found.push(format!("{at}: the page shows {shown}, the answer is {answer}")),
    }
}

/// Runs the steps in one shell on this platform. What each step said; at last the values of these variables.
async fn walk(platform: &Platform, steps: &[Step], variables: &[&str]) -> (Vec<String>, Vec<String>) {
    let mut script = "set -euo pipefail\n".to_owned();
    for step in steps {
        script.push_str(&format!("echo '{STEP}'\n{}\n", step.commands));
    }
    script.push_str(&format!("echo '{STEP}'\n"));
    for variable in variables {
        script.push_str(&format!("echo \"${variable}\"\n"));
    }
    let mut shell = Command::new("bash");
    shell.arg("-c").arg(script).stdin(Stdio::null()).envs(platform.first_call_variables()).kill_on_drop(true);
    // Whatever the person who runs the tests has set for curl is not ours.
    shell.env("CURL_HOME", "/nonexistent").env("NO_PROXY", "*");
    let done = shell.output().await.unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    let complaints = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "the walk-through stopped: {complaints}\n{said}");
    let mut said: Vec<String> =
        said.split(&format!("{STEP}\n")).skip(1).map(|said| said.trim_end().to_owned()).collect();
    let values = said.pop().unwrap().lines().map(str::to_owned).collect();
    (said, values)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_walk_through_leads_from_sign_up_to_a_settled_call() {
    let platform = Platform::start(Options::for_tests()).await.unwrap();
    let steps = steps(&page());
    let (said, values) = walk(&platform, &steps, &["KEY", "NUMBER", "CALL"]).await;
    let [key, number, call] = values.as_slice() else { panic!("{values:?}") };

    let mut wrong = Vec::new();
    for (step, said) in steps.iter().zip(&said) {
        match &step.shown {
            Shown::Nothing => {}
            Shown::Text(text) if fits(text, said) => {}
            Shown::Text(text) => wrong.push(format!("the page shows {text}, the answer is {said}")),
            Shown::Json(shown) => {
                let answer: Value =
                    serde_json::from_str(said).unwrap_or_else(|error| panic!("{error}: {said}"));
                let mut found = Vec::new();
                differences("", shown, &answer, &mut found);
                wrong.extend(found.iter().map(|found| format!("{}\n  {found}", step.commands)));
            }
        }
    }
    assert!(wrong.is_empty(), "the page is out of step:\n{}", wrong.join("\n"));

    // What the page promises, read by other means.
    assert!(platform.spare_phone().number(number).is_some() && platform.phone().number(number).is_none());
    let api = ApiClient::new(&platform.api_url(), key).unwrap();
    let ledger: Value = api.get(&format!("/api/calls/{call}/ledger")).await.unwrap();
    let totals = json!({"revenue": 25_000_000, "payout": 15_000_000, "profit": 10_000_000});
    assert_eq!((&ledger["settled"], &ledger["totals"]), (&json!(true), &totals));
    let detail: Value = api.get(&format!("/api/calls/{call}")).await.unwrap();
    assert_eq!(detail["closing"]["connected_s"], 95, "{detail}");
    // The demo tenant sees none of it.
    let other = platform.api().unwrap().get::<Value>(&format!("/api/calls/{call}")).await;
    assert!(other.is_err_and(|error| error.to_string().contains(": 404:")));

    // `make call NUMBER=… KEY=…`
    let running = Running {
        pid: std::process::id(),
        api_url: platform.api_url(),
        phone_url: platform.phone_url(),
        api_key: key.clone(),
    };
    let placing = Placing { number: Some(number.clone()), ..Placing::default() };
    let mut told = Vec::new();
    place_and_watch(&running, &placing, &mut told).await.unwrap();
    let told = String::from_utf8(told).unwrap();
    for words in [
        "dialled     Brunel Plumbing at +12025550170",
        "revenue         25.00 USD",
        "payout          15.00 USD",
    ] {
        assert!(told.contains(words), "'{words}' is missing in:\n{told}");
    }
}

#[test]
fn every_request_of_the_page_stops_at_a_refusal() {
    let page = page();
    assert_eq!(page.matches("curl -sS --fail-with-body ").count(), 1);
    let commands: String = steps(&page).into_iter().map(|step| step.commands).collect();
    assert_eq!(commands.matches("curl").count(), 1, "everything else goes through that one");
}

#[test]
fn a_page_that_is_out_of_step_is_noticed() {
    assert!(fits("AC…", "AC12") && fits("a…b…c", "a1b2c") && fits("same", "same"));
    assert!(!fits("AC…", "PN12") && !fits("a…b…c", "a1c") && !fits("same", "same again"));
    let differ = |shown: Value, answer: Value| {
        let mut found = Vec::new();
        differences("", &shown, &answer, &mut found);
        found
    };
    let answer = json!({"status": "active", "items": [{"id": "AC12"}, {"id": "AC13"}], "none": []});
    assert_eq!(differ(json!({"items": [{"id": "AC…"}], "none": []}), answer.clone()), [""; 0]);
    for wrong in [
        json!({"status": "draft"}),
        json!({"gone": "…"}),
        json!({"items": []}),
        json!({"none": ["…"]}),
        json!({"items": [{"id": "PN…"}]}),
    ] {
        assert_eq!(differ(wrong.clone(), answer.clone()).len(), 1, "{wrong}");
    }
}
