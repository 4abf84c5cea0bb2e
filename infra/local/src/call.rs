//! `local-platform call`: places a call through the running platform and shows its journey while it happens, with what our
//! own API says about it: the auction, whom we dialled, the books.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use contract::calls::{AuctionView, CallDetail, LedgerView};
use contract::page::Page;
use runtime::Cause;
use testkit::phone::{CallStatus, Happening, JourneyEvent, WebhookKind};

use crate::client::{ApiClient, ApiError, local_http};
use crate::running::Running;
use crate::simulator::{Line, Placing};

/// How long the books may take after the end of the call.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Places a call and writes its timeline, line by line.
///
/// # Errors
/// The platform does not answer; or the call's books did not come.
pub async fn place_and_watch(
    running: &Running,
    placing: &Placing,
    out: &mut (dyn Write + Send),
) -> Result<(), Cause> {
    let api = ApiClient::new(&running.api_url, &running.api_key)?;
    let request = local_http()?.post(format!("{}/_sim/calls", running.phone_url)).json(placing);
    let mut answer = request.send().await.map_err(|_| NOT_RUNNING)?;
    if !answer.status().is_success() {
        return Err(answer.text().await?.into());
    }
    let mut watch = Watch { api, call: String::new(), shown_auctions: 0, names: BTreeMap::new(), out };
    let mut text = Vec::new();
    let mut over = false;
    while let Some(chunk) = answer.chunk().await.map_err(|_| WENT_AWAY)? {
        text.extend_from_slice(&chunk);
        while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            match serde_json::from_slice(&line)? {
                Line::Happened(event) => watch.show(&event).await?,
                Line::Over { .. } => {
                    over = true;
                    watch.books().await?;
                }
            }
        }
    }
    if over { Ok(()) } else { Err(WENT_AWAY.into()) }
}

const WENT_AWAY: &str = "the platform went away during the call";

/// What to do when nobody answers.
pub const NOT_RUNNING: &str = "the platform is not running here; start it with: make run";

struct Watch<'a> {
    api: ApiClient,
    /// Our id of the call.
    call: String,
    shown_auctions: usize,
    /// Who is at the other end of a leg, by its CallSid.
    names: BTreeMap<String, String>,
    out: &'a mut (dyn Write + Send),
}

