//! Templates: what tokens become, and that no value can make a template mean something else.

use domain::filter::Tags;
use domain::geo::{Place as Where, Said};
use domain::money::{Currency, Money};
use domain::phone::E164;
use domain::screening::Attestation;
use domain::tokens::{
    BidFacts, CallFacts, CallerFacts, CampaignFacts, Facts, Place, PublisherFacts, ShownNumber, Template,
    VisitorFacts, names,
};
use proptest::prelude::*;
use script::answer::{Answer, Format};

fn number() -> E164 {
    "+12125550147".parse().unwrap()
}

fn facts() -> Facts {
    let mut tags = Tags::new();
    tags.set("User", "zip", "60601");
    tags.set("User", "click id", "abc-1");
    tags.set("Integration", "googleClickId", "g1");
    tags.set("Secret", "Key", "never");
    Facts {
        call: CallFacts {
            id: Some("RGB000000000000000000000000000000f1".parse().unwrap()),
            started_at: Some("2026-11-22T18:00:00Z".parse().unwrap()),
            duplicate: Some(false),
            revenue: Some(Money::parse("12.5").unwrap()),
            total_s: Some(93),
            ..CallFacts::default()
        },
        caller: CallerFacts {
            number: ShownNumber::Whole(number()),
            place: Where::of("+12125550147", Said { zip: Some("10001"), ..Said::default() }),
            valid: Some(true),
            attestation: Some(Attestation::A),
        },
        campaign: CampaignFacts { name: Some("Roofing \"NY\"".to_owned()), ..CampaignFacts::default() },
        publisher: PublisherFacts { sub_id: Some("fb-7".to_owned()), ..PublisherFacts::default() },
        bid: BidFacts {
            min: Some(Money::from_units(5)),
            currency: Some(Currency::USD),
            ..BidFacts::default()
        },
        visitor: VisitorFacts { user_agent: Some("Mozilla/5.0 (X)".to_owned()), ..VisitorFacts::default() },
        now: Some("2026-11-22T18:00:00.5Z".parse().unwrap()),
        time_zone: Some("America/New_York".to_owned()),
        tags,
        ..Facts::default()
    }
}

fn filled(template: &str) -> String {
    Template::parse(template).render(Place::Text, &facts())
}

#[test]
fn tokens_become_these_values() {
    for (template, expected) in [
        ("[tag:InboundNumber:Number]", "+12125550147"),
        ("[Call:CallerId] [tag:inboundnumber:NUMBERE164]", "+12125550147 +12125550147"),
        ("[tag:InboundNumber:Number-NoPlus]", "12125550147"),
        ("[tag:InboundNumber:AreaCode][tag:InboundNumber:Prefix][tag:InboundNumber:Suffix]", "2125550147"),
        ("[tag:InboundNumber:State] [tag:InboundNumber:CountryCode]", "NY US"),
        ("[tag:Geo:ZipCode]", "10001"),
        ("[tag:InboundNumber:ShakenStirAttestation] [tag:InboundNumber:ShakenStirValidated]", "A yes"),
        ("[Call:InboundCallId]", "RGB000000000000000000000000000000f1"),
        ("[Call:CallDateTime]", "2026-11-22T18:00:00Z"),
        ("[Call:ConversionAmount] [tag:CallLength:Total]", "12.50 93"),
        ("[tag:CallInfo:IsDuplicate]", "no"),
        ("[Publisher:SubId]", "fb-7"),
        ("[tag:Bid:Min] [tag:Bid:Currency]", "5.00 USD"),
        ("[tag:Date:Date] [tag:Time:Hour] [tag:Time:UtcHour] [tag:Date:WeekDay]", "2026-11-22 13 18 Sunday"),
        // What a visit brought along.
        ("[tag:User:zip] [TAG:USER:Click ID] [tag:Integration:GoogleClickId]", "60601 abc-1 g1"),
        // The macros of earlier systems.
        ("{callerId} {callerState} {callerZip} {CALLERID}", "+12125550147 NY 10001 +12125550147"),
        ("{timestamp} {isoTimestamp} {timezone}", "1795370400500 2026-11-22T18:00:00.500Z America/New_York"),
        // The first that is not empty; a word for when all are.
        ("[tag:User:none|tag:Geo:City|tag:User:zip]", "60601"),
        ("[ tag:User:none | 'nowhere' ]", "nowhere"),
        ("[tag:User:zip|'nowhere']", "60601"),
        // What is not known is empty.
        ("<[tag:Geo:City][tag:Target:Name][Call:RecordingUrl][tag:Demographics:Age]>", "<>"),
        ("<[tag:User:zipp]>", "<>"),
        // What is no token stays.
        (
            "[1, 2] {\"a\": {}} [] {x} ['a'] [12:30] [note: this] {a b}",
            "[1, 2] {\"a\": {}} [] {x} ['a'] [12:30] [note: this] {a b}",
        ),
        ("[tag:User:zip", "[tag:User:zip"),
        ("{{callerZip}}", "{10001}"),
        // Tags that are not for templates cannot be named.
        ("<[tag:Secret:Key]>", "<>"),
    ] {
        assert_eq!(filled(template), expected, "{template}");
    }
}

#[test]
fn a_masked_number_tells_no_more_than_its_mask() {
    let mut facts = facts();
    facts.caller.number = ShownNumber::Masked(number());
    let text = |template: &str| Template::parse(template).render(Place::Text, &facts);
    assert_eq!(text("[tag:InboundNumber:Number] [tag:InboundNumber:Number-NoPlus]"), "212***0147 212***0147");
    assert_eq!(
        text("[tag:InboundNumber:AreaCode]-[tag:InboundNumber:Prefix]-[tag:InboundNumber:Suffix]"),
        "212--0147"
    );
    facts.caller.number = ShownNumber::Hidden;
    let everything: String = names().collect();
    let all = Template::parse(&everything).render(Place::Text, &facts);
    assert!(!all.contains("0147") && !all.contains("555"), "{all}");
}

