//! Steps: started by one worker, answered once, written in one transaction with everything they bring.
//!
//! A repeat of a webhook finds the answer under the step's number. A worker that takes over from another writes under the
//! other's token; whoever comes second is told the first one's answer.

use app::ports::{Answered, Cause, KnownCaller, PortError, PortResult, Step, StepStart, StepWrite, Written};
use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};
use domain::call::Attempt;
use domain::caps::{Held, Holder, Joint, Outcome, Reservation, ReservationState};
use domain::duplicates::News;
use domain::ids::{CallId, TenantId};
use jiff::Timestamp;
use tokio::time::Instant;
use uuid::Uuid;

use super::capacity::{CounterChange, NoRoom, changes};
use super::{Refused, history};
use crate::Store;
use crate::failure::{Failure, WRITING_A_STEP};
use crate::item::{Draft, Item, body, json, number, parsed, text, text_of};
use crate::keys;
use crate::write::{Deed, PutNew, Write};

const WRITE: &str = "write a call's step";
const STARTED: &str = "started";
const ANSWERED: &str = "answered";

/// A step as it is stored.
pub(super) fn step_of(what: &'static str, item: &Item) -> PortResult<Step> {
    match text_of(item, "state").map_err(|cause| PortError::corrupt(what, cause))? {
        ANSWERED => Ok(Step::Answered(Box::new(body(what, item)?))),
        _ => Ok(Step::Started { by: parsed(what, item, "by")?, at: parsed(what, item, "at")? }),
    }
}

/// What an action of the step's transaction is for; decides what its failed condition means.
enum Role<'a> {
    Call,
    CallerIndex,
    CallerHistory,
    VisitIndex,
    Step,
    Bid,
    FreedBid,
    Attempt,
    Joint,
    Auction,
    GivenBack(Holder),
    Counter(CounterChange<'a>),
}

/// What to do after a transaction whose conditions did not all hold.
enum Next {
    Tell(Written),
    TryWithoutGivingBack(Vec<Holder>),
    TryAsKnownNow(KnownCaller),
    TryWithoutFreeing,
}

impl Store {
    pub(super) async fn read_step(
        &self,
        tenant: TenantId,
        call: CallId,
        number: u16,
    ) -> PortResult<Option<Step>> {
        const WHAT: &str = "read a call's step";
        let item = self.get(WHAT, keys::step(tenant, call, number)).await?;
        item.map(|item| step_of(WHAT, &item)).transpose()
    }

    pub(super) async fn begin_step(
        &self,
        tenant: TenantId,
        call: CallId,
        number: u16,
        by: Uuid,
        now: Timestamp,
    ) -> PortResult<StepStart> {
        const WHAT: &str = "start a call's step";
        let item = Draft::new(keys::step(tenant, call, number), "step", Some(tenant))
            .with("state", text(STARTED))
            .with("by", text(by.to_string()))
            .with("at", text(now.to_string()))
            .build();
        if self.put_new(WHAT, item).await? == PutNew::Done {
            return Ok(StepStart::Ours);
        }
        Ok(match self.read_step(tenant, call, number).await? {
            Some(Step::Started { by: holder, .. }) if holder == by => StepStart::Ours,
            Some(step) => StepStart::Theirs(step),
            None => return Err(PortError::failed(WHAT, "the step was there and is gone")),
        })
    }

    pub(super) async fn put_step(&self, write: &StepWrite) -> PortResult<Written> {
        let mut deadline = Instant::now() + WRITING_A_STEP;
        let mut given_back: Vec<&Held> = write.gives_back.iter().collect();
        let mut caller = write.caller.clone();
        let mut frees = write.rejudges();
        loop {
            let (roles, actions) = self.step_actions(write, &given_back, caller.as_ref(), frees)?;
            match self.transact(deadline, &actions).await {
                Ok(()) => return Ok(Written::Done),
                Err(Failure::Cancelled(reasons)) => match self.judge(write, &roles, &reasons).await? {
                    Next::Tell(written) => return Ok(written),
                    // They were released before (their legs' ends were told): then there is nothing to give back.
                    Next::TryWithoutGivingBack(released) => {
                        given_back.retain(|held| !released.contains(&held.by));
                    }
                    // The same caller called at the same moment. What was decided about this call stands.
                    Next::TryAsKnownNow(known) => caller = Some(known),
                    // Its time was over, and the same ping or the number has a new one.
                    Next::TryWithoutFreeing => frees = false,
                },
                // The counter that gives back may be the busy one, and shall not make others look busy: the attempt's end
                // gives it back later.
                Err(Failure::Busy) if !given_back.is_empty() => {
                    given_back.clear();
                    deadline = Instant::now() + WRITING_A_STEP;
                }
                Err(Failure::Busy) if roles.iter().any(|role| matches!(role, Role::Counter(_))) => {
                    return Ok(Written::Busy);
                }
                Err(failure) => return Err(failure.into_port(WRITE)),
            }
        }
    }

