//! Requests instructions and follows them; when they cannot be had or understood, asks the fallback address; when
//! that fails too, the caller hears "application error" and the call ends.

use std::sync::Arc;
use std::time::Duration;

use super::call::Call;
use super::delivery::Callback;
use super::journey::{EndedBy, Happening, ReceivedDocument, SentRequest, WebhookKind, milliseconds};
use super::leg::Leg;
use super::parameters::{Parameters, of_caller, put};
use super::signature::without_fragment;
use super::timeline::webhook as name;
use super::twiml::{self, Address, Instructions};
use super::verbs::Next;
use super::webhook::{RETRIEVAL_FAILED, Reply, Sending, Webhook, resolve};
use super::{locked, parameters};

/// The document is not TwiML.
const NOT_TWIML: u32 = 12_100;
/// The document breaks the grammar.
const GRAMMAR_BREACH: u32 = 12_200;
/// The answer's content type cannot be instructions.
const BAD_CONTENT_TYPE: u32 = 12_300;
/// Documents in one call after which it is taken to be going round in circles.
const MOST_DOCUMENTS: usize = 500;

/// A request for instructions.
#[derive(Debug, Clone)]
pub(super) struct DocumentRequest {
    pub(super) kind: WebhookKind,
    /// Absolute.
    pub(super) address: Address,
    /// What is sent beside the common set.
    pub(super) extra: Parameters,
}

impl DocumentRequest {
    pub(super) fn plain(kind: WebhookKind, address: Address) -> Self {
        Self { kind, address, extra: Parameters::new() }
    }
}

/// Where a call's instructions begin.
#[derive(Debug)]
pub(super) enum Start {
    Ask(DocumentRequest),
    Inline(String),
}

/// Instructions and where they came from.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) instructions: Instructions,
    /// Relative addresses are resolved against this; with its fragment, which they do not inherit.
    pub(super) address: Address,
}

impl Document {
    /// An address in this document, made absolute; an absent or empty one is the document itself.
    pub(super) fn resolve(&self, reference: Option<&Address>) -> Result<Address, String> {
        match reference {
            Some(reference) if !reference.url.is_empty() => {
                let url = resolve(without_fragment(&self.address.url), &reference.url)?;
                Ok(Address { url, method: reference.method })
            }
            Some(reference) => Ok(Address { url: self.address.url.clone(), method: reference.method }),
            None => Ok(self.address.clone()),
        }
    }
}

/// Why instructions could not be had.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) code: u32,
    pub(super) detail: String,
    pub(super) url: String,
    /// The request was lost on purpose: nothing follows, not even the fallback.
    pub(super) lost: bool,
}

impl Trouble {
    pub(super) fn new(code: u32, detail: impl Into<String>, url: &str) -> Self {
        Self { code, detail: detail.into(), url: without_fragment(url).to_owned(), lost: false }
    }
}

impl Call {
    /// Follows instructions, document after document, until the call ends.
    pub(super) async fn follow(self: &Arc<Self>, start: Start) -> EndedBy {
        let (mut asked, mut outcome) = match start {
            Start::Ask(request) => (request.kind, self.ask(&request).await),
            Start::Inline(twiml) => (WebhookKind::Redirect, self.obey_inline(&twiml).await),
        };
        loop {
            let request = match outcome {
                Ok(Next::Ask(request)) => request,
                Ok(Next::End(ended_by)) => return ended_by,
                Err(trouble) if trouble.lost => return EndedBy::Instructions,
                Err(trouble) => match self.fallback_request(asked, &trouble) {
                    Some(request) => request,
                    None => return self.fail(&trouble).await,
                },
            };
            asked = request.kind;
            outcome = self.ask(&request).await;
        }
    }

    /// Asks for instructions and follows them to their end.
    async fn ask(self: &Arc<Self>, request: &DocumentRequest) -> Result<Next, Trouble> {
        let document = Box::pin(self.fetch(None, request)).await?;
        Box::pin(self.obey(&document)).await
    }

    async fn obey_inline(self: &Arc<Self>, twiml: &str) -> Result<Next, Trouble> {
        let instructions = twiml::read(twiml).map_err(|detail| Trouble::new(NOT_TWIML, detail, ""))?;
        let address = Address { url: self.number.voice_url.clone(), method: self.number.voice_method };
        self.accept(&instructions);
        Box::pin(self.obey(&Document { instructions, address })).await
    }

    fn fallback_request(&self, asked: WebhookKind, trouble: &Trouble) -> Option<DocumentRequest> {
        let url = &self.number.voice_fallback_url;
        self.log.warn(trouble.code, trouble.detail.clone());
        if url.is_empty() || asked == WebhookKind::Fallback {
            return None;
        }
        let error_url = trouble.url.clone();
        self.log.note(Happening::FallingBack { error_code: trouble.code, error_url: error_url.clone() });
        let mut extra = Parameters::new();
        put(&mut extra, "ErrorCode", trouble.code.to_string());
        put(&mut extra, "ErrorUrl", error_url);
        let address = Address { url: url.clone(), method: self.number.voice_fallback_method };
        Some(DocumentRequest { kind: WebhookKind::Fallback, address, extra })
    }

    /// Nobody can say how the call goes on.
    async fn fail(&self, trouble: &Trouble) -> EndedBy {
        self.log.note(Happening::CallFailed { code: trouble.code, detail: trouble.detail.clone() });
        locked(&self.state).failed = true;
        self.answer();
        let words = "We are sorry, an application error has occurred. Goodbye.".to_owned();
        self.log.note(Happening::Said { call_sid: self.sid.clone(), words });
        self.clock.sleep(Duration::from_secs(4)).await;
        EndedBy::Failure
    }

