//! The nouns of the catalogue: what each adds to the common deeds.

use async_trait::async_trait;
use domain::agent::Agent;
use domain::blocked::{BlockPattern, BlockedNumber};
use domain::campaign::{BidderEntry, Campaign, CampaignStatus};
use domain::caps::{CounterId, LiveLimits};
use domain::dni::tag::{Shows, TrackingTag};
use domain::dni::url_parameter::UrlParameter;
use domain::group::{RingTree, TargetGroup};
use domain::ids::{
    AgentId, AgentNoun, BlockedNumberNoun, BuyerId, BuyerNoun, CampaignId, CampaignNoun, Id,
    IncomingWebhookNoun, Noun, NumberId, NumberNoun, NumberPoolNoun, PublisherId, PublisherNoun,
    RingTreeNoun, RtbTargetId, RtbTargetNoun, TargetGroupNoun, TargetId, TargetNoun, TenantId,
    TrackingTagNoun, UrlParameterNoun,
};
use domain::incoming_webhook::IncomingWebhook;
use domain::number::Number;
use domain::partner::{Buyer, Publisher};
use domain::plan::Planned;
use domain::pool::NumberPool;
use domain::rtb_target::SecretText;
use domain::target::{RtbTarget, Status, Target};
use domain::tokens::{Place, Template};
use domain::validate::{Problems, Validate};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::uses::Reference;
use super::{Outcome, Stored, Tools, Warning};
use crate::authenticate;
use crate::campaigns::{after_activation, may_activate};
use crate::numbers::{NOT_YOUR_ACCOUNT, prove, reconnect_number, unroute};
use crate::pools::place;
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

    /// Puts right what follows from the rest, after the rules were checked and before a change is stored.
    fn settle(&mut self) {}

    /// Fills in what only we write, and proves what must be proved before it may be stored. It was looked at before.
    async fn complete(
        &mut self,
        _tools: &Tools<'_>,
        _tenant: TenantId,
        _before: Option<&Self>,
    ) -> Outcome<()> {
        Ok(Ok(()))
    }

    /// Refuses what a request may not make of it, however sound its fields are; what a person should know otherwise.
    async fn before_change(
        &self,
        _tools: &Tools<'_>,
        _tenant: TenantId,
        _id: Id<Self::Noun>,
        _before: &Self,
    ) -> Outcome<Vec<Warning>> {
        Ok(Ok(Vec::new()))
    }

    /// Looks once more at what was stored by a request.
    async fn after_change(
        &self,
        _tools: &Tools<'_>,
        _tenant: TenantId,
        _id: Id<Self::Noun>,
        _before: &Self,
        stored: Stored,
    ) -> PortResult<Stored> {
        Ok(stored)
    }

    /// Its live flags: its own first, then those of its parts. The call path looks at them, so they follow the stored
    /// status at once; see [`super::switches`].
    fn switches(&self, _id: Id<Self::Noun>) -> Vec<(CounterId, Status)> {
        Vec::new()
    }

    /// Limits that live on its counter row, because it is in no published campaign: kept there like the flags. `None`: its
    /// limits are published, or it has none.
    fn live_limits(&self) -> Option<LiveLimits> {
        None
    }

    /// The Twilio account it names is one of the tenant's.
    async fn check_account(&self, _tools: &Tools<'_>, _problems: &mut Problems) -> PortResult<()> {
        Ok(())
    }

    /// Takes out what nobody is shown.
    fn hide_secrets(_body: &mut Map<String, Value>) {}

    /// Masks what only those with `numbers:read` may see.
    fn mask_personal(_body: &mut Map<String, Value>) {}

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

    /// Done before it is removed, so that nothing outside leads to it any more.
    async fn before_removal(&self, _tools: &Tools<'_>, _id: Id<Self::Noun>) -> PortResult<()> {
        Ok(())
    }

    /// Undoes that when it was not removed after all; this is what is stored then.
    async fn after_failed_removal(
        &self,
        _tools: &Tools<'_>,
        _tenant: TenantId,
        _id: Id<Self::Noun>,
    ) -> PortResult<()> {
        Ok(())
    }
}

