//! Leases a number of a pool to a visitor of a page: within a tenth of a second, in about one round trip.
//!
//! What must stay true: whoever asks is answered, whatever is down: a number of their own, the pool's overflow, or the tag's
//! default number; what is told to be theirs (`attributed`) is leased to them and to nobody else.
//!
//! Round trips of a new visit in a warm process: one write for the lease, with the visit's own beside it, and from time to time
//! one read that finds several free numbers at once.

mod memory;
mod token;

use std::sync::Arc;
use std::time::Duration;

use domain::dni::lease::{Lease, PoolNumber, later};
use domain::dni::question::{Question, Replacing, Shown, display};
use domain::dni::tag::{Source, TagSetup};
use domain::dni::visit::{Device, Geo, Learned, Visit};
use domain::ids::{NumberPoolId, TrackingTagId, VisitId};
use domain::phone::E164;
use domain::pool::{NumberPool, Overflow};
use domain::target::Status;
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, timeout_at};

use crate::clock::Clock;
use crate::ports::{Leased, Leases, PoolPlace, PortError, PortResult, Tags, Vault, Visits};
use memory::Candidate;
pub use memory::Memory;
use token::Token;

/// Within this a browser has its answer.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(100);
/// For how long a browser may keep a number that is nobody's own.
const SHARED_TTL: SignedDuration = SignedDuration::from_mins(30);
/// When a browser that could not be given a number of its own asks again.
const ASK_AGAIN: SignedDuration = SignedDuration::from_mins(1);
/// For so many days visits are kept: an older one begins anew.
const VISIT_DAYS: i32 = 90;

/// Leases numbers.
#[derive(Clone)]
pub struct LeaseNumber {
    /// What is set up.
    pub tags: Arc<dyn Tags>,
    /// The pools' numbers.
    pub leases: Arc<dyn Leases>,
    /// The sessions.
    pub visits: Arc<dyn Visits>,
    /// Signs leases.
    pub vault: Arc<dyn Vault>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// What a process remembers between two questions.
    pub memory: Arc<Memory>,
    /// Within this a browser has its answer: [`ANSWER_WITHIN`], but for tests that count something else.
    pub patience: Duration,
}

/// Who asks, as far as the request tells.
#[derive(Debug, Clone, Default)]
pub struct Visitor {
    /// Where they are.
    pub geo: Geo,
    /// What they use.
    pub device: Device,
    /// Whether it is a robot that says so.
    pub is_bot: bool,
}

/// What a visitor is given.
enum Given {
    /// A number of their own.
    Own { place: PoolPlace, lease: Lease },
    /// A number that others are shown, too; or none.
    Shared(Option<E164>),
}

impl LeaseNumber {
    /// The tag, as it is or was at most ten seconds ago; while the table is down, as it was last.
    ///
    /// # Errors
    /// The table did not answer in time, and this process never saw the tag.
    pub async fn tag(&self, id: TrackingTagId) -> PortResult<Option<Arc<TagSetup>>> {
        let known = self.memory.tag(id);
        if let Some(known) = known.as_ref().filter(|known| known.is_fresh()) {
            return Ok(known.setup.clone());
        }
        let read = timeout_at(Instant::now() + self.patience, self.tags.tag(id)).await;
        match read.unwrap_or(Err(PortError::Busy { what: "read a tracking tag" })) {
            Ok(read) => Ok(self.memory.note_tag(id, read.map(Arc::new))),
            Err(error) => match known {
                Some(known) => {
                    tracing::warn!(%error, "a tracking tag is used as it was");
                    Ok(known.setup)
                }
                None => Err(error),
            },
        }
    }

    /// Answers a question about a tag.
    pub async fn answer(&self, setup: &TagSetup, question: &Question, visitor: Visitor) -> Shown {
        let now = whole_millis(self.clock.now());
        let deadline = Instant::now() + self.patience;
        let returning = question.visit.filter(|visit| is_recent(*visit, now));
        let visit = returning.unwrap_or_else(|| VisitId::from_uuid(self.clock.new_id()));
        let asking = Asking {
            lease_number: self,
            setup,
            question,
            visitor: &visitor,
            visit,
            is_new: returning.is_none(),
            now,
        };
        let refused = visitor.is_bot && setup.tag.refuse_bots;
        let given = match &setup.source {
            _ if refused || setup.tag.status != Status::Active => Given::Shared(None),
            Source::Nothing => Given::Shared(setup.tag.default_number.clone()),
            Source::Number(number) => {
                asking.note_visit(deadline, (Some(number.clone()), false)).await;
                Given::Shared(Some(number.clone()))
            }
            Source::Pool(id, pool) => asking.of_pool(*id, pool, deadline).await,
        };
        self.shown(setup, visit, given, now).await
    }

