//! Ready-made settings for the platforms that bidders use: where they are asked, with what, and how they answer.
//!
//! A profile fills a form; what is saved are the settings, so a profile that changes later changes no bidder. In capitals stands
//! what only the tenant knows. The field names are those of the platforms' own documents.

use serde::Serialize;
use serde_json::{Value, json};

/// Settings for one platform.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = RtbProfile)]
pub struct Profile {
    /// Its name: `ringba`, `retreaver`, `trackdrive`, `generic_json` or `generic_xml`.
    pub profile: &'static str,
    /// What it is for, and what is left to fill in.
    pub about: &'static str,
    /// An RTB target, as it is posted.
    #[schema(value_type = crate::rtb_target::RtbTarget)]
    pub settings: Value,
}

/// All of them.
pub fn all() -> Vec<Profile> {
    vec![ringba(), retreaver(), trackdrive(), generic_json(), generic_xml()]
}

/// One by its name.
pub fn find(name: &str) -> Option<Profile> {
    all().into_iter().find(|profile| profile.profile == name)
}

fn ringba() -> Profile {
    Profile {
        profile: "ringba",
        about: "Ringba's RTB. Put the RTB id of the publisher into the address. Ringba bids on the caller's number: bids \
                without it are not guaranteed, so the number is sent whole.",
        settings: json!({
            "name": "Ringba",
            "method": "POST",
            "url": "https://rtb.ringba.com/v1/production/YOUR-RTB-ID.json",
            "content_type": "json",
            "body": r#"{"CID":"[tag:InboundNumber:Number-NoPlus]","zipcode":"[tag:User:zip|tag:Geo:ZipCode]","State":"[tag:InboundNumber:State]","SubID":"[tag:Publisher:SubId]","publisherInboundCallId":"[Call:InboundCallId]","sipOk":"yes"}"#,
            "caller_id_exposure": "full",
            "answer": {
                // No flag says yes: an amount above 0 without a reject reason does.
                "acceptance": [{"json_path": "$.bidAmount"}],
                "amount": [{"json_path": "$.bidAmount"}],
                "destination": [
                    {"json_path": "$.sipAddress"},
                    {"json_path": "$.phoneNumber"},
                    {"json_path": "$.phoneNumberNoPlus"},
                ],
                "call_length": [
                    {"json_path": "$.bidTerms[?@.code == 100].callMinDuration"},
                    {"json_path": "$.bidTerms[0].callMinDuration"},
                ],
                "bid_id": [{"json_path": "$.bidId"}],
            },
        }),
    }
}

fn retreaver() -> Profile {
    Profile {
        profile: "retreaver",
        about: "Retreaver's RTB: a reservation, confirmed when its bid has won. Put in your key and publisher id.",
        settings: json!({
            "name": "Retreaver",
            "method": "POST",
            "url": "https://rtb.retreaver.com/rtbs.json",
            "content_type": "json",
            "body": r#"{"key":"YOUR-KEY","publisher_id":"YOUR-PUBLISHER-ID","caller_number":"[tag:InboundNumber:Number]","tags":{"caller_zip":"[tag:User:zip|tag:Geo:ZipCode]","caller_state":"[tag:InboundNumber:State]"}}"#,
            "caller_id_exposure": "full",
            "answer": {
                // Newer answers stand inside "rtb", older ones do not.
                "acceptance": [
                    {"expression": "contains('|reserved|confirmed|', '|' + coalesce(answer.rtb.status, answer.status) + '|')"},
                ],
                "amount": [
                    {"json_path": "$.rtb.bid"}, {"json_path": "$.bid"},
                    {"json_path": "$.rtb.price"}, {"json_path": "$.price"},
                ],
                "destination": [
                    {"expression": "coalesce(answer.rtb.sip, answer.sip, answer.rtb.sip_address, answer.sip_address)"},
                    {"json_path": "$.rtb.number"}, {"json_path": "$.number"},
                    {"json_path": "$.rtb.inbound_number"}, {"json_path": "$.inbound_number"},
                    // Calls by SIP must be agreed with them, so a number goes first.
                    {"expression": "coalesce(answer.rtb.number, answer.number, answer.rtb.inbound_number, answer.inbound_number) \
                                    == null ? coalesce(answer.rtb.uuid, answer.uuid) + '@sip.rtb.retreaver.com' : null"},
                ],
                "call_length": [{"json_path": "$.rtb.timer"}, {"json_path": "$.timer"}],
                "bid_id": [{"json_path": "$.rtb.uuid"}, {"json_path": "$.uuid"}],
            },
            "confirmation": {
                "method": "PUT",
                "url": "https://rtb.retreaver.com/rtbs/[tag:Bid:Id].json",
                "content_type": "json",
                "body": r#"{"key":"YOUR-KEY","status":"confirmed"}"#,
                "acceptance": [{"expression": "coalesce(answer.rtb.status, answer.status) == 'confirmed'"}],
            },
        }),
    }
}

