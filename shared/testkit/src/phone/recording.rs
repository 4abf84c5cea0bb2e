//! Recordings of a call: what they are called, how long they are, who is told about them.

use std::sync::Arc;
use std::time::Duration;

use super::call::Call;
use super::journey::{Happening, WebhookKind};
use super::parameters;
use super::recorder::whole_seconds;
use super::twiml::Subscription;

/// A recording under way or finished.
#[derive(Debug, Clone)]
pub(super) struct Recording {
    pub(super) sid: String,
    pub(super) began: Duration,
    pub(super) ended: Option<Duration>,
    pub(super) dual: bool,
    /// `DialVerb` or `RecordVerb`.
    pub(super) source: &'static str,
    pub(super) status: Subscription,
}

impl Recording {
    /// Starts one now and tells whoever asked to know.
    pub(super) fn begin(call: &Arc<Call>, source: &'static str, dual: bool, status: Subscription) -> Self {
        let began = call.clock.now();
        let recording = Self { sid: call.new_sid("RE"), began, ended: None, dual, source, status };
        call.log.note(Happening::RecordingBegan { recording_sid: recording.sid.clone() });
        super::locked(&call.network.recordings).insert(recording.sid.clone());
        recording.tell(call, "in-progress");
        recording
    }

    /// Ends it now and tells whoever asked to know. A recording that holds nothing is `absent`.
    pub(super) fn end(&mut self, call: &Arc<Call>, absent: bool) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some(call.clock.now());
        if absent {
            super::locked(&call.network.recordings).remove(&self.sid);
        }
        let seconds = self.seconds(call);
        call.log.note(Happening::RecordingEnded { recording_sid: self.sid.clone(), seconds });
        self.tell(call, if absent { "absent" } else { "completed" });
    }

    /// Where it can be fetched, without extension. It may not be there yet when the address is announced.
    pub(super) fn url(&self, call: &Call) -> String {
        let account = &call.network.config.account_sid;
        format!("https://api.twilio.com/2010-04-01/Accounts/{account}/Recordings/{}", self.sid)
    }

    /// Its length so far, in whole seconds.
    pub(super) fn seconds(&self, call: &Call) -> u64 {
        whole_seconds(self.ended.unwrap_or_else(|| call.clock.now()).saturating_sub(self.began))
    }

    fn tell(&self, call: &Arc<Call>, status: &str) {
        let Some(address) = self.status.wants(status) else { return };
        let fields = parameters::recording_status(call, self, status);
        call.call_back(WebhookKind::RecordingStatus, &self.sid, address, fields);
    }
}