    /// Attaches what a question tells to its visit; leases nothing.
    ///
    /// # Errors
    /// The visit could not be written.
    pub async fn learn(&self, setup: &TagSetup, question: &Question) -> PortResult<()> {
        let Some(visit) = question.visit else { return Ok(()) };
        let learned = learned(question, self.clock.now(), None);
        self.visits.learn(setup.tenant, visit, &learned).await.map(drop)
    }

    /// Gives a number back, if the token is the latest that was signed for it.
    ///
    /// # Errors
    /// The row could not be written.
    pub async fn release(&self, setup: &TagSetup, token: &str) -> PortResult<bool> {
        let Some(token) = Token::verify(&*self.vault, setup.tenant, token).await? else { return Ok(false) };
        let lease = (token.visit, token.until);
        self.leases.release(setup.tenant, &token.place, lease, self.clock.now()).await
    }

    async fn shown(&self, setup: &TagSetup, visit: VisitId, given: Given, now: Timestamp) -> Shown {
        let (number, own, ttl, renew) = match given {
            Given::Own { place, lease } => {
                let ttl = lease.until.duration_since(now);
                let token = Token { place: place.clone(), visit, since: lease.since, until: lease.until };
                match token.sign(&*self.vault, setup.tenant).await {
                    Ok(signed) => (Some(place.number), Some(signed), ttl, ttl / 2),
                    Err(error) => {
                        tracing::error!(%error, "a lease could not be signed");
                        (setup.tag.default_number.clone(), None, SHARED_TTL, ASK_AGAIN)
                    }
                }
            }
            Given::Shared(number) => {
                let fixed = matches!(setup.source, Source::Number(_));
                (number, None, SHARED_TTL, if fixed { SHARED_TTL / 2 } else { ASK_AGAIN })
            }
        };
        Shown {
            visit,
            attributed: own.is_some(),
            lease: own,
            display: number.as_ref().map(display),
            number,
            ttl_ms: millis(ttl),
            renew_ms: millis(renew),
            replace: Replacing::of(setup),
        }
    }
}

/// One question under way.
struct Asking<'a> {
    lease_number: &'a LeaseNumber,
    setup: &'a TagSetup,
    question: &'a Question,
    visitor: &'a Visitor,
    visit: VisitId,
    is_new: bool,
    now: Timestamp,
}

