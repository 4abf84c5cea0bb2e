//! The four nouns of the catalogue: what each adds to the common deeds.

use async_trait::async_trait;
use domain::campaign::{Campaign, CampaignStatus};
use domain::caps::CounterId;
use domain::ids::{CampaignNoun, Id, Noun, NumberNoun, RtbTargetNoun, TargetNoun, TenantId};
use domain::number::Number;
use domain::target::{RtbTarget, Status, Target};
use domain::tokens::{Facts, Template};
use domain::validate::{Problems, Validate};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::uses::Reference;
use super::{Outcome, Tools, Warning, entry_of};
use crate::numbers::{NOT_YOUR_ACCOUNT, prove, reconnect_number, unroute};
use crate::ports::{Kind, PortResult};

/// A noun of the catalogue.
#[async_trait]
pub trait Entry: Validate + Serialize + DeserializeOwned + Send + Sync + Sized + 'static {
    /// Its place in the catalogue.
    const KIND: Kind;
    /// The field that no other may share.
    const UNIQUE_FIELD: &'static str;
    /// Fields that only we write: a request that names one is refused.
    const SYSTEM_FIELDS: &'static [&'static str] = &[];
    /// Its ids.
    type Noun: Noun + 'static;

    /// That field's value.
    fn unique(&self) -> &str;

    /// What it refers to in the same catalogue.
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }

    /// Rules that need more than the thing itself: what it was before, what the account has.
    fn check_surroundings(&self, _tools: &Tools<'_>, _before: Option<&Self>, _problems: &mut Problems) {}

    /// Fills in what only we write, and proves what must be proved before it may be stored. It was looked at before.
    async fn complete(&mut self, _tools: &Tools<'_>, _before: Option<&Self>) -> Outcome<()> {
        Ok(Ok(()))
    }

    /// Done before it is stored for the first time.
    async fn before_create(
        &self,
        _tools: &Tools<'_>,
        _tenant: TenantId,
        _id: Id<Self::Noun>,
    ) -> PortResult<()> {
        Ok(())
    }

    /// Done each time it was stored; may be done again.
    async fn after_save(
        &self,
        _tools: &Tools<'_>,
        _tenant: TenantId,
        _id: Id<Self::Noun>,
        _before: Option<&Self>,
    ) -> PortResult<Vec<Warning>> {
        Ok(Vec::new())
    }

    /// Done before it is removed.
    async fn before_delete(
        &self,
        _tools: &Tools<'_>,
        _tenant: TenantId,
        _id: Id<Self::Noun>,
    ) -> PortResult<()> {
        Ok(())
    }

    /// Undoes that when it was not removed after all.
    async fn after_failed_delete(
        &self,
        _tools: &Tools<'_>,
        _tenant: TenantId,
        _id: Id<Self::Noun>,
    ) -> PortResult<()> {
        Ok(())
    }
}

#[async_trait]
impl Entry for Campaign {
    const KIND: Kind = Kind::Campaign;
    const UNIQUE_FIELD: &'static str = "name";
    type Noun = CampaignNoun;

    fn unique(&self) -> &str {
        &self.name
    }

    fn references(&self) -> Vec<Reference> {
        let targets = self.plan.iter().enumerate().map(|(index, entry)| {
            Reference::new(format!("plan[{index}].target"), Kind::Target, entry.target.to_string())
        });
        let bidders = self.auction.bidders.iter().enumerate().map(|(index, entry)| {
            let field = format!("auction.bidders[{index}].rtb_target");
            Reference::new(field, Kind::RtbTarget, entry.rtb_target.to_string())
        });
        targets.chain(bidders).collect()
    }

    async fn before_create(
        &self,
        tools: &Tools<'_>,
        tenant: TenantId,
        id: Id<CampaignNoun>,
    ) -> PortResult<()> {
        pause_new(tools, tenant, &id.into(), Switchable::status(self)).await
    }

    async fn after_save(
        &self,
        tools: &Tools<'_>,
        tenant: TenantId,
        id: Id<CampaignNoun>,
        before: Option<&Self>,
    ) -> PortResult<Vec<Warning>> {
        if before.is_some() {
            follow_status::<Self>(tools, tenant, id, &id.into()).await?;
        }
        Ok(Vec::new())
    }
}

#[async_trait]
impl Entry for Target {
    const KIND: Kind = Kind::Target;
    const UNIQUE_FIELD: &'static str = "name";
    type Noun = TargetNoun;

    fn unique(&self) -> &str {
        &self.name
    }

    async fn before_create(&self, tools: &Tools<'_>, tenant: TenantId, id: Id<TargetNoun>) -> PortResult<()> {
        pause_new(tools, tenant, &id.into(), self.status).await
    }

    async fn after_save(
        &self,
        tools: &Tools<'_>,
        tenant: TenantId,
        id: Id<TargetNoun>,
        before: Option<&Self>,
    ) -> PortResult<Vec<Warning>> {
        if before.is_some() {
            follow_status::<Self>(tools, tenant, id, &id.into()).await?;
        }
        Ok(Vec::new())
    }

    async fn before_delete(&self, tools: &Tools<'_>, tenant: TenantId, id: Id<TargetNoun>) -> PortResult<()> {
        tools.counters.set_paused(tenant, &id.into(), true).await
    }

    async fn after_failed_delete(
        &self,
        tools: &Tools<'_>,
        tenant: TenantId,
        id: Id<TargetNoun>,
    ) -> PortResult<()> {
        follow_status::<Self>(tools, tenant, id, &id.into()).await
    }
}

#[async_trait]
impl Entry for RtbTarget {
    const KIND: Kind = Kind::RtbTarget;
    const UNIQUE_FIELD: &'static str = "name";
    type Noun = RtbTargetNoun;

