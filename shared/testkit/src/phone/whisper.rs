//! The document a callee hears before being connected: `<Say>`, `<Play>`, `<Pause>`, `<Gather>` and `<Hangup>` only.
//!
//! The callee is connected when a document ends, whether or not a key was pressed, unless something hung up first.
//! A whisper that cannot be had or understood ends the leg: nobody is connected without having heard it.

use std::sync::Arc;
use std::time::Duration;

use super::call::Call;
use super::documents::{Document, DocumentRequest, Trouble};
use super::journey::{EndedBy, Happening, WebhookKind};
use super::leg::Leg;
use super::parameters::{Parameters, put};
use super::twiml::{Address, Verb};
use super::verbs::resolved;

/// The document breaks the grammar.
const GRAMMAR_BREACH: u32 = 12_200;

/// How a whisper document ended.
enum End {
    Connect,
    HangUp,
    Ask(DocumentRequest),
}

impl Call {
    /// Plays the whisper. `None` when the callee is to be connected, else who ended the leg.
    pub(super) async fn whisper(
        self: &Arc<Self>,
        leg: &Arc<Leg>,
        address: Address,
        answered_by: Option<&str>,
        hangs_up_after: Option<Duration>,
    ) -> Option<EndedBy> {
        self.log.note(Happening::WhisperBegan { call_sid: leg.sid.clone() });
        let document = self.whisper_documents(leg, address, answered_by);
        let Some(after) = hangs_up_after else { return Box::pin(document).await };
        tokio::select! {
            biased;
            ended_by = Box::pin(document) => ended_by,
            () = self.clock.sleep(after) => Some(EndedBy::Callee),
        }
    }

    async fn whisper_documents(
        self: &Arc<Self>,
        leg: &Arc<Leg>,
        address: Address,
        answered_by: Option<&str>,
    ) -> Option<EndedBy> {
        let mut extra = Parameters::new();
        if let Some(answered_by) = answered_by {
            put(&mut extra, "AnsweredBy", answered_by);
        }
        let mut request = DocumentRequest { kind: WebhookKind::Whisper, address, extra };
        loop {
            let end = match self.fetch(Some(leg), &request).await {
                Ok(document) => self.obey_whisper(leg, &document).await,
                Err(trouble) => Err(trouble),
            };
            match end {
                Ok(End::Connect) => return None,
                Ok(End::HangUp) => return Some(EndedBy::Instructions),
                Ok(End::Ask(next)) => request = next,
                Err(trouble) => {
                    self.log.warn(trouble.code, trouble.detail);
                    return Some(EndedBy::Failure);
                }
            }
        }
    }

    async fn obey_whisper(self: &Arc<Self>, leg: &Arc<Leg>, document: &Document) -> Result<End, Trouble> {
        for verb in &document.instructions.verbs {
            match verb {
                Verb::Say { .. } | Verb::Play { .. } | Verb::Tones(_) | Verb::Pause(_) => {
                    self.sound(&leg.sid, verb).await;
                }
                Verb::Gather(gather) => {
                    let Some(extra) = self.gather(Some(leg), gather).await else { continue };
                    let address = resolved(document, gather.action.as_ref())?;
                    return Ok(End::Ask(DocumentRequest {
                        kind: WebhookKind::WhisperAction,
                        address,
                        extra,
                    }));
                }
                Verb::Hangup => return Ok(End::HangUp),
                other => {
                    self.log
                        .warn(GRAMMAR_BREACH, format!("<{}> does not belong into a whisper", other.name()));
                    self.skip(other.name(), "skipped");
                }
            }
        }
        Ok(End::Connect)
    }
}