    fn step_actions<'a>(
        &self,
        write: &'a StepWrite,
        given_back: &[&'a Held],
        caller: Option<&KnownCaller>,
        frees: bool,
    ) -> PortResult<(Vec<Role<'a>>, Vec<TransactWriteItem>)> {
        let tenant = write.call.tenant;
        let mut writes = vec![(Role::Call, self.call_write(write)?), (Role::Step, step_write(write)?)];
        if let Some(row) = super::erasing::index_row(&write.call).filter(|_| write.begins) {
            writes.push((Role::CallerIndex, Write::new(Deed::Put(row))));
        }
        if let Some(known) = caller.filter(|_| write.begins)
            && let Some(learns) = history::learns(&write.call, known, News::Began)?
        {
            writes.push((Role::CallerHistory, learns));
        }
        if let Some(indexed) = crate::visits::call_of_visit(&write.call).filter(|_| write.begins) {
            writes.push((Role::VisitIndex, indexed));
        }
        if write.begins {
            writes.extend(crate::inbound::used_by(&write.call).into_iter().map(|used| (Role::Bid, used)));
        }
        if frees {
            let freed = crate::inbound::freed_by(&write.call).into_iter();
            writes.extend(freed.map(|freed| (Role::FreedBid, freed)));
        }
        for attempt in &write.attempts {
            writes.push((Role::Attempt, attempt_write(write, attempt)?));
        }
        for joint in &write.joints {
            writes.push((Role::Joint, joint_write(write, joint)?));
        }
        if let Some(auction) = &write.auction {
            let item =
                Draft::new(keys::auction(tenant, write.call.id, write.number), "auction", Some(tenant));
            let item = item.with("body", json(WRITE, auction.as_ref())?).build();
            writes.push((Role::Auction, Write::new(Deed::Put(item))));
        }
        for held in given_back {
            let moved = reservation_moves(tenant, write.call.id, held.by, ReservationState::Returned);
            writes.push((Role::GivenBack(held.by), moved));
        }
        let gives = given_back.iter().map(|held| (&held.reservation, &Outcome::NOTHING));
        for change in changes(&write.limits, gives) {
            let change_write = change.write(tenant);
            writes.push((Role::Counter(change), change_write));
        }
        let mut roles = Vec::with_capacity(writes.len());
        let mut actions = Vec::with_capacity(writes.len());
        for (role, write) in writes {
            roles.push(role);
            actions.push(write.into_action(WRITE, self.table())?);
        }
        Ok((roles, actions))
    }

    /// Step 0 creates the call; later steps move its due time, if it is open, and write anew how its bid was judged.
    fn call_write(&self, write: &StepWrite) -> PortResult<Write> {
        let call = &write.call;
        let (key, due) = (keys::call(call.tenant, call.id), keys::due_closing(call.id, write.due_at));
        let dialled = u8::try_from(write.attempts.len()).unwrap_or(u8::MAX);
        if write.begins {
            let item = Draft::new(key, "call", Some(call.tenant))
                .with("attempts", number(dialled))
                .with("body", json(WRITE, call.as_ref())?)
                .with("due_at", text(write.due_at.to_string()))
                .gsi1(keys::call_in_day(call.tenant, call.started_at, call.id))
                .gsi2(due);
            return Ok(Write::create(item.build()));
        }
        let judged = if write.rejudges() { Some(json(WRITE, call.as_ref())?) } else { None };
        Ok(super::closing::due_moves(key, due, write.due_at, dialled, judged))
    }

