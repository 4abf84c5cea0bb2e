//! What travels through the queue: typed, versioned JSON.
//!
//! What must stay true: a reader understands every version that may still wait in a queue (messages live for days), and a
//! body never exceeds what SQS takes.

use app::ports::BidLogEntry;
use domain::ids::{CallId, TenantId};
use serde::{Deserialize, Serialize};

/// Largest body, and largest sum of bodies in one batch, in bytes.
pub const LONGEST_BODY: usize = 256 * 1024;

/// A text of an entry that does not fit into a message by itself is cut to so many characters.
const CUT_TEXT: usize = 8_000;
/// Room for the envelope around the entries.
const ENVELOPE: usize = 64;
const VERSION: u16 = 1;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Bids to be logged. Harmless to repeat: an entry is stored under its auction and bidder.
    Bids(Vec<BidLogEntry>),
    /// A call whose trackers are to be told what is new of it. Harmless to repeat: each kind of postback is marked with the
    /// call.
    Postbacks(CallToTell),
}

/// A call, named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallToTell {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub call: CallId,
}

/// The wire form. `v` counts changes of `body`'s shape.
#[derive(Serialize, Deserialize)]
struct Envelope<B> {
    kind: String,
    v: u16,
    body: B,
}

const BIDS: &str = "bids";
const POSTBACKS: &str = "postbacks";

/// A body is no message that we know.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Not our JSON.
    #[error("the message is not an envelope with kind, v and body")]
    Envelope(#[source] serde_json::Error),
    /// A kind or version we do not know: written by a newer release, or by somebody else.
    #[error("the message is of kind '{kind}', version {v}, which this release does not know")]
    Unknown {
        /// As written, shortened.
        kind: String,
        /// As written.
        v: u16,
    },
    /// Known, but its body is not what it should be.
    #[error("the body of a '{kind}' message cannot be read")]
    Body {
        /// Which kind.
        kind: &'static str,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
}

impl Message {
    /// Reads a body.
    ///
    /// # Errors
    /// [`MessageError`]: not a message of ours, or of a release we do not know.
    pub fn decode(text: &str) -> Result<Self, MessageError> {
        let envelope: Envelope<serde_json::Value> =
            serde_json::from_str(text).map_err(MessageError::Envelope)?;
        match (envelope.kind.as_str(), envelope.v) {
            (BIDS, VERSION) => serde_json::from_value(envelope.body)
                .map(Self::Bids)
                .map_err(|source| MessageError::Body { kind: BIDS, source }),
            (POSTBACKS, VERSION) => serde_json::from_value(envelope.body)
                .map(Self::Postbacks)
                .map_err(|source| MessageError::Body { kind: POSTBACKS, source }),
            (kind, v) => Err(MessageError::Unknown { kind: kind.chars().take(40).collect(), v }),
        }
    }

    /// Writes that a call's trackers are to be told.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn encode_postbacks(body: CallToTell) -> Result<String, serde_json::Error> {
        serde_json::to_string(&Envelope { kind: POSTBACKS.to_owned(), v: VERSION, body })
    }

    /// Writes bids into as few bodies as fit, in order. An entry too long for a body by itself has its texts cut.
    ///
    /// # Errors
    /// An entry cannot be written as JSON.
    pub fn encode_bids(entries: &[BidLogEntry]) -> Result<Vec<String>, serde_json::Error> {
        let mut bodies = Vec::new();
        let mut waiting: Vec<String> = Vec::new();
        let mut length = ENVELOPE;
        for entry in entries {
            let text = written(entry)?;
            if !waiting.is_empty() && length + text.len() + 1 > LONGEST_BODY {
                bodies.push(enveloped(&waiting));
                waiting.clear();
                length = ENVELOPE;
            }
            length += text.len() + 1;
            waiting.push(text);
        }
        if !waiting.is_empty() {
            bodies.push(enveloped(&waiting));
        }
        Ok(bodies)
    }
}

fn enveloped(entries: &[String]) -> String {
    format!("{{\"kind\":\"{BIDS}\",\"v\":{VERSION},\"body\":[{}]}}", entries.join(","))
}

fn written(entry: &BidLogEntry) -> Result<String, serde_json::Error> {
    let text = acceptable(serde_json::to_string(entry)?);
    if ENVELOPE + text.len() < LONGEST_BODY {
        return Ok(text);
    }
    let cut = |text: &Option<String>| text.as_ref().map(|text| text.chars().take(CUT_TEXT).collect());
    let shorter = BidLogEntry {
        request: cut(&entry.request),
        response: cut(&entry.response),
        url: entry.url.chars().take(CUT_TEXT).collect(),
        ..entry.clone()
    };
    serde_json::to_string(&shorter).map(acceptable)
}

/// SQS refuses two characters that JSON may hold as they are; escaped they pass.
fn acceptable(json: String) -> String {
    if json.contains(['\u{FFFE}', '\u{FFFF}']) {
        json.replace('\u{FFFE}', "\\ufffe").replace('\u{FFFF}', "\\uffff")
    } else {
        json
    }
}