#[test]
fn unknown_tokens_are_reported_with_what_may_have_been_meant() {
    let told = |text: &str| -> Vec<String> {
        Template::parse(text).unknown().into_iter().map(|unknown| unknown.text()).collect()
    };
    assert_eq!(
        told(
            r#"{"n": "[tag:InboundNumbr:Number]", "c": "{calerId}", "z": "[tag:User:anything]", "s": {"x": 1}}"#
        ),
        [
            "'[tag:InboundNumbr:Number]' is not a token we can fill: did you mean [tag:InboundNumber:Number]?",
            "'{calerId}' is not a token we can fill: did you mean {callerId}?",
        ]
    );
    assert_eq!(told("[tag:Weather:Tomorrow]"), ["'[tag:Weather:Tomorrow]' is not a token we can fill"]);
    assert_eq!(told("[tag:Geo:City|tag:Geo:Citty]").len(), 1);
    assert!(names().all(|name| told(&name).is_empty()), "every name of the catalogue is known");
}

#[test]
fn tokens_without_a_value_are_listed_once() {
    let template = Template::parse(
        "[tag:Geo:City] [tag:User:zip] [tag:Geo:City] [tag:User:a|tag:User:b] [tag:User:a|'x']",
    );
    assert_eq!(template.unresolved(&facts()), ["[tag:Geo:City]", "[tag:User:a|tag:User:b]"]);
}

fn about(value: &str) -> Facts {
    let mut facts = Facts {
        campaign: CampaignFacts { name: Some(value.to_owned()), ..CampaignFacts::default() },
        ..Facts::default()
    };
    facts.tags.set("User", "v", value);
    facts
}

proptest! {
    #[test]
    fn no_value_breaks_json(name in any::<String>(), tag in any::<String>()) {
        let template = Template::parse(r#"{"n":"[tag:Campaign:Name]","t":["a[tag:User:v|tag:Campaign:Name]b",[1,2]]}"#);
        let mut facts = about(&tag);
        facts.campaign.name = Some(name.clone());
        let read: serde_json::Value = serde_json::from_str(&template.render(Place::Json, &facts)).unwrap();
        prop_assert_eq!(read["n"].as_str().unwrap(), &name);
        let shown = if tag.is_empty() { name } else { tag };
        prop_assert_eq!(read["t"][0].as_str().unwrap(), format!("a{shown}b"));
    }

    #[test]
    fn no_value_breaks_xml(value in any::<String>()) {
        let template = Template::parse("<a b='[tag:Campaign:Name]' c=\"[tag:Campaign:Name]\"><d>x[tag:Campaign:Name]y</d></a>");
        let text = template.render(Place::Xml, &about(&value));
        let read = Answer::read(200, &[], text.as_bytes()).unwrap();
        prop_assert_eq!(read.format, Format::Xml);
        // What XML cannot hold is left out; everything else arrives as it was.
        let sent: String = value.chars().filter(|sign| matches!(sign, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'..)).collect();
        prop_assert_eq!(read.tree["@b"].as_str().unwrap_or_default(), &sent);
        prop_assert_eq!(read.tree["@c"].as_str().unwrap_or_default(), &sent);
        prop_assert_eq!(read.tree["d"].as_str().unwrap(), format!("x{sent}y"));
        prop_assert_eq!(read.tree.as_object().unwrap().len(), 3);
    }

    #[test]
    fn no_value_leaves_its_place_in_a_url(value in any::<String>()) {
        let template = Template::parse("https://bidder.example.com/p/[tag:Campaign:Name]?a=[tag:Campaign:Name]&b=1#f");
        let url = url::Url::parse(&template.render(Place::Url, &about(&value))).unwrap();
        prop_assert_eq!(url.host_str(), Some("bidder.example.com"));
        prop_assert_eq!(url.fragment(), Some("f"));
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        prop_assert_eq!(pairs, [("a".to_owned(), value), ("b".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn no_value_leaves_its_place_in_a_form(value in any::<String>()) {
        let body = Template::parse("a=[tag:Campaign:Name]&b=1").render(Place::Form, &about(&value));
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        prop_assert_eq!(pairs, [("a".to_owned(), value), ("b".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn every_value_can_be_sent_in_a_header(value in any::<String>()) {
        let header = Template::parse("x[tag:Campaign:Name]y").render(Place::Header, &about(&value));
        prop_assert!(header.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{header:?}");
    }

    #[test]
    fn values_are_not_read_for_tokens_again(place in prop::sample::select(vec![Place::Json, Place::Url, Place::Form, Place::Xml, Place::Header, Place::Text])) {
        for value in ["[tag:Campaign:Name]", "{campaignName}", "[tag:User:v|'SECRET']", "]SECRET["] {
            let mut facts = about(value);
            facts.campaign.name = Some("SECRET".to_owned());
            let text = Template::parse("[tag:User:v]").render(place, &facts);
            prop_assert!(value.contains("SECRET") || !text.contains("SECRET"), "{text}");
            prop_assert_eq!(Template::parse(&text).render(place, &facts).is_empty(), false);
        }
    }

    #[test]
    fn any_text_is_a_template(text in any::<String>()) {
        let template = Template::parse(&text);
        if !template.has_tokens() {
            prop_assert_eq!(template.render(Place::Json, &Facts::default()), text);
        }
    }
}
