//! Puts changed shared things into the published campaigns that use them.

use std::time::Duration;

use domain::ids::{CampaignId, TenantId};
use domain::snapshot::Snapshot;
use domain::validate::Problem;
use futures::future::join_all;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::newest;
use crate::catalog::{Tools, Warning};
use crate::ports::{PortResult, Saved};
use crate::publish_campaign::{compile, store};

/// Campaigns published at the same time, at most.
const PARALLEL: usize = 8;
/// All of them together; what is not done by then is told.
const PATIENCE: Duration = Duration::from_secs(6);
/// Versions that may follow each other while others go on changing the same things.
const ROUNDS: u8 = 5;
/// Campaigns named in a warning.
const NAMED: usize = 5;

/// Where a published campaign stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Current {
    /// The newest version.
    pub(crate) version: u64,
    /// When it was published.
    pub(crate) published_at: Timestamp,
    /// The campaign's name in it.
    name: String,
    /// Why what it shares could not be put in; nothing when all is well.
    problems: Vec<Problem>,
}

/// Publishes a campaign again until its newest version holds what it shares as that is set up now; `known` is that version,
/// if it is at hand. Nothing is published when nothing is different.
///
/// # Errors
/// A port did not answer.
pub(crate) async fn bring_up_to_date(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: CampaignId,
    known: Option<Snapshot>,
) -> PortResult<Current> {
    let mut known = known;
    let mut last = None;
    for _ in 0..ROUNDS {
        let snapshot = match known.take() {
            Some(snapshot) => snapshot,
            None => match newest(tools, tenant, id).await? {
                Some(snapshot) => snapshot.as_ref().clone(),
                None => break,
            },
        };
        let next = compile(tools, tenant, (id, snapshot.version + 1), snapshot.campaign.clone()).await?;
        let fresh = match next {
            Ok(fresh) if fresh.runs_like(&snapshot) => return Ok(Current::of(&snapshot, Vec::new())),
            Ok(fresh) => fresh,
            Err(problems) => return Ok(Current::of(&snapshot, problems)),
        };
        // Somebody else's version came first: look at that one.
        if store(tools, tenant, &fresh, "republished").await? == Saved::Done {
            known = Some(fresh);
        }
        last = Some(snapshot);
    }
    let message = "it was changed again and again meanwhile".to_owned();
    let problem = Problem { field: String::new(), rule: "busy".to_owned(), message };
    Ok(match known.or(last) {
        Some(snapshot) => Current::of(&snapshot, vec![problem]),
        None => Current {
            version: 0,
            published_at: tools.clock.now(),
            name: id.to_string(),
            problems: Vec::new(),
        },
    })
}

impl Current {
    fn of(snapshot: &Snapshot, problems: Vec<Problem>) -> Self {
        Self {
            version: snapshot.version,
            published_at: snapshot.published_at,
            name: snapshot.campaign.name.clone(),
            problems,
        }
    }
}

/// What became of many campaigns.
pub(super) struct Republished {
    /// Names those that could not be brought up to date.
    pub(super) warning: Option<Warning>,
    /// Those that would have no destination at all any more: they cannot be published so, and have to be paused.
    pub(super) emptied: Vec<CampaignId>,
}

enum Left {
    Behind(String),
    Empty(CampaignId),
}

/// Brings these campaigns up to date, several at a time.
pub(super) async fn all(tools: &Tools<'_>, tenant: TenantId, campaigns: &[CampaignId]) -> Republished {
    let until = Instant::now() + PATIENCE;
    let mut behind: Vec<String> = Vec::new();
    let mut emptied = Vec::new();
    for some in campaigns.chunks(PARALLEL) {
        let work = some.iter().map(|id| one(tools, tenant, *id, until));
        for left in join_all(work).await.into_iter().flatten() {
            match left {
                Left::Behind(words) => behind.push(words),
                Left::Empty(id) => emptied.push(id),
            }
        }
    }
    Republished { warning: warning(&behind), emptied }
}

fn warning(behind: &[String]) -> Option<Warning> {
    if behind.is_empty() {
        return None;
    }
    let more = behind.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let named = behind.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
    Some(Warning {
        code: "not_republished",
        message: format!(
            "calls of these campaigns still run on what was set up before: {named}{more}. Save this again, or publish \
             them yourself"
        ),
    })
}

/// What is left to do for a campaign; nothing when it is up to date.
async fn one(tools: &Tools<'_>, tenant: TenantId, id: CampaignId, until: Instant) -> Option<Left> {
    match timeout_at(until, bring_up_to_date(tools, tenant, id, None)).await {
        Ok(Ok(current)) => {
            let problem = current.problems.first()?;
            if problem.rule == "required" {
                return Some(Left::Empty(id));
            }
            Some(Left::Behind(format!("{} ({id}): {}", current.name, problem.message)))
        }
        Ok(Err(error)) => {
            tracing::warn!(campaign_id = %id, error = %error, "a campaign could not be published again");
            Some(Left::Behind(format!("{} ({id}): it could not be reached", name_of(tools, tenant, id))))
        }
        Err(_) => {
            Some(Left::Behind(format!("{} ({id}): there was no time left", name_of(tools, tenant, id))))
        }
    }
}

fn name_of(tools: &Tools<'_>, tenant: TenantId, id: CampaignId) -> String {
    tools
        .published
        .cached(tenant, id)
        .map_or_else(|| "a campaign".to_owned(), |known| known.campaign.name.clone())
}