    /// Requests instructions for the caller's call, or for a leg that hears a whisper.
    pub(super) async fn fetch(
        self: &Arc<Self>,
        leg: Option<&Arc<Leg>>,
        request: &DocumentRequest,
    ) -> Result<Document, Trouble> {
        self.let_callbacks_overtake().await;
        let mut fields = leg.map_or_else(|| of_caller(self), |leg| parameters::of_leg(self, leg));
        fields.extend(request.extra.iter().cloned());
        let call_sid = leg.map_or(&self.sid, |leg| &leg.sid).clone();
        if request.address.url.is_empty() {
            return Err(Trouble::new(RETRIEVAL_FAILED, "the number has no address to ask", ""));
        }
        if locked(&self.outbox).drops(request.kind) {
            self.log.note(Happening::WebhookLost { kind: request.kind });
            return Err(Trouble { lost: true, ..Trouble::new(0, "lost on purpose", &request.address.url) });
        }
        let delivery = Callback {
            kind: request.kind,
            subject: call_sid.clone(),
            url: request.address.url.clone(),
            method: request.address.method,
            parameters: fields,
            token: self.new_token(),
        };
        self.repeat(&delivery);
        // The request goes on if the caller hangs up meanwhile, as it would in reality: hence a task of its own.
        // Two marks of being busy: one until the task is done, one until its answer was taken from it.
        let waiting = self.clock.busy();
        let task = tokio::spawn({
            let call = self.clone();
            let busy = self.clock.busy();
            async move {
                let sending = call.transmit(&delivery).await;
                drop(busy);
                sending
            }
        });
        let sending = task.await;
        drop(waiting);
        let trouble = |detail| Trouble::new(RETRIEVAL_FAILED, detail, &request.address.url);
        let sending = sending.map_err(|_| trouble("the request was given up"))?;
        self.clock.sleep(sending.unspent).await;
        let reply = sending.result.map_err(|failure| {
            let detail = format!("{}: {}", name(request.kind), failure.detail);
            Trouble::new(failure.code, detail, &request.address.url)
        })?;
        self.take_in(reply, request, &call_sid, leg.is_some())
    }

    /// Judges an answer that arrived whole.
    fn take_in(
        &self,
        reply: Reply,
        request: &DocumentRequest,
        call_sid: &str,
        whisper: bool,
    ) -> Result<Document, Trouble> {
        let trouble = |code, detail: String| Trouble::new(code, detail, &request.address.url);
        let text = String::from_utf8(reply.body)
            .map_err(|_| trouble(NOT_TWIML, format!("{}: the answer is not UTF-8", name(request.kind))))?;
        let count = self.log.received(ReceivedDocument {
            offset_ms: self.log.offset(),
            kind: request.kind,
            call_sid: call_sid.to_owned(),
            url: reply.url.clone(),
            status: reply.status,
            content_type: reply.content_type.clone(),
            xml: text.clone(),
        });
        let kind = reply.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !matches!(kind.as_str(), "text/xml" | "application/xml" | "text/html") {
            let detail = format!("{}: content type {:?}", name(request.kind), reply.content_type);
            return Err(trouble(BAD_CONTENT_TYPE, detail));
        }
        if let Some(corpus) = &self.network.corpus
            && let Err(error) = corpus.add(&format!("{call_sid}-{count}"), whisper, &text)
        {
            self.log.warn(0, format!("the document could not be kept: {error}"));
        }
        if count > MOST_DOCUMENTS {
            return Err(trouble(RETRIEVAL_FAILED, format!("more than {MOST_DOCUMENTS} documents")));
        }
        let instructions = twiml::read(&text)
            .map_err(|detail| trouble(NOT_TWIML, format!("{}: {detail}", name(request.kind))))?;
        self.accept(&instructions);
        if request.kind == WebhookKind::Fallback {
            locked(&self.state).fallback_used = true;
        }
        let url = if reply.url == without_fragment(&request.address.url) {
            request.address.url.clone()
        } else {
            reply.url
        };
        Ok(Document { instructions, address: Address { url, method: request.address.method } })
    }

    fn accept(&self, instructions: &Instructions) {
        for breach in &instructions.breaches {
            self.log.warn(GRAMMAR_BREACH, breach.clone());
        }
        let verbs = instructions.verbs.iter().map(|verb| verb.name().to_owned()).collect();
        self.log.note(Happening::Instructed { verbs });
    }

    /// Sends a request and writes down what became of it.
    pub(super) async fn transmit(&self, delivery: &Callback) -> Sending {
        let offset_ms = self.log.offset();
        let webhook = Webhook {
            url: &delivery.url,
            method: delivery.method,
            parameters: &delivery.parameters,
            token: &delivery.token,
        };
        let sending = self.network.webhooks.send(webhook).await;
        let status =
            sending.result.as_ref().map_or_else(|failure| failure.status, |reply| Some(reply.status));
        let elapsed_ms = milliseconds(sending.elapsed);
        let (kind, url) = (delivery.kind, delivery.url.clone());
        if kind.is_action() {
            self.log.note(Happening::Requested { kind, url: url.clone(), status, elapsed_ms });
        } else {
            let word = ["CallStatus", "RecordingStatus", "AnsweredBy"].iter().find_map(|name| {
                delivery.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
            });
            let (subject, call_status) = (delivery.subject.clone(), word.unwrap_or_default());
            self.log.note(Happening::CallbackDelivered { kind, subject, call_status, status });
        }
        self.log.sent(SentRequest {
            offset_ms,
            kind,
            url,
            method: delivery.method.as_str().to_owned(),
            parameters: delivery.parameters.clone(),
            status,
            error_code: sending.result.as_ref().err().map(|failure| failure.code),
            attempts: sending.attempts,
            elapsed_ms,
        });
        sending
    }
}
