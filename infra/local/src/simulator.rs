//! The simulated telephone network, and the way to place calls through it: `POST /_sim/calls`.
//!
//! The answer is one JSON text per line, as things happen: `{"happened": …}` for each moment of the journey, at last
//! `{"over": …}`. A call reaches the account that has the number. `POST /_sim/numbers` gives the demo tenant's account another
//! number, as buying one would.
//!
//! Two Twilio accounts are simulated: the demo tenant's, and a spare one for an account that somebody opens themselves.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use domain::phone::E164;
use futures::stream;
use serde::{Deserialize, Serialize};
use serde_json::json;
use testkit::phone::{
    Answering, CallScript, CalleeScript, CallerScript, Carrier, JourneyEvent, LiveCall, NumberConfig,
    Outcome, PhoneConfig, PhoneNetwork, SipSource, Speed,
};
use tower::ServiceExt as _;

use crate::demo::{Demo, TwilioAccount};
use crate::seed;

/// What a demonstration shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// The best bid is dialled and answers.
    Normal,
    /// The best bidder's line is busy; the second bid is dialled.
    WinnerBusy,
    /// The best bidder does not answer; the second bid is dialled.
    WinnerDoesNotAnswer,
    /// Nobody bids; the static target is dialled.
    NoBids,
    /// The caller hangs up while it rings.
    CallerHangsUp,
    /// The conversation is too short to be paid.
    ShortCall,
    /// Every line is busy.
    EverybodyBusy,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Normal,
        Self::WinnerBusy,
        Self::WinnerDoesNotAnswer,
        Self::NoBids,
        Self::CallerHangsUp,
        Self::ShortCall,
        Self::EverybodyBusy,
    ];

    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::WinnerBusy => "winner-busy",
            Self::WinnerDoesNotAnswer => "winner-does-not-answer",
            Self::NoBids => "no-bids",
            Self::CallerHangsUp => "caller-hangs-up",
            Self::ShortCall => "short-call",
            Self::EverybodyBusy => "everybody-busy",
        }
    }

    /// The scenario of this name.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.as_str() == word)
    }

    const fn number(self) -> &'static str {
        match self {
            Self::WinnerBusy => seed::WINNER_BUSY,
            Self::NoBids => seed::NO_BIDS,
            _ => seed::HOME_SERVICES,
        }
    }

    fn script(self) -> CallScript {
        let script = CallScript::new("+14155550100", self.number());
        let seconds = std::time::Duration::from_secs;
        match self {
            Self::Normal | Self::WinnerBusy | Self::NoBids => script,
            Self::WinnerDoesNotAnswer => script.callee("+12025550111", CalleeScript::NoAnswer),
            Self::CallerHangsUp => {
                script.caller(CallerScript { patience: Some(seconds(3)), ..CallerScript::default() })
            }
            Self::ShortCall => CallScript {
                default_callee: Some(CalleeScript::Answers(Answering {
                    talks_for: Some(seconds(20)),
                    ..Answering::default()
                })),
                ..script
            },
            Self::EverybodyBusy => CallScript { default_callee: Some(CalleeScript::busy()), ..script },
        }
    }
}

/// A call to be placed. Everything may be left out.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Placing {
    /// What to show; `normal` when nothing is said.
    pub scenario: Option<Scenario>,
    /// The number or SIP address to call, if not the scenario's.
    pub number: Option<String>,
    /// The caller, if not the scenario's.
    pub from: Option<String>,
    /// How a call to a SIP address presents itself; its caller is a SIP address, too.
    pub sip: Option<SipSource>,
    /// So many times faster than real; at once when nothing is said.
    pub times_faster: Option<u32>,
    /// The whole script, in place of everything above.
    pub script: Option<Box<CallScript>>,
}

/// One line of the answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// A moment of the journey.
    Happened(JourneyEvent),
    /// The end.
    Over {
        /// The caller's CallSid.
        call_sid: String,
        /// How it went.
        outcome: Outcome,
    },
}