fn trackdrive() -> Profile {
    Profile {
        profile: "trackdrive",
        about: "TrackDrive's ping and post. Put in your account's name, both addresses' last part, your number and traffic \
                source; calls go to your TrackDrive number, which is the destination.",
        settings: json!({
            "name": "TrackDrive",
            "method": "POST",
            "url": "https://YOUR-ACCOUNT.trackdrive.com/api/v1/inbound_webhooks/ping/YOUR-URI",
            "content_type": "json",
            "body": r#"{"trackdrive_number":"YOUR-NUMBER","traffic_source_id":"YOUR-SOURCE","caller_id":"[tag:InboundNumber:Number]","zip":"[tag:User:zip|tag:Geo:ZipCode]"}"#,
            "caller_id_exposure": "full",
            "destination": {"number": "+12025550123"},
            "answer": {
                "acceptance": [{"expression": "length(json.buyers) > 0 && number(text(json.buyers[0].bid)) > 0"}],
                "amount": [{"json_path": "$.buyers[0].bid"}],
                "bid_id": [{"json_path": "$.buyers[0].ping_id"}, {"json_path": "$.try_all_buyers_ping_id"}],
            },
            "confirmation": {
                "method": "POST",
                "url": "https://YOUR-ACCOUNT.trackdrive.com/api/v1/inbound_webhooks/post/YOUR-URI",
                "content_type": "json",
                "body": r#"{"ping_id":"[tag:Bid:Id]","caller_id":"[tag:InboundNumber:Number]"}"#,
                "acceptance": [{"expression": "json.success"}],
            },
        }),
    }
}

fn generic_json() -> Profile {
    Profile {
        profile: "generic_json",
        about: "Any bidder that takes JSON and answers with the usual field names.",
        settings: json!({
            "name": "Bidder that speaks JSON",
            "method": "POST",
            "url": "https://BIDDER.example.com/ping",
            "content_type": "json",
            "body": r#"{"requestId":"[Call:InboundCallId]","campaignId":"[tag:Campaign:Id]","callerId":"[tag:InboundNumber:Number]","state":"[tag:InboundNumber:State]","zip":"[tag:User:zip|tag:Geo:ZipCode]","minBid":"[tag:Bid:Min]","currency":"[tag:Bid:Currency]"}"#,
            "answer": {
                "acceptance": [{"json_path": "$.accepted"}, {"json_path": "$.accept"}],
                "amount": [{"json_path": "$.bidAmount"}, {"json_path": "$.price"}, {"json_path": "$.bid"}],
                "destination": [
                    {"json_path": "$.sipAddress"},
                    {"json_path": "$.destinationNumber"},
                    {"json_path": "$.phoneNumber"},
                ],
                "call_length": [
                    {"json_path": "$.requiredDuration"},
                    {"json_path": "$.duration"},
                    {"json_path": "$.bidTerms[0].callMinDuration"},
                ],
                "currency": [{"json_path": "$.bidCurrency"}, {"json_path": "$.currency"}],
                "bid_id": [{"json_path": "$.bidId"}],
            },
        }),
    }
}

fn generic_xml() -> Profile {
    Profile {
        profile: "generic_xml",
        about: "Any bidder that takes XML and answers as Ringba-class platforms do; the root element may have any name.",
        settings: json!({
            "name": "Bidder that speaks XML",
            "method": "POST",
            "url": "https://BIDDER.example.com/ping.xml",
            "content_type": "xml",
            "body": "<bid_request><CID>[tag:InboundNumber:Number-NoPlus]</CID><State>[tag:InboundNumber:State]</State>\
                     <zipcode>[tag:User:zip|tag:Geo:ZipCode]</zipcode><sipOk>yes</sipOk></bid_request>",
            "answer": {
                "acceptance": [{"json_path": "$.Accepted"}, {"json_path": "$.BidAmount"}],
                "amount": [{"json_path": "$.BidAmount"}, {"json_path": "$.Price"}],
                "destination": [{"json_path": "$.SIPAddress"}, {"json_path": "$.PhoneNumber"}],
                "call_length": [{"json_path": "$.RequiredDuration"}, {"json_path": "$.BidTerms.BidTerm.CallMinDuration"}],
                "currency": [{"json_path": "$.Currency"}],
                "bid_id": [{"json_path": "$.BidID"}],
            },
        }),
    }
}