fn becomes_active(before: &Campaign, after: &Campaign) -> bool {
    before.status != CampaignStatus::Active && after.status == CampaignStatus::Active
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
        let places = self.plan.iter().enumerate().map(|(index, entry)| {
            let field = format!("plan[{index}].{}", entry.to.field());
            match entry.to {
                Planned::Target(id) => Reference::new(field, Kind::Target, id.to_string()),
                Planned::Group(id) => Reference::new(field, Kind::TargetGroup, id.to_string()),
                Planned::Tree(id) => Reference::new(field, Kind::RingTree, id.to_string()),
            }
        });
        let tree = self.ring_tree.iter().map(|id| Reference::of("ring_tree", Kind::RingTree, id));
        let publishers = self
            .publishers
            .keys()
            .map(|id| Reference::new(format!("publishers.{id}"), Kind::Publisher, id.to_string()));
        let numbers = self.rtb.iter().flat_map(|rtb| {
            let of = |list: &'static str, numbers: &[NumberId]| -> Vec<Reference> {
                let named = numbers.iter().enumerate();
                let named = named.map(|(index, id)| (format!("rtb.{list}[{index}]"), id.to_string()));
                named.map(|(field, id)| Reference::new(field, Kind::Number, id)).collect()
            };
            let mut named = of("numbers", &rtb.numbers);
            named.extend(of("exclusive_numbers", &rtb.exclusive_numbers));
            named
        });
        let mut references = bidders("auction.", &self.auction.bidders);
        references.splice(0..0, places);
        references.extend(tree.chain(publishers).chain(numbers));
        references
    }

    fn check_surroundings(&self, _tools: &Tools<'_>, before: Option<&Self>, problems: &mut Problems) {
        if self.paused_reason != before.and_then(|before| before.paused_reason) {
            problems.add("paused_reason", "read_only", "the platform writes this field: leave it as it is");
        }
    }

    fn settle(&mut self) {
        if self.status != CampaignStatus::Paused {
            self.paused_reason = None;
        }
    }

    /// A change that switches it on is refused like switching it on.
    async fn before_change(
        &self,
        tools: &Tools<'_>,
        tenant: TenantId,
        id: CampaignId,
        before: &Self,
    ) -> Outcome<Vec<Warning>> {
        if becomes_active(before, self) { may_activate(tools, tenant, id).await } else { Ok(Ok(Vec::new())) }
    }

    async fn after_change(
        &self,
        tools: &Tools<'_>,
        tenant: TenantId,
        id: CampaignId,
        before: &Self,
        stored: Stored,
    ) -> PortResult<Stored> {
        if becomes_active(before, self) {
            after_activation(tools, tenant, id, stored).await
        } else {
            Ok(stored)
        }
    }

    /// Only an active campaign takes calls.
    fn switches(&self, id: CampaignId) -> Vec<(CounterId, Status)> {
        let own = match self.status {
            CampaignStatus::Active => Status::Active,
            CampaignStatus::Draft | CampaignStatus::Paused | CampaignStatus::Archived => Status::Paused,
        };
        let terms = self.publishers.iter().map(|(of, terms)| (CounterId::Terms(id, *of), terms.status));
        std::iter::once((id.into(), own)).chain(terms).collect()
    }
}

impl Entry for Target {
    const KIND: Kind = Kind::Target;
    const UNIQUE_FIELD: &'static str = "name";
    type Noun = TargetNoun;

    fn unique(&self) -> &str {
        &self.name
    }

    fn references(&self) -> Vec<Reference> {
        let buyer = self.buyer.iter().map(|id| Reference::of("buyer", Kind::Buyer, id));
        let agents = self.agents.iter().flat_map(|team| &team.members).enumerate();
        let agents = agents.map(|(index, id)| {
            Reference::new(format!("agents.members[{index}]"), Kind::Agent, id.to_string())
        });
        buyer.chain(agents).collect()
    }

    fn switches(&self, id: TargetId) -> Vec<(CounterId, Status)> {
        vec![(id.into(), self.status)]
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

    fn references(&self) -> Vec<Reference> {
        self.buyer.iter().map(|id| Reference::of("buyer", Kind::Buyer, id)).collect()
    }

    fn check_surroundings(&self, tools: &Tools<'_>, before: Option<&Self>, problems: &mut Problems) {
        let confirmed_at = self.confirmation.as_ref().map(|step| ("confirmation.url", &step.url));
        for (field, url) in std::iter::once(("url", &self.url)).chain(confirmed_at) {
            // Tokens stand in the path and query only; filled with nothing they leave the address that is judged.
            let address = Template::parse(url).probe(Place::Url, "");
            if let Err(words) = (tools.check_url)(&address) {
                problems.add(field, "address", words);
            }
        }
        let secret = self.authentication.secret();
        let was = before.and_then(|before| before.authentication.secret());
        if matches!(secret, Some(SecretText::Sealed(_))) && secret != was {
            let field = self.authentication.secret_field();
            problems.add(field, "required", "give the secret itself, as text");
        }
    }

    /// Its secret is stored sealed only.
    async fn complete(&mut self, tools: &Tools<'_>, tenant: TenantId, _before: Option<&Self>) -> Outcome<()> {
        authenticate::seal(tools.vault, tenant, &mut self.authentication).await.map(Ok)
    }

    fn hide_secrets(body: &mut Map<String, Value>) {
        let kinds = body.get_mut("authentication").and_then(Value::as_object_mut);
        let settings =
            kinds.into_iter().flat_map(|kinds| kinds.values_mut()).filter_map(Value::as_object_mut);
        for secret in settings.flat_map(|settings| settings.values_mut()).filter(|value| value.is_object()) {
            *secret = json!({ "set": true });
        }
    }

    fn switches(&self, id: RtbTargetId) -> Vec<(CounterId, Status)> {
        vec![(id.into(), self.status)]
    }
}

#[async_trait]
impl Entry for Number {
    const KIND: Kind = Kind::Number;
    const UNIQUE_FIELD: &'static str = "number";
    const SYSTEM_FIELDS: &'static [&'static str] = &["pool_shard", "left_pool_at", "twilio"];
    type Noun = NumberNoun;

