//! Status callbacks: queued when something happens, delivered as the call's [`super::delivery::Delivery`] says.

use std::sync::Arc;

use super::call::Call;
use super::delivery::{Callback, Order};
use super::journey::{Happening, WebhookKind};
use super::locked;
use super::parameters::Parameters;
use super::signature::without_fragment;
use super::twiml::Address;
use super::webhook::{RETRIEVAL_FAILED, resolve};

/// The answer to a callback cannot be TwiML.
const BAD_CONTENT_TYPE: u32 = 12_300;

impl Call {
    /// Tells an address that something happened. `subject` is the call or recording it is about.
    pub(super) fn call_back(
        self: &Arc<Self>,
        kind: WebhookKind,
        subject: &str,
        address: &Address,
        parameters: Parameters,
    ) {
        let url = match resolve(without_fragment(&self.number.voice_url), &address.url) {
            Ok(url) => url,
            Err(detail) => return self.log.warn(RETRIEVAL_FAILED, detail),
        };
        let callback = Callback {
            kind,
            subject: subject.to_owned(),
            url,
            method: address.method,
            parameters,
            token: self.new_token(),
        };
        let mut outbox = locked(&self.outbox);
        if outbox.drops(kind) {
            drop(outbox);
            return self.log.note(Happening::WebhookLost { kind });
        }
        if outbox.delivery().order != Order::Racing {
            return outbox.push(callback);
        }
        let copies = outbox.draw_copies();
        drop(outbox);
        for _ in 0..copies {
            let call = self.clone();
            let callback = callback.clone();
            let busy = self.clock.busy();
            tokio::spawn(async move {
                call.deliver(callback).await;
                drop(busy);
            });
        }
    }

    /// Repeats an action later, if the delivery says so.
    pub(super) fn repeat(&self, action: &Callback) {
        let mut outbox = locked(&self.outbox);
        if !outbox.delivery().repeat_actions {
            return;
        }
        for _ in 1..outbox.draw_copies() {
            outbox.push_loose(action.clone());
        }
    }

    /// Before an action is requested, some of the waiting callbacks may get ahead of it: Twilio promises no order.
    pub(super) async fn let_callbacks_overtake(self: &Arc<Self>) {
        let count = locked(&self.outbox).overtaking();
        for _ in 0..count {
            let callback = locked(&self.outbox).next_in_order();
            if let Some(callback) = callback {
                self.deliver(callback).await;
            }
        }
    }

    /// Sends a callback and waits for its answer, which must be empty or TwiML.
    pub(super) async fn deliver(self: &Arc<Self>, callback: Callback) {
        let _busy = self.clock.busy();
        let delay = locked(&self.outbox).delivery().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let sending = Box::pin(self.transmit(&callback)).await;
        match sending.result {
            Err(failure) => self.log.warn(failure.code, format!("a status callback: {}", failure.detail)),
            Ok(reply) if reply.body.is_empty() || reply.content_type.contains("xml") => {}
            Ok(reply) => {
                let detail = format!("a status callback was answered with {:?}", reply.content_type);
                self.log.warn(BAD_CONTENT_TYPE, detail);
            }
        }
    }
}
