//! Looks whether numbers are at Twilio as we think they are, puts right what is not, and tells both.
//!
//! Looked at, for a number whose campaign is published: is it in the account, is it given to our application, does that
//! carry our addresses, is the fallback document the one it should be. For any other number: is it in the account, and
//! is what we show of it still true. Bounded by number and by time; what was not looked at says so.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{AccountSid, ApplicationSid, CampaignId, NumberId, NumberPoolId, TenantId};
use domain::number::Number;
use domain::phone::E164;
use futures::future::{join_all, try_join_all};
use tokio::time::{Instant, timeout_at};

use super::connect::{published_fallback, said, words, write_page};
use super::{NOT_YOUR_ACCOUNT, PARALLEL, deadline, numbers_of};
use crate::catalog::{self, Outcome, Refused, Tools};
use crate::ports::{EnsuredApplication, Found, OwnedNumber, PortError, PortResult, Record};
use crate::publish_campaign::id_of;

/// Most numbers looked at in one request.
pub const MAX_VERIFIED: usize = 100;
/// From so many numbers of an account on, its list is read instead of asking for each.
const LIST_FROM: usize = 8;

/// Something that was not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// For programs: `not_in_account`, `account_unknown`, `application_missing`, `application_changed`,
    /// `wrong_application`, `fallback_missing`, `fallback_changed`, `details_changed` or `not_checked`.
    pub code: &'static str,
    /// Whether it is right now.
    pub repaired: bool,
    /// For people.
    pub message: String,
}

/// One number that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedNumber {
    /// Its id.
    pub id: NumberId,
    /// The number.
    pub number: E164,
    /// What was not as it should be; nothing when all is well.
    pub findings: Vec<Finding>,
}

/// Some numbers that were looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// In the order of their ids.
    pub numbers: Vec<VerifiedNumber>,
    /// The last one's id, when there are more.
    pub next: Option<String>,
}

/// Looks at one number.
///
/// # Errors
/// The catalogue did not answer.
pub async fn verify_one(tools: &Tools<'_>, tenant: TenantId, id: NumberId) -> Outcome<VerifiedNumber> {
    let Some(record) = catalog::get::<Number>(tools, tenant, id).await? else {
        return Ok(Err(Refused::NotFound));
    };
    let number = catalog::entry_of(&record)?;
    let looked_at = look(tools, tenant, vec![(record, number)]).await?;
    Ok(looked_at.into_iter().next().ok_or(Refused::NotFound))
}

/// Looks at the numbers after this id, so many at most; all of them, or those of one pool.
///
/// # Errors
/// The catalogue did not answer.
pub async fn verify(
    tools: &Tools<'_>,
    tenant: TenantId,
    pool: Option<NumberPoolId>,
    after: Option<&str>,
    limit: usize,
) -> PortResult<Verified> {
    let mut numbers = numbers_of(tools, tenant).await?;
    numbers.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
    numbers.retain(|(record, number)| {
        after.is_none_or(|after| record.id.as_str() > after)
            && pool.is_none_or(|pool| number.pool == Some(pool))
    });
    let limit = limit.clamp(1, MAX_VERIFIED);
    let more = numbers.len() > limit;
    numbers.truncate(limit);
    let next = numbers.last().filter(|_| more).map(|(record, _)| record.id.clone());
    Ok(Verified { numbers: look(tools, tenant, numbers).await?, next })
}

/// What Twilio says of one account.
struct Account {
    /// Its numbers, as far as they were asked for, or in words why they are not known.
    owned: BTreeMap<E164, Result<Option<OwnedNumber>, String>>,
    /// Our application, when a number of it must ring here.
    application: Option<Result<EnsuredApplication, String>>,
}

/// What belongs to one number.
struct Case<'a> {
    record: &'a Record,
    number: &'a Number,
    /// `Some` when its campaign is published: the campaign's fallback.
    rings: Option<Option<E164>>,
}

async fn look(
    tools: &Tools<'_>,
    tenant: TenantId,
    numbers: Vec<(Record, Number)>,
) -> PortResult<Vec<VerifiedNumber>> {
    let until = deadline(tools);
    let fallbacks = fallbacks(tools, tenant, &numbers).await?;
    let cases: Vec<Case<'_>> = numbers
        .iter()
        .map(|(record, number)| Case {
            record,
            number,
            rings: number.campaign.and_then(|campaign| fallbacks.get(&campaign).cloned().flatten()),
        })
        .collect();
    let mut accounts = BTreeMap::new();
    let named: BTreeSet<&AccountSid> = cases.iter().map(|case| &case.number.account_sid).collect();
    for account in named {
        if !tools.accounts.contains(account).await? {
            continue;
        }
        let own: Vec<&Case<'_>> = cases.iter().filter(|case| case.number.account_sid == *account).collect();
        accounts.insert(account.clone(), ask(tools, account, &own, until).await);
    }
    let mut verified = Vec::with_capacity(cases.len());
    for some in cases.chunks(PARALLEL) {
        let work =
            some.iter().map(|case| judge(tools, tenant, case, accounts.get(&case.number.account_sid), until));
        verified.extend(try_join_all(work).await?);
    }
    Ok(verified)
}

/// The fallback of every campaign that is published.
async fn fallbacks(
    tools: &Tools<'_>,
    tenant: TenantId,
    numbers: &[(Record, Number)],
) -> PortResult<BTreeMap<CampaignId, Option<Option<E164>>>> {
    let mut found = BTreeMap::new();
    for (_, number) in numbers {
        if let Some(campaign) = number.campaign
            && !found.contains_key(&campaign)
        {
            found.insert(campaign, published_fallback(tools, tenant, number).await?);
        }
    }
    Ok(found)
}