impl Watch<'_> {
    async fn show(&mut self, event: &JourneyEvent) -> Result<(), Cause> {
        let at = event.offset_ms;
        match &event.what {
            Happening::CallPlaced { from, to, call_sid } => {
                self.call = format!("RGB{}", call_sid.trim_start_matches("CA"));
                let call = self.call.clone();
                self.line(at, "ringing", &format!("{from} calls {to}, call {call}"))
            }
            Happening::Requested { kind, status, elapsed_ms, .. } => {
                let answer = status.map_or("no answer".to_owned(), |status| format!("HTTP {status}"));
                self.line(at, "asked", &format!("{}: {answer} after {elapsed_ms} ms", question(*kind)))?;
                self.auctions(at).await
            }
            Happening::Dialled { call_sid, destination, caller_id } => {
                let name = self.name_of(destination).await?;
                self.names.insert(call_sid.clone(), name.clone());
                self.line(at, "dialled", &format!("{name} at {destination}, who sees {caller_id}"))
            }
            Happening::LegAnswered { call_sid } => {
                let name = self.leg(call_sid);
                self.line(at, "answered", &name)
            }
            Happening::LegEnded { call_sid, status, .. } if *status != CallStatus::Completed => {
                let name = self.leg(call_sid);
                self.line(at, status.as_str(), &name)
            }
            Happening::Bridged { .. } => self.line(at, "connected", "caller and callee talk"),
            Happening::BridgeEnded { connected_seconds, .. } => {
                self.line(at, "ended", &format!("a conversation of {connected_seconds} s"))
            }
            Happening::Said { words, .. } => self.line(at, "says", words),
            Happening::RecordingEnded { seconds, .. } => self.line(at, "recorded", &format!("{seconds} s")),
            Happening::CallerHungUp => self.line(at, "hung up", "by the caller"),
            Happening::CallEnded { status, seconds, .. } => {
                self.line(at, "over", &format!("{status}, {seconds} s"))
            }
            Happening::Instructed { .. }
            | Happening::CallAnswered
            | Happening::LegEnded { .. }
            | Happening::RecordingBegan { .. }
            | Happening::CallbackDelivered { status: Some(200..=299), .. } => Ok(()),
            _ => self.line(at, "note", &event.line().text),
        }
    }

    /// The auctions that were not shown yet.
    async fn auctions(&mut self, at: u64) -> Result<(), Cause> {
        let found = self.api.get::<Page<AuctionView>>(&format!("/api/calls/{}/auction", self.call)).await;
        let auctions = match found {
            Ok(page) => page.items,
            // Not a call of ours yet, or one that was refused.
            Err(ApiError::Refused { status: 404, .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for auction in auctions.iter().skip(self.shown_auctions) {
            let head = format!(
                "{} bidders, {} ms of at most {} ms",
                auction.bidders.len(),
                auction.took_ms,
                auction.deadline_ms
            );
            self.line(at, "auction", &head)?;
            for bidder in &auction.bidders {
                let amount = bidder.amount.map_or_else(|| "-".to_owned(), |amount| amount.to_string());
                let latency = bidder.latency_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
                let verdict = &bidder.verdict;
                writeln!(
                    self.out,
                    "{:>26} {amount:>8} {}  {latency:>8}  {:<22} {:<20} {}",
                    "",
                    auction.currency.code(),
                    bidder.name,
                    verdict.code,
                    verdict.text
                )?;
            }
        }
        self.shown_auctions = auctions.len();
        Ok(self.out.flush()?)
    }

    /// Whom we dialled there.
    async fn name_of(&self, destination: &str) -> Result<String, Cause> {
        let call = self.api.get::<CallDetail>(&format!("/api/calls/{}", self.call)).await;
        let attempts = call.map(|call| call.attempts).unwrap_or_default();
        let attempt = attempts.into_iter().rev().find(|attempt| attempt.address == destination);
        Ok(attempt.map_or_else(|| "somebody".to_owned(), |attempt| attempt.destination.name))
    }

    fn leg(&self, call_sid: &str) -> String {
        self.names.get(call_sid).cloned().unwrap_or_else(|| "the other side".to_owned())
    }

    /// The books, once they are there.
    async fn books(&mut self) -> Result<(), Cause> {
        let path = format!("/api/calls/{}/ledger", self.call);
        let until = tokio::time::Instant::now() + SETTLED_WITHIN;
        loop {
            match self.api.get::<LedgerView>(&path).await {
                Ok(ledger) if ledger.settled => return self.write_books(&ledger),
                Ok(_) => {}
                Err(ApiError::Refused { status: 404, .. }) => {
                    writeln!(self.out, "{:>12}  {:<11} our API knows no such call", "", "books")?;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
            if tokio::time::Instant::now() >= until {
                return Err(
                    "the call is over, but its books are not settled yet; housekeeping will do it".into()
                );
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    fn write_books(&mut self, ledger: &LedgerView) -> Result<(), Cause> {
        let code = ledger.currency.code();
        for (word, amount) in [
            ("revenue", ledger.totals.revenue),
            ("payout", ledger.totals.payout),
            ("profit", ledger.totals.profit),
        ] {
            let Some(amount) = amount else { continue };
            let reasons = ledger.entries.iter().filter(|entry| entry.kind == word);
            let reasons: Vec<&str> = reasons.map(|entry| entry.reason.as_str()).collect();
            let amount = amount.to_string();
            writeln!(self.out, "{:>12}  {word:<11} {amount:>9} {code}  {}", "", reasons.join("; "))?;
        }
        Ok(self.out.flush()?)
    }

    fn line(&mut self, offset_ms: u64, word: &str, text: &str) -> Result<(), Cause> {
        writeln!(self.out, "{:>6}.{:03} s  {word:<11} {text}", offset_ms / 1_000, offset_ms % 1_000)?;
        Ok(self.out.flush()?)
    }
}

fn question(kind: WebhookKind) -> &'static str {
    match kind {
        WebhookKind::IncomingCall => "what to do with the call",
        WebhookKind::Redirect => "to run the auction",
        WebhookKind::DialAction => "what to do after the dial",
        WebhookKind::Fallback => "the static fallback document",
        _ => "what to do next",
    }
}
