//! Numbers at Twilio, and the documents on the CDN.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use app::ports::{
    AccountStanding, ApplicationHooks, AvailableNumber, Carried, CarrierCall, CarrierNumbers, CarrierRefusal,
    EnsuredApplication, FallbackPages, Found, NumberSearch, OwnedNumber, PortError, PortResult, Telephony,
};
use app::secret::Secret;
use async_trait::async_trait;
use domain::country::Country;
use domain::ids::{AccountSid, ApplicationSid, CallSid, NumberSid};
use domain::number::Capabilities;
use domain::phone::E164;

use super::locked;

/// What Twilio says of a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TwilioSays {
    /// Whichever account asks has it, and what is asked is done.
    #[default]
    Done,
    /// The account has no such number.
    NotYours,
    /// Nobody has it; it can be bought, and is [`TwilioSays::Done`] from then on.
    ForSale,
    /// Searches find it, but buying it is refused for this reason.
    Refuses(CarrierRefusal),
    /// The account has it, but changing it gives an error with these words.
    Refused(&'static str),
    /// The account has it, but changing it is never answered.
    Nothing,
    /// Whatever is asked gives an error with these words.
    Broken(&'static str),
    /// Nothing is ever answered.
    Silence,
}

/// Twilio's REST API as far as numbers go; it knows no calls.
#[derive(Debug, Default)]
pub struct FakeTelephony {
    carrier: Mutex<Carrier>,
    deleted_recordings: Mutex<Vec<String>>,
    refuses_recordings: AtomicBool,
    is_away: AtomicBool,
    accounts: Mutex<HashMap<AccountSid, AccountStanding>>,
    tokens_tried: Mutex<Vec<(AccountSid, Secret)>>,
}

#[derive(Debug, Default)]
struct Carrier {
    says: HashMap<E164, TwilioSays>,
    routed: BTreeMap<E164, (AccountSid, ApplicationSid)>,
    applications: Vec<Application>,
    listed: Vec<(AccountSid, E164)>,
    bought: Vec<E164>,
    released: Vec<E164>,
    names: HashMap<E164, String>,
}

#[derive(Debug, Clone)]
struct Application {
    account: AccountSid,
    sid: ApplicationSid,
    name: String,
    hooks: ApplicationHooks,
}

impl FakeTelephony {
    /// What it says about this number from now on.
    pub fn say(&self, number: &E164, says: TwilioSays) {
        locked(&self.carrier).says.insert(number.clone(), says);
    }

    /// The recordings that it was told to remove, in order, repetitions included.
    pub fn deleted_recordings(&self) -> Vec<String> {
        locked(&self.deleted_recordings).clone()
    }

    /// Whether it does not remove recordings, from now on.
    pub fn refuse_recordings(&self, refuses: bool) {
        self.refuses_recordings.store(refuses, Ordering::SeqCst);
    }

    /// Whether it answers nobody who asks for an account, from now on.
    pub fn be_away(&self, away: bool) {
        self.is_away.store(away, Ordering::SeqCst);
    }

    /// How an account stands from now on, whatever the token; until then it is active.
    pub fn account_stands(&self, account: &AccountSid, standing: AccountStanding) {
        locked(&self.accounts).insert(account.clone(), standing);
    }

    /// The accounts and tokens that were tried so far.
    pub fn tokens_tried(&self) -> Vec<(AccountSid, Secret)> {
        locked(&self.tokens_tried).clone()
    }

    /// From now on the account's list has this number.
    pub fn list(&self, account: &AccountSid, number: &E164) {
        locked(&self.carrier).listed.push((account.clone(), number.clone()));
    }

    /// From now on the number has another name at Twilio.
    pub fn rename(&self, number: &E164, name: &str) {
        locked(&self.carrier).names.insert(number.clone(), name.to_owned());
    }

    /// How a number is routed, and in which account; `None` when no application of ours has it.
    pub fn routing(&self, number: &E164) -> Option<(AccountSid, ApplicationHooks)> {
        let carrier = locked(&self.carrier);
        let (account, sid) = carrier.routed.get(number)?;
        let application = carrier.applications.iter().find(|application| application.sid == *sid)?;
        Some((account.clone(), application.hooks.clone()))
    }

    /// Somebody leads the number elsewhere, behind our back.
    pub fn lead_elsewhere(&self, number: &E164) {
        if let Some((_, application)) = locked(&self.carrier).routed.get_mut(number) {
            *application = sid_of("AP", 0xE15E);
        }
    }

    /// Somebody changes the addresses of every application, behind our back.
    pub fn tamper(&self) {
        for application in &mut locked(&self.carrier).applications {
            "https://elsewhere.example.com/voice".clone_into(&mut application.hooks.voice_url);
        }
    }

    /// The names of an account's applications.
    pub fn application_names(&self, account: &AccountSid) -> Vec<String> {
        let carrier = locked(&self.carrier);
        let own = carrier.applications.iter().filter(|application| application.account == *account);
        own.map(|application| application.name.clone()).collect()
    }

    /// What was bought, in order.
    pub fn bought(&self) -> Vec<E164> {
        locked(&self.carrier).bought.clone()
    }

    /// What was given back, in order.
    pub fn released(&self) -> Vec<E164> {
        locked(&self.carrier).released.clone()
    }

    /// Whether the account has it, if that is answered at all.
    async fn says(&self, number: &E164) -> PortResult<TwilioSays> {
        let says = locked(&self.carrier).says.get(number).copied().unwrap_or_default();
        match says {
            TwilioSays::Broken(words) => Err(PortError::failed("ask Twilio about a phone number", words)),
            TwilioSays::Silence => std::future::pending().await,
            says => Ok(says),
        }
    }

    /// The same before something is changed.
    async fn says_to_change(&self, number: &E164) -> PortResult<TwilioSays> {
        match self.says(number).await? {
            TwilioSays::Refused(words) => Err(PortError::failed("change a phone number at Twilio", words)),
            TwilioSays::Nothing => std::future::pending().await,
            says => Ok(says),
        }
    }
}

impl Carrier {
    fn owned(&self, number: &E164) -> OwnedNumber {
        let application = self.routed.get(number).map(|(_, application)| application.clone());
        let friendly_name = self.names.get(number).cloned().unwrap_or_else(|| number.as_str().to_owned());
        OwnedNumber {
            sid: number_sid(number),
            number: number.clone(),
            friendly_name,
            capabilities: Capabilities { voice: true, ..Capabilities::default() },
            application,
            voice_url: None,
        }
    }

    fn number(&self, sid: &NumberSid) -> Option<E164> {
        let digits = sid.as_str().trim_start_matches("PN").trim_start_matches('0');
        format!("+{digits}").parse().ok()
    }
}

fn number_sid(number: &E164) -> NumberSid {
    sid_from(&format!("PN{:0>32}", number.digits()))
}

fn sid_of(prefix: &str, serial: usize) -> ApplicationSid {
    sid_from(&format!("{prefix}{serial:032x}"))
}

fn sid_from<S: std::str::FromStr>(text: &str) -> S {
    match text.parse() {
        Ok(sid) => sid,
        Err(_) => unreachable!("made of a prefix and 32 digits"),
    }
}

#[async_trait]
impl Telephony for FakeTelephony {
    async fn call(&self, _: &AccountSid, _: &CallSid) -> PortResult<Option<CarrierCall>> {
        Ok(None)
    }

    async fn children(&self, _: &AccountSid, _: &CallSid) -> PortResult<Vec<CarrierCall>> {
        Ok(Vec::new())
    }

    async fn delete_recording(&self, _: &AccountSid, recording: &str) -> PortResult<bool> {
        if self.refuses_recordings.load(Ordering::SeqCst) {
            return Err(PortError::away("remove a recording", "Twilio is away"));
        }
        let mut deleted = locked(&self.deleted_recordings);
        let was_there = !deleted.iter().any(|sid| sid == recording);
        deleted.push(recording.to_owned());
        Ok(was_there)
    }

    async fn check_account(&self, account: &AccountSid, token: &Secret) -> PortResult<AccountStanding> {
        if self.is_away.load(Ordering::SeqCst) {
            return Err(PortError::away("ask for an account", "Twilio is away"));
        }
        locked(&self.tokens_tried).push((account.clone(), token.clone()));
        let known = locked(&self.accounts).get(account).cloned();
        Ok(known.unwrap_or(AccountStanding::Active { name: "Roofing calls".to_owned() }))
    }
}

#[async_trait]
impl CarrierNumbers for FakeTelephony {
    async fn search_numbers(&self, _: &AccountSid, search: &NumberSearch) -> Carried<Vec<AvailableNumber>> {
        let carrier = locked(&self.carrier);
        let for_sale = |says: &TwilioSays| matches!(says, TwilioSays::ForSale | TwilioSays::Refuses(_));
        let area = search.area_code.map(|code| code.to_string());
        let mut found: Vec<AvailableNumber> = carrier
            .says
            .iter()
            .filter(|(_, says)| for_sale(says))
            .map(|(number, _)| number)
            .filter(|number| Country::of(number).is_none_or(|country| country == search.country))
            .filter(|number| {
                area.as_ref()
                    .is_none_or(|area| number.nanp().is_some_and(|rest| rest.starts_with(area.as_str())))
            })
            .map(|number| AvailableNumber {
                number: number.clone(),
                friendly_name: number.as_str().to_owned(),
                locality: Some("Washington".to_owned()),
                region: Some("DC".to_owned()),
                postal_code: None,
                country: Some(search.country),
                capabilities: Capabilities { voice: true, ..Capabilities::default() },
                needs_address: false,
            })
            .collect();
        found.sort_by(|one, other| one.number.cmp(&other.number));
        found.truncate(usize::from(search.limit));
        if found.is_empty() && area.is_some() {
            return Ok(Err(CarrierRefusal::NoNumbersInArea));
        }
        Ok(Ok(found))
    }

    async fn buy_number(
        &self,
        account: &AccountSid,
        number: &E164,
        application: &ApplicationSid,
    ) -> Carried<OwnedNumber> {
        match self.says_to_change(number).await? {
            TwilioSays::ForSale => {}
            TwilioSays::Refuses(refusal) => return Ok(Err(refusal)),
            _ => return Ok(Err(CarrierRefusal::NotAvailable)),
        }
        let mut carrier = locked(&self.carrier);
        carrier.says.insert(number.clone(), TwilioSays::Done);
        carrier.bought.push(number.clone());
        carrier.listed.push((account.clone(), number.clone()));
        carrier.routed.insert(number.clone(), (account.clone(), application.clone()));
        Ok(Ok(carrier.owned(number)))
    }

    async fn owned_number(&self, _: &AccountSid, number: &E164) -> Carried<Option<OwnedNumber>> {
        let says = self.says(number).await?;
        let is_owned = matches!(says, TwilioSays::Done | TwilioSays::Refused(_) | TwilioSays::Nothing);
        Ok(Ok(is_owned.then(|| locked(&self.carrier).owned(number))))
    }

    async fn owned_numbers(&self, account: &AccountSid) -> Carried<Vec<OwnedNumber>> {
        let carrier = locked(&self.carrier);
        let own = carrier.listed.iter().filter(|(of, _)| of == account);
        Ok(Ok(own.map(|(_, number)| carrier.owned(number)).collect()))
    }

    async fn point_number(
        &self,
        account: &AccountSid,
        number: &NumberSid,
        application: Option<&ApplicationSid>,
    ) -> Carried<bool> {
        let Some(number) = locked(&self.carrier).number(number) else { return Ok(Ok(false)) };
        if self.says_to_change(&number).await? != TwilioSays::Done {
            return Ok(Ok(false));
        }
        let mut carrier = locked(&self.carrier);
        match application {
            Some(application) => {
                drop(carrier.routed.insert(number, (account.clone(), application.clone())));
            }
            None => drop(carrier.routed.remove(&number)),
        }
        Ok(Ok(true))
    }

    async fn release_number(&self, account: &AccountSid, number: &NumberSid) -> Carried<bool> {
        let Some(number) = locked(&self.carrier).number(number) else { return Ok(Ok(false)) };
        if self.says_to_change(&number).await? != TwilioSays::Done {
            return Ok(Ok(false));
        }
        let mut carrier = locked(&self.carrier);
        carrier.says.insert(number.clone(), TwilioSays::NotYours);
        carrier.routed.remove(&number);
        carrier.listed.retain(|(of, listed)| of != account || *listed != number);
        carrier.released.push(number);
        Ok(Ok(true))
    }

    async fn ensure_application(
        &self,
        account: &AccountSid,
        name: &str,
        hooks: &ApplicationHooks,
    ) -> Carried<EnsuredApplication> {
        let mut carrier = locked(&self.carrier);
        let serial = carrier.applications.len() + 1;
        let ours =
            |application: &&mut Application| application.account == *account && application.name == name;
        if let Some(application) = carrier.applications.iter_mut().find(ours) {
            let found = if application.hooks == *hooks { Found::Right } else { Found::Corrected };
            application.hooks = hooks.clone();
            return Ok(Ok(EnsuredApplication { sid: application.sid.clone(), found }));
        }
        let sid = sid_of("AP", serial);
        carrier.applications.push(Application {
            account: account.clone(),
            sid: sid.clone(),
            name: name.to_owned(),
            hooks: hooks.clone(),
        });
        Ok(Ok(EnsuredApplication { sid, found: Found::Created }))
    }

    async fn applications(&self, account: &AccountSid, name: &str) -> Carried<Vec<ApplicationSid>> {
        let carrier = locked(&self.carrier);
        let own = carrier.applications.iter().filter(|it| it.account == *account && it.name == name);
        Ok(Ok(own.map(|application| application.sid.clone()).collect()))
    }
}

/// Documents by number.
#[derive(Debug, Default)]
pub struct FakePages {
    documents: Mutex<HashMap<E164, String>>,
    default: Mutex<Option<String>>,
    failing: AtomicBool,
}

impl FakePages {
    /// The document of a number.
    pub fn document(&self, number: &E164) -> Option<String> {
        locked(&self.documents).get(number).cloned()
    }

    /// The document of numbers that have none.
    pub fn default_document(&self) -> Option<String> {
        locked(&self.default).clone()
    }

    /// Somebody removes a number's document.
    pub fn lose(&self, number: &E164) {
        locked(&self.documents).remove(number);
    }

    /// Whether writing fails, from now on.
    pub fn fail(&self, failing: bool) {
        self.failing.store(failing, Ordering::SeqCst);
    }
}

#[async_trait]
impl FallbackPages for FakePages {
    async fn write(&self, number: &E164, document: &str) -> PortResult<()> {
        if self.failing.load(Ordering::SeqCst) {
            return Err(PortError::failed("write a fallback document", "the disk is full"));
        }
        locked(&self.documents).insert(number.clone(), document.to_owned());
        Ok(())
    }

    async fn read(&self, number: &E164) -> PortResult<Option<String>> {
        Ok(self.document(number))
    }

    async fn write_default(&self, document: &str) -> PortResult<()> {
        if self.failing.load(Ordering::SeqCst) {
            return Err(PortError::failed("write the default document", "the disk is full"));
        }
        *locked(&self.default) = Some(document.to_owned());
        Ok(())
    }
}