/// The simulated accounts, each a telephone network of its own. In this order they make a [`Carrier`].
#[derive(Clone)]
pub struct Networks {
    /// The demo tenant's, with the numbers of the demonstration.
    pub demo: PhoneNetwork,
    /// Nobody's at first, and without numbers.
    pub spare: PhoneNetwork,
}

impl Networks {
    /// The networks of the accounts that the demo file names.
    pub fn new(demo: &Demo, time_scale: u32) -> Self {
        let mut own = config(&demo.twilio, time_scale);
        let called = [seed::HOME_SERVICES, seed::WINNER_BUSY, seed::NO_BIDS];
        for number in called.into_iter().chain(seed::VISITORS_NUMBERS) {
            own = own.number(NumberConfig::new(number, ""));
        }
        Self { demo: PhoneNetwork::new(own), spare: PhoneNetwork::new(config(&demo.spare, time_scale)) }
    }
}

fn config(account: &TwilioAccount, time_scale: u32) -> PhoneConfig {
    PhoneConfig {
        // People whose lines are always busy, whoever calls.
        callees: BTreeMap::from([(seed::BUSY_LINE.to_owned(), CalleeScript::busy())]),
        time_scale,
        ..PhoneConfig::new(account.account_sid.as_str(), account.auth_token.as_str())
    }
}

/// Twilio's REST API as simulated, and the two ways to use the networks.
pub fn router(networks: &Networks) -> Router {
    let Networks { demo, spare } = networks.clone();
    let carrier = Carrier::new(demo.clone(), vec![spare]);
    let bought = Router::new().route("/_sim/numbers", post(buy)).with_state(demo);
    // The path's segments are for the account's own router: a route here would have axum count them twice.
    Router::new().route("/_sim/calls", post(place)).fallback(rest).with_state(carrier).merge(bought)
}

/// A request of the REST API, for the account that its path names.
async fn rest(State(carrier): State<Carrier>, request: Request) -> Response {
    let path = request.uri().path();
    let sid = path.strip_prefix("/2010-04-01/Accounts/").and_then(|rest| rest.split(['/', '.']).next());
    match carrier.account(sid.unwrap_or_default()).router().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

async fn place(State(carrier): State<Carrier>, body: Bytes) -> Response {
    let placing = if body.is_empty() { Ok(Placing::default()) } else { serde_json::from_slice(&body) };
    let placing: Placing = match placing {
        Ok(placing) => placing,
        Err(error) => return refuse(&format!("the call is not described as expected: {error}")),
    };
    let live = carrier.follow_call(script(placing));
    let lines = stream::unfold(Some(live), |live| async move {
        let mut live: LiveCall = live?;
        let (line, live) = match live.events.recv().await {
            Some(event) => (Line::Happened(event), Some(live)),
            None => {
                let journey = live.journey.await.ok()?;
                (Line::Over { call_sid: journey.call_sid, outcome: journey.outcome }, None)
            }
        };
        let mut text = serde_json::to_string(&line).ok()?;
        text.push('\n');
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), live))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

fn script(placing: Placing) -> CallScript {
    if let Some(script) = placing.script {
        return *script;
    }
    let mut script = placing.scenario.unwrap_or(Scenario::Normal).script();
    if let Some(number) = placing.number {
        script.to = number;
    }
    if let Some(from) = placing.from {
        script.from = from;
    }
    if let Some(sip) = placing.sip {
        script.sip = sip;
    }
    if let Some(times) = placing.times_faster {
        script.speed = Speed::Times(times.max(1));
    }
    script
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Buying {
    number: E164,
}

async fn buy(State(network): State<PhoneNetwork>, body: Bytes) -> Response {
    let Ok(Buying { number }) = serde_json::from_slice(&body) else {
        return refuse("expected {\"number\": \"+1…\"}");
    };
    own_number(&network, number.as_str());
    StatusCode::NO_CONTENT.into_response()
}

/// Gives the account a number, unless it has it.
pub fn own_number(network: &PhoneNetwork, number: &str) {
    if network.number(number).is_none() {
        network.set_number(NumberConfig::new(number, ""));
    }
}

fn refuse(words: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": words}))).into_response()
}