async fn ask(tools: &Tools<'_>, account: &AccountSid, cases: &[&Case<'_>], until: Instant) -> Account {
    let telephony = tools.lines.telephony;
    let numbers = cases.iter().map(|case| &case.number.number);
    let owned = if cases.len() < LIST_FROM {
        let each = numbers.map(|number| async move {
            (number.clone(), said(until, telephony.owned_number(account, number)).await)
        });
        join_all(each).await.into_iter().collect()
    } else {
        let list = said(until, telephony.owned_numbers(account)).await;
        let of = |number: &E164| match &list {
            Ok(list) => Ok(list.iter().find(|owned| owned.number == *number).cloned()),
            Err(reason) => Err(reason.clone()),
        };
        numbers.map(|number| (number.clone(), of(number))).collect()
    };
    let application = if cases.iter().any(|case| case.rings.is_some()) {
        let (name, hooks) = (&tools.lines.hooks.application, tools.lines.hooks.of_application());
        Some(said(until, telephony.ensure_application(account, name, &hooks)).await)
    } else {
        None
    };
    Account { owned, application }
}

async fn judge(
    tools: &Tools<'_>,
    tenant: TenantId,
    case: &Case<'_>,
    account: Option<&Account>,
    until: Instant,
) -> PortResult<VerifiedNumber> {
    let Case { record, number, rings } = case;
    let id: NumberId = id_of(record)?;
    let mut findings = Vec::new();
    let owned = match account.map(|account| account.owned.get(&number.number)) {
        None => {
            findings.push(found("account_unknown", false, NOT_YOUR_ACCOUNT));
            None
        }
        Some(Some(Ok(Some(owned)))) => Some(owned),
        Some(Some(Ok(None)) | None) => {
            let words =
                "the Twilio account does not have this number any more: calls to it do not arrive here";
            findings.push(found("not_in_account", false, words));
            None
        }
        Some(Some(Err(reason))) => {
            findings.push(not_checked(reason));
            None
        }
    };
    if let Some(owned) = owned {
        if let Some(finding) = details(tools, tenant, case, owned).await? {
            findings.push(finding);
        }
        if let (Some(fallback), Some(application)) = (rings, account.and_then(|it| it.application.as_ref())) {
            lead_here(tools, case, owned, application, until, &mut findings).await;
            let dials = number.fallback_number.as_ref().or(fallback.as_ref());
            findings.extend(page(tools, id, number, dials, until).await);
        }
    }
    Ok(VerifiedNumber { id, number: number.number.clone(), findings })
}

/// What we show of the number is what Twilio says.
async fn details(
    tools: &Tools<'_>,
    tenant: TenantId,
    case: &Case<'_>,
    owned: &OwnedNumber,
) -> PortResult<Option<Finding>> {
    let line = owned.line();
    if case.number.twilio.as_ref() == Some(&line) {
        return Ok(None);
    }
    let renewed = Number { twilio: Some(line), ..case.number.clone() };
    let saved = catalog::save_change(tools, tenant, case.record, (case.number, &renewed), "verified").await?;
    let words = "its name or what it can carry has changed at Twilio";
    Ok(Some(found("details_changed", saved.is_ok(), words)))
}

/// The application, and the number's being given to it.
async fn lead_here(
    tools: &Tools<'_>,
    case: &Case<'_>,
    owned: &OwnedNumber,
    application: &Result<EnsuredApplication, String>,
    until: Instant,
    findings: &mut Vec<Finding>,
) {
    let application = match application {
        Ok(application) => application,
        Err(reason) => return findings.push(not_checked(reason)),
    };
    match application.found {
        Found::Right => {}
        Found::Corrected => {
            let words = "our application in the Twilio account had other addresses";
            findings.push(found("application_changed", true, words));
        }
        Found::Created => {
            let words = "our application was missing in the Twilio account";
            findings.push(found("application_missing", true, words));
        }
    }
    if owned.application.as_ref() != Some(&application.sid) {
        findings.push(point(tools, case, owned, &application.sid, until).await);
    }
}

async fn point(
    tools: &Tools<'_>,
    case: &Case<'_>,
    owned: &OwnedNumber,
    application: &ApplicationSid,
    until: Instant,
) -> Finding {
    let words = "calls to it led elsewhere";
    let account = &case.number.account_sid;
    let pointed = tools.lines.telephony.point_number(account, &owned.sid, Some(application));
    match said(until, pointed).await {
        Ok(repaired) => found("wrong_application", repaired, words),
        Err(reason) => Finding {
            code: "wrong_application",
            repaired: false,
            message: format!("calls to it lead elsewhere, and it could not be changed ({reason})"),
        },
    }
}

/// The fallback document.
async fn page(
    tools: &Tools<'_>,
    id: NumberId,
    number: &Number,
    dials: Option<&E164>,
    until: Instant,
) -> Option<Finding> {
    let read = timeout_at(until, tools.lines.pages.read(&number.number)).await;
    let there = match read.unwrap_or(Err(PortError::Busy { what: "reading a fallback document" })) {
        Ok(there) => there,
        Err(error) => return Some(not_checked(&words(&error))),
    };
    let expected = (tools.lines.render_fallback)(dials);
    let (code, words) = match there {
        Some(document) if document == expected => return None,
        Some(_) => ("fallback_changed", "what callers hear when we cannot answer was out of date"),
        None => ("fallback_missing", "what callers hear when we cannot answer was missing"),
    };
    Some(found(code, write_page(&tools.lines, id, &number.number, dials, until).await, words))
}

fn found(code: &'static str, repaired: bool, words: &str) -> Finding {
    Finding { code, repaired, message: words.to_owned() }
}

fn not_checked(reason: &str) -> Finding {
    Finding {
        code: "not_checked",
        repaired: false,
        message: format!("it could not be looked at ({reason}): try again"),
    }
}