    async fn judge(
        &self,
        write: &StepWrite,
        roles: &[Role<'_>],
        reasons: &[CancellationReason],
    ) -> PortResult<Next> {
        let failed: Vec<(&Role<'_>, &CancellationReason)> = roles
            .iter()
            .zip(reasons)
            .filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"))
            .collect();
        if let Some((_, reason)) = failed.iter().find(|(role, _)| matches!(role, Role::Step)) {
            return self
                .answer_that_stands(write, reason.item())
                .await
                .map(|answer| Next::Tell(Written::Repeated(Box::new(answer))));
        }
        let refused = |why: Refused| Err(PortError::failed(WRITE, why));
        if let Some((_, reason)) = failed.iter().find(|(role, _)| matches!(role, Role::Call)) {
            if reason.item().is_some_and(|call| call.contains_key("settled")) {
                return Ok(Next::Tell(Written::Over));
            }
            return refused(if write.begins { Refused::BegunBefore } else { Refused::NotOpen });
        }
        if failed.iter().any(|(role, _)| matches!(role, Role::FreedBid)) {
            return Ok(Next::TryWithoutFreeing);
        }
        if failed.iter().any(|(role, _)| matches!(role, Role::Bid)) {
            return Ok(Next::Tell(Written::BidGone));
        }
        if failed.iter().any(|(role, _)| matches!(role, Role::Attempt | Role::Joint)) {
            return refused(Refused::AttemptExists);
        }
        let released = failed.iter().filter_map(|(role, _)| match role {
            Role::GivenBack(held_by) => Some(*held_by),
            _ => None,
        });
        let released: Vec<Holder> = released.collect();
        if !released.is_empty() {
            return Ok(Next::TryWithoutGivingBack(released));
        }
        if let Some((_, reason)) = failed.iter().find(|(role, _)| matches!(role, Role::CallerHistory)) {
            return Ok(Next::TryAsKnownNow(history::known(reason.item())?));
        }
        let full = failed.iter().find_map(|(role, reason)| match role {
            Role::Counter(change) => match change.no_room(reason.item()) {
                NoRoom::Full(full) => Some(full),
                NoRoom::NotNow => None,
            },
            _ => None,
        });
        Ok(Next::Tell(full.map_or(Written::Busy, Written::Full)))
    }

    /// The answer under which the step stands; an error while another worker still looks for one.
    async fn answer_that_stands(&self, write: &StepWrite, old: Option<&Item>) -> PortResult<Answered> {
        let step = match old {
            Some(item) => Some(step_of(WRITE, item)?),
            None => self.read_step(write.call.tenant, write.call.id, write.number).await?,
        };
        match step {
            Some(Step::Answered(answered)) => Ok(*answered),
            _ => Err(PortError::failed(WRITE, Box::new(Refused::HeldByAnother) as Cause)),
        }
    }
}

fn step_write(write: &StepWrite) -> PortResult<Write> {
    let call = &write.call;
    let item = Draft::new(keys::step(call.tenant, call.id, write.number), "step", Some(call.tenant))
        .with("state", text(ANSWERED))
        .with("body", json(WRITE, &write.answered)?)
        .build();
    let Some(token) = write.started_by else { return Ok(Write::create(item)) };
    Ok(Write::new(Deed::Put(item))
        .only_if("attribute_not_exists(#pk) OR (#state = :started AND #by = :token)")
        .name("#pk", "pk")
        .name("#state", "state")
        .name("#by", "by")
        .value(":started", text(STARTED))
        .value(":token", text(token.to_string())))
}

fn attempt_write(write: &StepWrite, attempt: &Attempt) -> PortResult<Write> {
    let call = &write.call;
    let key = keys::attempt(call.tenant, call.id, attempt.number);
    let item = Draft::new(key, "attempt", Some(call.tenant)).with("body", json(WRITE, attempt)?);
    Ok(holding(item, attempt.reservation.as_ref()))
}

fn joint_write(write: &StepWrite, joint: &Joint) -> PortResult<Write> {
    let call = &write.call;
    let key = keys::joint(call.tenant, call.id, joint.number);
    let item = Draft::new(key, "joint", Some(call.tenant)).with("body", json(WRITE, joint)?);
    Ok(holding(item, Some(&joint.reservation)))
}

/// The reservation's state stands beside the body, and wins over it.
fn holding(item: Draft, reservation: Option<&Reservation>) -> Write {
    let item = match reservation {
        Some(reservation) => item.with("reservation", text(state_word(reservation.state))),
        None => item,
    };
    Write::create(item.build())
}

/// A reservation leaves `reserved`, if it is there.
pub(super) fn reservation_moves(
    tenant: TenantId,
    call: CallId,
    held_by: Holder,
    to: ReservationState,
) -> Write {
    let key = match held_by {
        Holder::Attempt(number) => keys::attempt(tenant, call, number),
        Holder::Joint(number) => keys::joint(tenant, call, number),
    };
    Write::new(Deed::Change(key, "SET #reservation = :to".to_owned()))
        .only_if("#reservation = :reserved")
        .name("#reservation", "reservation")
        .value(":reserved", text(state_word(ReservationState::Reserved)))
        .value(":to", text(state_word(to)))
}

const fn state_word(state: ReservationState) -> &'static str {
    match state {
        ReservationState::Reserved => "reserved",
        ReservationState::Confirmed => "confirmed",
        ReservationState::Returned => "returned",
    }
}

/// The state that stands beside an attempt's body.
pub(super) fn state_of(what: &'static str, item: &Item) -> PortResult<Option<ReservationState>> {
    match item.get("reservation").and_then(|value| value.as_s().ok()).map(String::as_str) {
        None => Ok(None),
        Some("reserved") => Ok(Some(ReservationState::Reserved)),
        Some("confirmed") => Ok(Some(ReservationState::Confirmed)),
        Some("returned") => Ok(Some(ReservationState::Returned)),
        Some(_) => Err(PortError::corrupt(what, "a reservation in an unknown state")),
    }
}
