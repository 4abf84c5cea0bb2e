//! Makes numbers ring here: the account's application, the number's fallback document, the number given to the application.
//!
//! The order matters: a number that rings here has its document, or callers hear the default one. Everything here may be
//! done again.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use domain::ids::{AccountSid, ApplicationSid, CampaignId, NumberId, TenantId};
use domain::number::Number;
use domain::phone::E164;
use futures::future::{join, join_all};
use tokio::time::{Instant, timeout_at};

use super::{PARALLEL, deadline, numbers_of};
use crate::api_keys;
use crate::catalog::{Tools, Warning};
use crate::ports::{ApplicationHooks, Carried, CarrierNumbers, FallbackPages, PortError, PortResult};
use crate::publish_campaign::id_of;

/// The document that the application's fallback address names: the CDN gives the one of the number that was called.
pub const FALLBACK_DOCUMENT: &str = "by-number.xml";
/// Twilio's limit of an application's name.
const LONGEST_NAME: usize = 64;

/// Writes a fallback document that dials this number, or apologises.
pub type RenderFallback = dyn Fn(Option<&E164>) -> String + Send + Sync;

/// What makes a number ring here.
#[derive(Clone, Copy)]
pub struct Lines<'a> {
    /// Twilio.
    pub telephony: &'a dyn CarrierNumbers,
    /// The documents on the CDN.
    pub pages: &'a dyn FallbackPages,
    /// Where Twilio reaches us.
    pub hooks: &'a Hooks,
    /// Writes a document.
    pub render_fallback: &'a RenderFallback,
}

/// The addresses that numbers are given, through an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hooks {
    /// The name of this installation's application in every Twilio account: [`application_name`].
    pub application: String,
    /// POST: what to do with a call.
    pub voice_url: String,
    /// POST: a call has ended.
    pub status_url: String,
    /// The fallback documents are below this, without a slash at the end: `<base>/<digits>.xml`.
    pub fallback_base_url: String,
    /// How long all the numbers of one request may take together. What is not done by then is told as failed.
    pub patience: Duration,
}

impl Hooks {
    /// What the application carries.
    pub fn of_application(&self) -> ApplicationHooks {
        ApplicationHooks {
            voice_url: self.voice_url.clone(),
            fallback_url: format!("{}/{FALLBACK_DOCUMENT}", self.fallback_base_url),
            status_url: self.status_url.clone(),
        }
    }
}

/// The application's name: stage and public host, so that two installations on one Twilio account have one each. A host too
/// long for Twilio is cut, and told apart by a fingerprint.
pub fn application_name(stage: &str, public_base_url: &str) -> String {
    let address = public_base_url.split_once("://").map_or(public_base_url, |(_, address)| address);
    let name = format!("callcenter-pro {stage} {address}");
    if name.chars().count() <= LONGEST_NAME {
        return name;
    }
    let fingerprint: String = api_keys::hash(public_base_url).chars().take(8).collect();
    let kept: String = name.chars().take(LONGEST_NAME - fingerprint.len() - 1).collect();
    format!("{kept} {fingerprint}")
}

/// What became of one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectedNumber {
    /// Its id.
    pub id: NumberId,
    /// The number.
    pub number: E164,
    /// Whether its fallback document was written.
    pub fallback_written: bool,
    /// What Twilio did.
    pub line: Line,
}

/// What Twilio did with a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// It rings here.
    Routed,
    /// The Twilio account has no such number.
    NotInAccount,
    /// It did not work; the reason in words.
    Failed(String),
}

/// Connects every number of a campaign.
pub(crate) async fn connect_numbers(
    tools: &Tools<'_>,
    tenant: TenantId,
    campaign: CampaignId,
    fallback: Option<&E164>,
) -> PortResult<Vec<ConnectedNumber>> {
    let mut numbers: Vec<(NumberId, Number)> = Vec::new();
    for (record, number) in numbers_of(tools, tenant).await? {
        if number.campaign == Some(campaign) {
            numbers.push((id_of(&record)?, number));
        }
    }
    let until = deadline(tools);
    let accounts: BTreeSet<&AccountSid> = numbers.iter().map(|(_, number)| &number.account_sid).collect();
    let asked = accounts
        .into_iter()
        .map(|account| async move { (account.clone(), application(&tools.lines, account, until).await) });
    let applications: BTreeMap<AccountSid, Application> = join_all(asked).await.into_iter().collect();
    let missing = Err(String::new());
    let mut connected = Vec::with_capacity(numbers.len());
    for some in numbers.chunks(PARALLEL) {
        let work = some.iter().map(|(id, number)| {
            let application = applications.get(&number.account_sid).unwrap_or(&missing);
            connect(&tools.lines, *id, number, fallback, application, until)
        });
        connected.extend(join_all(work).await);
    }
    Ok(connected)
}

/// The account's application, or why there is none, in words.
pub(super) type Application = Result<ApplicationSid, String>;

/// Makes sure of the account's application, and of the document for numbers that have none of their own.
pub(super) async fn application(lines: &Lines<'_>, account: &AccountSid, until: Instant) -> Application {
    let hooks = lines.hooks.of_application();
    let ensured = lines.telephony.ensure_application(account, &lines.hooks.application, &hooks);
    let apology = (lines.render_fallback)(None);
    let (ensured, written) =
        join(said(until, ensured), timeout_at(until, lines.pages.write_default(&apology))).await;
    if !matches!(written, Ok(Ok(()))) {
        tracing::warn!("the default fallback document could not be written");
    }
    match ensured {
        Ok(ensured) => Ok(ensured.sid),
        Err(reason) => {
            tracing::warn!(account = %account, reason, "the application at Twilio could not be made sure of");
            Err(reason)
        }
    }
}