    fn unique(&self) -> &str {
        self.number.as_str()
    }

    fn references(&self) -> Vec<Reference> {
        let campaign = self.campaign.iter().map(|id| Reference::of("campaign", Kind::Campaign, id));
        let publisher = self.publisher.iter().map(|id| Reference::of("publisher", Kind::Publisher, id));
        let pool = self.pool.iter().map(|id| Reference::of("pool", Kind::NumberPool, id));
        campaign.chain(publisher).chain(pool).collect()
    }

    fn check_surroundings(&self, _tools: &Tools<'_>, before: Option<&Self>, problems: &mut Problems) {
        if before.is_some_and(|before| before.number != self.number) {
            problems.add(
                "number",
                "fixed",
                "a number cannot become another one: remove it and add the other",
            );
        }
    }

    async fn check_account(&self, tools: &Tools<'_>, problems: &mut Problems) -> PortResult<()> {
        if !tools.accounts.contains(&self.account_sid).await? {
            problems.add("account_sid", "account", NOT_YOUR_ACCOUNT);
        }
        Ok(())
    }

    /// The account must have the number before it is claimed: nobody sits on a stranger's number. In a pool it gets its place.
    async fn complete(&mut self, tools: &Tools<'_>, tenant: TenantId, before: Option<&Self>) -> Outcome<()> {
        if before.is_none_or(|before| before.account_sid != self.account_sid) {
            self.twilio = match prove(tools, &self.account_sid, &self.number).await? {
                Ok(line) => Some(line),
                Err(refused) => return Ok(Err(refused)),
            };
        }
        place::stand(tools, tenant, self, before).await
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

    async fn before_removal(&self, tools: &Tools<'_>, id: Id<NumberNoun>) -> PortResult<()> {
        unroute(tools, id, self).await
    }

    async fn after_failed_removal(
        &self,
        tools: &Tools<'_>,
        tenant: TenantId,
        id: Id<NumberNoun>,
    ) -> PortResult<()> {
        reconnect_number(tools, tenant, id, self, None).await.map(drop)
    }
}

impl Entry for Publisher {
    const KIND: Kind = Kind::Publisher;
    const UNIQUE_FIELD: &'static str = "name";
    type Noun = PublisherNoun;

    fn unique(&self) -> &str {
        &self.name
    }

    fn switches(&self, id: PublisherId) -> Vec<(CounterId, Status)> {
        vec![(id.into(), self.status)]
    }

    fn live_limits(&self) -> Option<LiveLimits> {
        Publisher::live_limits(self)
    }
}

impl Entry for Buyer {
    const KIND: Kind = Kind::Buyer;
    const UNIQUE_FIELD: &'static str = "name";
    type Noun = BuyerNoun;

    fn unique(&self) -> &str {
        &self.name
    }

    fn switches(&self, id: BuyerId) -> Vec<(CounterId, Status)> {
        vec![(id.into(), self.status)]
    }
}

impl Entry for TargetGroup {
    const KIND: Kind = Kind::TargetGroup;
    const UNIQUE_FIELD: &'static str = "name";
    type Noun = TargetGroupNoun;

    fn unique(&self) -> &str {
        &self.name
    }

    fn references(&self) -> Vec<Reference> {
        let members = self.members.iter().enumerate().map(|(index, member)| {
            Reference::new(format!("members[{index}].target"), Kind::Target, member.target.to_string())
        });
        members.collect()
    }
}

#[async_trait]
impl Entry for NumberPool {
    const KIND: Kind = Kind::NumberPool;
    const UNIQUE_FIELD: &'static str = "name";
    const SYSTEM_FIELDS: &'static [&'static str] = &["shards"];
    type Noun = NumberPoolNoun;

