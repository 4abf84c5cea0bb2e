//! Writes a call's journey down while it happens, and tells whoever follows it live.

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::clock::Clock;
use super::journey::{Happening, JourneyEvent, ReceivedDocument, SentRequest, milliseconds};
use super::locked;

/// The journey so far.
pub(super) struct Recorder {
    clock: Clock,
    live: Option<UnboundedSender<JourneyEvent>>,
    pages: Mutex<Pages>,
}

/// What a recorder has collected.
#[derive(Debug, Default)]
pub(super) struct Pages {
    pub(super) events: Vec<JourneyEvent>,
    pub(super) requests: Vec<SentRequest>,
    pub(super) documents: Vec<ReceivedDocument>,
}

impl Recorder {
    pub(super) fn new(clock: Clock, live: Option<UnboundedSender<JourneyEvent>>) -> Self {
        Self { clock, live, pages: Mutex::default() }
    }

    /// Notes what happens now. The time is taken when it is this note's turn: two that come together stand in its order.
    pub(super) fn note(&self, what: Happening) {
        let mut pages = locked(&self.pages);
        let now = self.clock.now();
        let event = JourneyEvent { offset_ms: milliseconds(now), at: self.clock.moment(now), what };
        // Somebody who no longer follows the call does not disturb it.
        let _ = self.live.as_ref().map(|live| live.send(event.clone()));
        pages.events.push(event);
    }

    pub(super) fn warn(&self, code: u32, detail: impl Into<String>) {
        self.note(Happening::Warning { code, detail: detail.into() });
    }

    pub(super) fn sent(&self, request: SentRequest) {
        locked(&self.pages).requests.push(request);
    }

    /// Keeps a document and says how many there are now.
    pub(super) fn received(&self, document: ReceivedDocument) -> usize {
        let mut pages = locked(&self.pages);
        pages.documents.push(document);
        pages.documents.len()
    }

    /// Milliseconds since the call was placed.
    pub(super) fn offset(&self) -> u64 {
        milliseconds(self.clock.now())
    }

    /// Takes everything collected.
    pub(super) fn finish(&self) -> Pages {
        std::mem::take(&mut *locked(&self.pages))
    }
}

/// Whole seconds, as Twilio reports durations.
pub(super) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs()
}