impl Asking<'_> {
    async fn of_pool(&self, id: NumberPoolId, pool: &NumberPool, deadline: Instant) -> Given {
        let leasing = timeout_at(deadline, self.lease(id, pool, deadline)).await;
        let given = leasing.unwrap_or(Err(PortError::Busy { what: "lease a number" }));
        given.unwrap_or_else(|error| {
            tracing::warn!(%error, "no number could be leased in time");
            Given::Shared(self.setup.tag.default_number.clone())
        })
    }

    async fn lease(&self, id: NumberPoolId, pool: &NumberPool, deadline: Instant) -> PortResult<Given> {
        let this = self.lease_number;
        if let Some(given) = self.again(id, pool, deadline).await? {
            return Ok(given);
        }
        let chance = (self.now, self.draw());
        let mut search = this.memory.search(self.setup.tenant, id, pool, chance, &self.visitor.geo.region);
        while let Some(Candidate { place, refills }) = search.next(&*this.leases).await? {
            let lease = self.new_lease(pool, self.now);
            let refilling = async {
                if refills {
                    search.refill(&*this.leases, &place).await;
                }
            };
            let (taken, (), ()) = futures::join!(
                this.leases.take(self.setup.tenant, &place, &lease, self.now),
                self.note_visit(deadline, (Some(place.number.clone()), true)),
                refilling,
            );
            match taken? {
                Leased::Done => return Ok(Given::Own { place, lease }),
                Leased::Longer(_) | Leased::Lost => {}
            }
        }
        let given = match &pool.overflow {
            Overflow::NoSwap => Given::Shared(None),
            Overflow::Number(number) => Given::Shared(Some(number.clone())),
            Overflow::LeastRecentlyUsed => match self.take_over(id, pool).await? {
                Some(given) => given,
                None => Given::Shared(None),
            },
        };
        let shown = match &given {
            Given::Own { place, .. } => (Some(place.number.clone()), true),
            Given::Shared(number) => (number.clone(), false),
        };
        let noting = async {
            let Some(lookups) = search.exhausted().await else { return };
            if let Err(error) = this.leases.note_exhausted(self.setup.tenant, id, self.now, lookups).await {
                tracing::warn!(%error, lookups, "lookups that found no number are not counted");
            }
        };
        futures::join!(noting, self.note_visit(deadline, shown));
        Ok(given)
    }

    /// A number drawn by chance.
    fn draw(&self) -> u64 {
        self.lease_number.clock.new_id().as_u64_pair().1
    }

    /// The number that the visit was shown last, if it is nobody else's since.
    async fn again(
        &self,
        id: NumberPoolId,
        pool: &NumberPool,
        deadline: Instant,
    ) -> PortResult<Option<Given>> {
        let this = self.lease_number;
        let Some(token) = self.question.lease.as_deref() else { return Ok(None) };
        let Some(token) = Token::verify(&*this.vault, self.setup.tenant, token).await? else {
            return Ok(None);
        };
        if token.visit != self.visit || token.place.pool != id {
            return Ok(None);
        }
        let lease = self.new_lease(pool, token.since);
        let (renewed, ()) = futures::join!(
            this.leases.renew(self.setup.tenant, &token.place, &lease, self.now),
            self.note_visit(deadline, (Some(token.place.number.clone()), true)),
        );
        Ok(match renewed? {
            Leased::Done => Some(Given::Own { place: token.place, lease }),
            Leased::Longer(lease) => Some(Given::Own { place: token.place, lease }),
            Leased::Lost => None,
        })
    }

    /// The number of whoever was seen longest ago, and is not talking.
    async fn take_over(&self, id: NumberPoolId, pool: &NumberPool) -> PortResult<Option<Given>> {
        /// Among so many one is drawn, so that those who ask at the same time do not all want the same.
        const OLDEST: usize = 8;
        let (this, tenant) = (self.lease_number, self.setup.tenant);
        let mut numbers = this.leases.numbers(tenant, id, pool.shards).await?;
        numbers.retain(|number| number.calls.is_empty() || number.calls_until < self.now);
        numbers.sort_by_key(|number| number.free_after);
        numbers.truncate(OLDEST);
        while !numbers.is_empty() {
            let drawn = usize::try_from(self.draw()).unwrap_or_default() % numbers.len();
            let seen: PoolNumber = numbers.swap_remove(drawn);
            let place = PoolPlace { pool: id, shard: seen.shard, number: seen.number.clone() };
            let lease = self.new_lease(pool, self.now);
            if this.leases.take_over(tenant, &place, &lease, &seen).await? == Leased::Done {
                return Ok(Some(Given::Own { place, lease }));
            }
        }
        Ok(None)
    }

    fn new_lease(&self, pool: &NumberPool, since: Timestamp) -> Lease {
        Lease {
            visit: self.visit,
            tag: self.setup.id,
            campaign: self.setup.tag.campaign,
            publisher: self.setup.tag.publisher,
            since,
            until: later(self.now, pool.idle_limit()),
            delay_s: pool.closed_browser_delay_s,
        }
    }

    /// Writes down the visit with the number that it is about to be shown, and whether that is its own. A visit that cannot be
    /// written costs its call some tags, and nothing else.
    async fn note_visit(&self, deadline: Instant, shown: (Option<E164>, bool)) {
        let (visits, tenant) = (&self.lease_number.visits, self.setup.tenant);
        let noting = async {
            if !self.is_new {
                let learned = learned(self.question, self.now, Some(shown.clone()));
                if visits.learn(tenant, self.visit, &learned).await? {
                    return Ok(());
                }
            }
            visits.begin(tenant, &self.begun(shown)).await
        };
        match timeout_at(deadline, noting).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a visit could not be written"),
            Err(_) => tracing::warn!("a visit could not be written in time"),
        }
    }

    fn begun(&self, (number, attributed): (Option<E164>, bool)) -> Visit {
        let Question { params, first, last, .. } = self.question;
        Visit {
            id: self.visit,
            tag: self.setup.id,
            campaign: self.setup.tag.campaign,
            publisher: self.setup.tag.publisher,
            started_at: self.now,
            seen_at: self.now,
            number,
            attributed,
            params: params.clone(),
            first: first.clone(),
            last: last.clone(),
            pages: self.question.page(self.now).into_iter().collect(),
            geo: self.visitor.geo.clone(),
            device: self.visitor.device.clone(),
        }
    }
}

fn learned(question: &Question, at: Timestamp, shown: Option<(Option<E164>, bool)>) -> Learned {
    let Question { params, first, last, .. } = question;
    let page = question.page(at);
    Learned { at, params: params.clone(), first: first.clone(), last: last.clone(), page, shown }
}

/// Whether a visit of this id can still be kept: its day is in the id.
fn is_recent(visit: VisitId, now: Timestamp) -> bool {
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let day = Visit::day_of(visit);
    let oldest = today.checked_sub(jiff::Span::new().days(VISIT_DAYS)).unwrap_or(today);
    let newest = today.tomorrow().unwrap_or(today);
    (oldest..=newest).contains(&day)
}

/// As rows and tokens hold times.
fn whole_millis(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

fn millis(duration: SignedDuration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or_default()
}