    fn unique(&self) -> &str {
        &self.name
    }

    async fn complete(&mut self, tools: &Tools<'_>, tenant: TenantId, before: Option<&Self>) -> Outcome<()> {
        place::check_overflow(tools, tenant, self, before).await
    }
}

impl Entry for Agent {
    const KIND: Kind = Kind::Agent;
    const UNIQUE_FIELD: &'static str = "name";
    type Noun = AgentNoun;

    fn unique(&self) -> &str {
        &self.name
    }

    fn switches(&self, id: AgentId) -> Vec<(CounterId, Status)> {
        vec![(id.into(), self.status.into())]
    }
}

impl Entry for RingTree {
    const KIND: Kind = Kind::RingTree;
    const UNIQUE_FIELD: &'static str = "name";
    type Noun = RingTreeNoun;

    fn unique(&self) -> &str {
        &self.name
    }

    fn references(&self) -> Vec<Reference> {
        bidders("", &self.bidders)
    }
}

impl Entry for BlockedNumber {
    const KIND: Kind = Kind::BlockedNumber;
    const UNIQUE_FIELD: &'static str = "number";
    type Noun = BlockedNumberNoun;

    fn unique(&self) -> &str {
        self.number.as_str()
    }

    fn check_surroundings(&self, tools: &Tools<'_>, before: Option<&Self>, problems: &mut Problems) {
        let is_new = before.is_none_or(|before| before.expires_at != self.expires_at);
        if is_new && self.expires_at.is_some_and(|end| end <= tools.clock.now()) {
            problems.add("expires_at", "future", "the end of a block lies in the future");
        }
    }

    fn mask_personal(body: &mut Map<String, Value>) {
        let Some(number) = body.get_mut("number") else { return };
        let pattern = number.as_str().and_then(|text| text.parse::<BlockPattern>().ok());
        *number = Value::String(pattern.map_or_else(|| "***".to_owned(), |pattern| pattern.masked()));
    }
}

impl Entry for IncomingWebhook {
    const KIND: Kind = Kind::IncomingWebhook;
    const UNIQUE_FIELD: &'static str = "name";
    type Noun = IncomingWebhookNoun;

    fn unique(&self) -> &str {
        &self.name
    }

    fn references(&self) -> Vec<Reference> {
        self.campaign.iter().map(|id| Reference::of("campaign", Kind::Campaign, id)).collect()
    }
}

#[async_trait]
impl Entry for TrackingTag {
    const KIND: Kind = Kind::TrackingTag;
    const UNIQUE_FIELD: &'static str = "name";
    type Noun = TrackingTagNoun;

    fn unique(&self) -> &str {
        &self.name
    }

    fn references(&self) -> Vec<Reference> {
        let campaign = Reference::of("campaign", Kind::Campaign, &self.campaign);
        let shows = match self.shows {
            Shows::Pool(pool) => Reference::of("shows.pool", Kind::NumberPool, &pool),
            Shows::Number(number) => Reference::of("shows.number", Kind::Number, &number),
        };
        let publisher = self.publisher.iter().map(|id| Reference::of("publisher", Kind::Publisher, id));
        [campaign, shows].into_iter().chain(publisher).collect()
    }

    async fn complete(&mut self, tools: &Tools<'_>, tenant: TenantId, before: Option<&Self>) -> Outcome<()> {
        place::check_tag(tools, tenant, self, before).await
    }
}

#[async_trait]
impl Entry for UrlParameter {
    const KIND: Kind = Kind::UrlParameter;
    const UNIQUE_FIELD: &'static str = "name";
    type Noun = UrlParameterNoun;

    fn unique(&self) -> &str {
        &self.name
    }

    /// What it reports as is stored with it, so that everybody reads it in one place.
    async fn complete(
        &mut self,
        _tools: &Tools<'_>,
        _tenant: TenantId,
        _before: Option<&Self>,
    ) -> Outcome<()> {
        self.reports_as = self.reports_as.take().or_else(|| self.usual_tag());
        Ok(Ok(()))
    }
}

fn bidders(at: &str, entries: &[BidderEntry]) -> Vec<Reference> {
    let named = entries.iter().enumerate().map(|(index, entry)| {
        let field = format!("{at}bidders[{index}].rtb_target");
        Reference::new(field, Kind::RtbTarget, entry.rtb_target.to_string())
    });
    named.collect()
}