    fn unique(&self) -> &str {
        &self.name
    }

    fn check_surroundings(&self, tools: &Tools<'_>, _before: Option<&Self>, problems: &mut Problems) {
        // Tokens stand in the path and query only; filled with nothing they leave the address that is judged.
        let address = Template::parse(&self.url).render_url(&Facts::default());
        if let Err(words) = (tools.check_url)(&address) {
            problems.add("url", "address", words);
        }
    }

    async fn before_create(
        &self,
        tools: &Tools<'_>,
        tenant: TenantId,
        id: Id<RtbTargetNoun>,
    ) -> PortResult<()> {
        pause_new(tools, tenant, &id.into(), self.status).await
    }

    async fn after_save(
        &self,
        tools: &Tools<'_>,
        tenant: TenantId,
        id: Id<RtbTargetNoun>,
        before: Option<&Self>,
    ) -> PortResult<Vec<Warning>> {
        if before.is_some() {
            follow_status::<Self>(tools, tenant, id, &id.into()).await?;
        }
        Ok(Vec::new())
    }

    async fn before_delete(
        &self,
        tools: &Tools<'_>,
        tenant: TenantId,
        id: Id<RtbTargetNoun>,
    ) -> PortResult<()> {
        tools.counters.set_paused(tenant, &id.into(), true).await
    }

    async fn after_failed_delete(
        &self,
        tools: &Tools<'_>,
        tenant: TenantId,
        id: Id<RtbTargetNoun>,
    ) -> PortResult<()> {
        follow_status::<Self>(tools, tenant, id, &id.into()).await
    }
}

#[async_trait]
impl Entry for Number {
    const KIND: Kind = Kind::Number;
    const UNIQUE_FIELD: &'static str = "number";
    const SYSTEM_FIELDS: &'static [&'static str] = &["twilio"];
    type Noun = NumberNoun;

    fn unique(&self) -> &str {
        self.number.as_str()
    }

    fn references(&self) -> Vec<Reference> {
        self.campaign
            .iter()
            .map(|id| Reference::new("campaign".to_owned(), Kind::Campaign, id.to_string()))
            .collect()
    }

    fn check_surroundings(&self, tools: &Tools<'_>, before: Option<&Self>, problems: &mut Problems) {
        if before.is_some_and(|before| before.number != self.number) {
            problems.add(
                "number",
                "fixed",
                "a number cannot become another one: remove it and add the other",
            );
        }
        if !tools.accounts.contains(&self.account_sid) {
            problems.add("account_sid", "account", NOT_YOUR_ACCOUNT);
        }
    }

    /// The account must have the number before it is claimed: nobody sits on a stranger's number.
    async fn complete(&mut self, tools: &Tools<'_>, before: Option<&Self>) -> Outcome<()> {
        if before.is_some_and(|before| before.account_sid == self.account_sid) {
            return Ok(Ok(()));
        }
        self.twilio = match prove(tools, &self.account_sid, &self.number).await? {
            Ok(line) => Some(line),
            Err(refused) => return Ok(Err(refused)),
        };
        Ok(Ok(()))
    }

    async fn after_save(
        &self,
        tools: &Tools<'_>,
        tenant: TenantId,
        id: Id<NumberNoun>,
        before: Option<&Self>,
    ) -> PortResult<Vec<Warning>> {
        reconnect_number(tools, tenant, id, self, before).await
    }

    async fn before_delete(
        &self,
        tools: &Tools<'_>,
        _tenant: TenantId,
        id: Id<NumberNoun>,
    ) -> PortResult<()> {
        unroute(tools, id, self).await
    }

    async fn after_failed_delete(
        &self,
        tools: &Tools<'_>,
        tenant: TenantId,
        id: Id<NumberNoun>,
    ) -> PortResult<()> {
        let Some(record) = tools.catalog.get(tenant, Self::KIND, &id.to_string()).await? else {
            return Ok(());
        };
        let number: Self = entry_of(&record)?;
        reconnect_number(tools, tenant, id, &number, None).await.map(drop)
    }
}

/// A thing that is born paused gets its flag first, so that it is never live for a moment.
async fn pause_new(
    tools: &Tools<'_>,
    tenant: TenantId,
    counter: &CounterId,
    status: Status,
) -> PortResult<()> {
    match status {
        Status::Paused => tools.counters.set_paused(tenant, counter, true).await,
        Status::Active => Ok(()),
    }
}

/// What has a live flag.
trait Switchable: Entry {
    fn status(&self) -> Status;
}
impl Switchable for Campaign {
    /// Only an active campaign takes calls.
    fn status(&self) -> Status {
        match self.status {
            CampaignStatus::Active => Status::Active,
            CampaignStatus::Draft | CampaignStatus::Paused | CampaignStatus::Archived => Status::Paused,
        }
    }
}
impl Switchable for Target {
    fn status(&self) -> Status {
        self.status
    }
}
impl Switchable for RtbTarget {
    fn status(&self) -> Status {
        self.status
    }
}

/// Sets the live flag from the stored status. Two savers may set flags in another order than they saved; each looks
/// again after setting, so whoever sets last has seen the last status.
async fn follow_status<E: Switchable>(
    tools: &Tools<'_>,
    tenant: TenantId,
    id: Id<E::Noun>,
    counter: &CounterId,
) -> PortResult<()> {
    const ROUNDS: u8 = 5;
    let id = id.to_string();
    let mut set = None;
    for _ in 0..ROUNDS {
        let Some(record) = tools.catalog.get(tenant, E::KIND, &id).await? else { return Ok(()) };
        let status = entry_of::<E>(&record)?.status();
        if set == Some(status) {
            return Ok(());
        }
        tools.counters.set_paused(tenant, counter, status == Status::Paused).await?;
        set = Some(status);
    }
    Ok(())
}
