//! SIP addresses as publishers' systems write them, and who may be let in.

use domain::inbound::{bid_of_address, caller_of_address, is_sip};
use domain::phone::Called;
use domain::sip::{IpBlock, IpBlockError, is_user_name};

const ID: &str = "RTB0123456789abcdef0123456789abcdef";

#[test]
fn the_bid_is_read_from_the_address_that_was_called() {
    let written = [
        format!("sip:{ID}@ccp-1.sip.twilio.com"),
        format!("SIP:{}@ccp-1.sip.twilio.com", ID.to_ascii_lowercase()),
        format!("sips:{}@CCP-1.sip.twilio.com:5061;transport=tls", ID.to_ascii_uppercase()),
    ];
    for address in written {
        assert!(is_sip(&address), "{address}");
        assert_eq!(bid_of_address(&address).map(|id| id.to_string()).as_deref(), Some(ID), "{address}");
    }
    for none in
        ["", "+14155550100", "sip:", "sip:@x", "sip:sales@x", "sip:RTB1@x", &format!("tel:{ID}@x"), ID]
    {
        assert_eq!(bid_of_address(none), None, "{none}");
    }
}

#[test]
fn a_caller_is_known_by_the_number_in_their_own_address() {
    for from in [
        "sip:+14155550100@sip.publisher.example",
        "sip:%2B14155550100@198.51.100.7:5060",
        "sip:14155550100@publisher.example;user=phone",
        "sip:4155550100@publisher.example",
        "sips:+1-415-555-0100@publisher.example",
        "sip:+14155550100;phone-context=example.com@publisher.example",
    ] {
        let number = caller_of_address(from);
        assert_eq!(number.as_ref().map(|number| number.as_str()), Some("+14155550100"), "{from}");
    }
    for from in ["anonymous", "sip:anonymous@anonymous.invalid", "sip:sales@x", "sip:123@x", "sip:@x", ""] {
        assert_eq!(caller_of_address(from), None, "{from}");
    }
}

#[test]
fn what_was_called_is_written_as_it_is() {
    for text in ["+18335550100".to_owned(), format!("sip:{ID}@ccp-1.sip.twilio.com")] {
        let called: Called = serde_json::from_value(text.clone().into()).unwrap();
        assert_eq!(serde_json::to_value(&called).unwrap(), text);
        assert_eq!(called.number().is_some(), text.starts_with('+'));
    }
    assert!("sales".parse::<Called>().is_err());
}

#[test]
fn only_public_blocks_that_are_not_too_wide_are_let_in() {
    for (text, shown) in [
        ("54.172.60.1", "54.172.60.1"),
        ("54.172.60.1/32", "54.172.60.1"),
        ("54.172.60.0/30", "54.172.60.0/30"),
        ("168.86.0.0/16", "168.86.0.0/16"),
        ("172.32.0.0/16", "172.32.0.0/16"),
    ] {
        assert_eq!(text.parse::<IpBlock>().map(|block| block.to_string()), Ok(shown.to_owned()), "{text}");
    }
    for (text, error) in [
        ("54.172.60.1/30", IpBlockError::Middle),
        ("54.160.0.0/11", IpBlockError::TooWide),
        ("0.0.0.0/0", IpBlockError::Form),
        ("10.1.2.3", IpBlockError::NotPublic),
        ("172.31.0.0/16", IpBlockError::NotPublic),
        ("100.64.1.1", IpBlockError::NotPublic),
        ("169.254.169.254", IpBlockError::NotPublic),
        ("127.0.0.1", IpBlockError::NotPublic),
        ("198.51.100.7", IpBlockError::NotPublic),
        ("198.51.0.0/16", IpBlockError::NotPublic),
        ("224.0.0.1", IpBlockError::NotPublic),
        ("255.255.255.255", IpBlockError::NotPublic),
        ("54.172.60.1/33", IpBlockError::Form),
        ("54.172.60.1/+32", IpBlockError::Form),
        ("54.172.60.1/032", IpBlockError::Form),
        ("054.172.60.1", IpBlockError::Form),
        ("54.172.60", IpBlockError::Form),
        ("::1", IpBlockError::Form),
        ("", IpBlockError::Form),
    ] {
        assert_eq!(text.parse::<IpBlock>(), Err(error), "{text}");
    }
}

#[test]
fn a_user_name_is_plain() {
    assert!(is_user_name("Publisher-A_1.x") && is_user_name(&"a".repeat(32)));
    for name in ["", "a b", "a@b", "ä", &"a".repeat(33)] {
        assert!(!is_user_name(name), "{name}");
    }
}
