//! What filters can ask about a call.

use crate::call::Call;
use crate::filter::Tags;
use crate::geo::{Place, Said};
use crate::screening::Attestation;
use crate::snapshot::Snapshot;

/// The tags of a call, named as in the field's tokens (`InboundNumber:State`, `Geo:ZipCode`, `DialedNumber:Number`).
pub fn tags(call: &Call, snapshot: &Snapshot) -> Tags {
    let mut tags = Tags::new();
    // What a browser said comes first: nothing that we know ourselves can be made up by it.
    for (tag, value) in &call.tags {
        if let Some((category, name)) = tag.split_once(':') {
            tags.set(category, name, value);
        }
    }
    let number = call.caller_number();
    if let Some(number) = &number {
        tags.set("InboundNumber", "Number", number.as_str());
        tags.set("InboundNumber", "NumberE164", number.as_str());
        tags.set("InboundNumber", "Number-NoPlus", number.digits());
        if let Some(national) = number.nanp() {
            let part = |range: std::ops::Range<usize>| national.get(range).unwrap_or_default();
            tags.set("InboundNumber", "AreaCode", part(0..3));
            tags.set("InboundNumber", "Prefix", part(3..6));
            tags.set("InboundNumber", "Suffix", part(6..10));
        }
    }
    let yes_or_no = |is: bool| if is { "yes" } else { "no" };
    tags.set("InboundNumber", "IsPhoneNumberValid", yes_or_no(number.is_some()));
    let attestation = Attestation::of_verstat(call.verstat.as_deref());
    tags.set("InboundNumber", "ShakenStirAttestation", attestation.as_str());

    let place = place_of(call);
    let state = place.state.as_ref().map_or("", |state| state.as_str());
    let zip = place.zip.as_deref().unwrap_or_default();
    let country = place.country.map(|country| country.to_string()).unwrap_or_default();
    // Where the caller is counts before where their browser was.
    let or_visitor = |value: &str, name: &str| {
        let visitors = || call.tags.get(&format!("Visitor:{name}")).cloned().unwrap_or_default();
        if value.is_empty() { visitors() } else { value.to_owned() }
    };
    for (category, name, value) in [
        ("InboundNumber", "State", state.to_owned()),
        ("Geo", "SubDivisionCode", or_visitor(state, "Region")),
        ("InboundNumber", "CountryCode", country.clone()),
        ("Geo", "CountryCode", or_visitor(&country, "Country")),
        ("Geo", "ZipCode", or_visitor(zip, "PostalCode")),
        ("Geo", "City", or_visitor("", "City")),
        ("Geo", "TimeZone", or_visitor("", "TimeZone")),
    ] {
        tags.set(category, name, &value);
    }

    if let Some(number) = call.to.number() {
        tags.set("DialedNumber", "Number", number.as_str());
    }
    if let Some(pool) = call.pool {
        tags.set("DialedNumber", "Pool", &pool.to_string());
    }
    tags.set("Campaign", "Id", &call.campaign.to_string());
    tags.set("Campaign", "Name", &snapshot.campaign.name);
    if let Some(publisher) = call.publisher {
        tags.set("Publisher", "Id", &publisher.to_string());
    }
    for (name, value) in call.bid.iter().flat_map(|bid| &bid.tags) {
        tags.set("User", name, value);
    }
    tags.set("CallInfo", "IsDuplicate", yes_or_no(call.repeat.is_duplicate()));
    tags
}

/// Where the caller is, as far as anybody knows.
pub fn place_of(call: &Call) -> Place {
    let said = Said {
        country: call.from_country.as_deref(),
        state: call.from_state.as_deref(),
        zip: call.from_zip.as_deref(),
    };
    Place::of(&call.from, said)
}