/// Writes a number's fallback document and gives the number to our application, if the account has the number: a document
/// under a stranger's number would take that stranger's callers.
pub(super) async fn connect(
    lines: &Lines<'_>,
    id: NumberId,
    number: &Number,
    campaign_fallback: Option<&E164>,
    application: &Application,
    until: Instant,
) -> ConnectedNumber {
    let told = |fallback_written, line| ConnectedNumber {
        id,
        number: number.number.clone(),
        fallback_written,
        line,
    };
    let account = &number.account_sid;
    let owned = match said(until, lines.telephony.owned_number(account, &number.number)).await {
        Ok(Some(owned)) => owned,
        Ok(None) => return told(false, Line::NotInAccount),
        Err(reason) => {
            tracing::warn!(number_id = %id, reason, "a number could not be found at Twilio");
            return told(false, Line::Failed(reason));
        }
    };
    let dials = number.fallback_number.as_ref().or(campaign_fallback);
    let fallback_written = write_page(lines, id, &number.number, dials, until).await;
    let sid = match application {
        Ok(sid) => sid,
        Err(reason) => return told(fallback_written, Line::Failed(reason.clone())),
    };
    if owned.application.as_ref() == Some(sid) {
        return told(fallback_written, Line::Routed);
    }
    let line = match said(until, lines.telephony.point_number(account, &owned.sid, Some(sid))).await {
        Ok(true) => Line::Routed,
        Ok(false) => Line::NotInAccount,
        Err(reason) => {
            tracing::warn!(number_id = %id, reason, "a number could not be given to our application");
            Line::Failed(reason)
        }
    };
    told(fallback_written, line)
}

/// Twilio's answer, or in words why there is none.
pub(crate) async fn said<T>(until: Instant, answer: impl Future<Output = Carried<T>>) -> Result<T, String> {
    match timeout_at(until, answer).await {
        Ok(Ok(Ok(value))) => Ok(value),
        Ok(Ok(Err(refusal))) => Err(refusal.words()),
        Ok(Err(error)) => Err(words(&error)),
        Err(_) => Err("Twilio did not answer in time".to_owned()),
    }
}

/// Writes a number's document; whether that worked.
pub(super) async fn write_page(
    lines: &Lines<'_>,
    id: NumberId,
    number: &E164,
    dials: Option<&E164>,
    until: Instant,
) -> bool {
    let document = (lines.render_fallback)(dials);
    match timeout_at(until, lines.pages.write(number, &document)).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(number_id = %id, error = words(&error), "a fallback document could not be written");
            false
        }
        Err(_) => {
            tracing::warn!(number_id = %id, "a fallback document could not be written in time");
            false
        }
    }
}

/// An error with its causes.
pub(super) fn words(error: &PortError) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let _ = write!(words, ": {inner}");
        cause = inner.source();
    }
    words
}

/// Whether a number must ring here, and what its campaign falls back to: its campaign is published.
pub(super) async fn published_fallback(
    tools: &Tools<'_>,
    tenant: TenantId,
    number: &Number,
) -> PortResult<Option<Option<E164>>> {
    let Some(campaign) = number.campaign else { return Ok(None) };
    let Some(version) = tools.published.version(tenant, campaign).await? else { return Ok(None) };
    let snapshot = tools.published.snapshot(tenant, campaign, version).await?;
    Ok(Some(snapshot.and_then(|snapshot| snapshot.campaign.fallback_number.clone())))
}

/// After a number was saved: when its campaign is published, it is connected at once; when it left a campaign, its
/// document no longer names that campaign's fallback.
pub(crate) async fn reconnect_number(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: NumberId,
    number: &Number,
    before: Option<&Number>,
) -> PortResult<Vec<Warning>> {
    let until = deadline(tools);
    if let Some(fallback) = published_fallback(tools, tenant, number).await? {
        let application = application(&tools.lines, &number.account_sid, until).await;
        let connected = connect(&tools.lines, id, number, fallback.as_ref(), &application, until).await;
        return Ok(connected.warnings());
    }
    let left = before.is_some_and(|before| before.campaign.is_some() && before.campaign != number.campaign);
    if !left {
        return Ok(Vec::new());
    }
    let asked = tools.lines.telephony.owned_number(&number.account_sid, &number.number);
    let is_ours = matches!(said(until, asked).await, Ok(Some(_)));
    if is_ours && !write_page(&tools.lines, id, &number.number, number.fallback_number.as_ref(), until).await
    {
        return Ok(vec![page_warning(&number.number)]);
    }
    Ok(Vec::new())
}

impl ConnectedNumber {
    /// What a person should know about it; nothing when all is well.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        match &self.line {
            Line::Routed => {}
            Line::NotInAccount => warnings.push(Warning {
                code: "number_not_in_account",
                message: format!(
                    "{} is not in the Twilio account it is set up with: calls to it do not arrive here",
                    self.number.as_str()
                ),
            }),
            Line::Failed(reason) => warnings.push(Warning {
                code: "number_not_routed",
                message: format!(
                    "{} could not be connected ({reason}): publish the campaign again",
                    self.number.as_str()
                ),
            }),
        }
        // Nothing is written under a number that the account does not have, and that is said already.
        if !self.fallback_written && self.line != Line::NotInAccount {
            warnings.push(page_warning(&self.number));
        }
        warnings
    }
}

/// A document that could not be written.
pub(super) fn page_warning(number: &E164) -> Warning {
    Warning {
        code: "fallback_not_written",
        message: format!(
            "what callers of {} hear when our servers cannot answer could not be written: save or publish again",
            number.as_str()
        ),
    }
}
