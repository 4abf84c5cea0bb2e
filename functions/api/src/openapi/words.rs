//! The document's words that belong to no single operation.

use contract::problem::Code;

/// What holds for every operation.
pub const INTRODUCTION: &str = "\
Set up campaigns, publish them, and read the calls they take.

**Signing in.** Programs send an API key: `Authorization: Bearer ccp_live_…`. People sign in and are known by a cookie; a \
change with a cookie also needs the header `x-ccp-request` and comes from the dashboard's own pages. Everything belongs to \
the account of the credential: what another account has does not exist here (404).

**Refusals** are problem documents (RFC 9457, `application/problem+json`). Decide by `code`, show `detail`, and quote \
`request_id` to support. `fields` names each broken rule with its field.

**Money** is a whole number of micro-units, a millionth of the currency's main unit: 12.50 USD is `12500000`. The currency \
stands beside it or on the thing it belongs to.

**Times** are RFC 3339 in UTC; days are UTC days; durations name their unit (`_s`, `_ms`). **Ids** are text: a prefix that \
names the noun, and 32 hexadecimal digits.

**Lists** are pages: `items` and, when there is more, `next`, to be given back as `cursor` with the same other parameters.

**Changes** are merge patches (RFC 7396) and name the `version` that they were made from.

**Once.** A POST that takes the header `Idempotency-Key` is done once with it, however often it is sent.

**Limits.** A minute has a limited number of requests for each credential (`x-ratelimit-*`; 429 with `retry-after`). A body \
has at most 256 KB and 32 levels, a query at most 8 KB and 50 parameters, all headers together at most 16 KB. A parameter \
or field that does not exist is refused, not ignored.";

/// First segments after `/api`, the group's name, and what is in it; in the order of the page.
pub const TAGS: &[(&[&str], &str, &str)] = &[
    (&["auth"], "Signing in", "Sign up, sign in, and come back after a forgotten password."),
    (&["me"], "Myself", "One's own name, password, e-mail address, sign-ins and second factor."),
    (&["account"], "Account", "The account's settings."),
    (&["users", "invitations"], "Users", "Who signs in to the account, and as what."),
    (&["api-keys"], "API keys", "Credentials for programs."),
    (&["campaigns"], "Campaigns", "Where phone numbers, routing and money meet."),
    (
        &["targets", "target-groups", "agents"],
        "Targets",
        "Destinations that somebody answers, and the people who do.",
    ),
    (&["pings"], "Pings", "What publishers asked, and what they were answered."),
    (
        &["rtb-targets", "ring-trees", "rtb"],
        "Bidders",
        "Destinations that bid for a call while the caller waits.",
    ),
    (&["publishers"], "Publishers", "Who sends calls, and what they earn."),
    (&["buyers"], "Buyers", "Who pays for calls."),
    (
        &["numbers", "number-pools"],
        "Phone numbers",
        "The account's phone numbers, their pools, and which campaign answers each.",
    ),
    (
        &["tracking-tags", "url-parameters"],
        "Number insertion",
        "What shows visitors of a page a phone number of their own, and what is kept of them.",
    ),
    (&["twilio-accounts"], "Twilio accounts", "The Twilio accounts that own the phone numbers."),
    (&["blocked-numbers"], "Blocked numbers", "Callers that are refused."),
    (&["usage"], "Usage", "How much of their caps things have used."),
    (&["incoming-webhooks"], "Incoming webhooks", "Addresses by which your systems report conversions."),
    (&["adjustments", "ledger"], "Money", "Corrections of calls' money, and what is owed by and to whom."),
    (&["visits"], "Visits", "Browser sessions that tracking tags have seen, and who is shown a number now."),
    (&["calls"], "Calls", "What happened: calls, their events, decisions, auctions and books."),
    (&["audit-log"], "Audit log", "Who changed what, and when."),
    (&["privacy"], "Privacy", "Forgetting a caller."),
    (
        &["health", "openapi.json", "docs"],
        "About the API",
        "Whether it is there, and what it says of itself.",
    ),
];

/// The words of the example of a broken rule.
pub const CAP: &str = "a cap is at least 1; pause the destination to stop its calls";

/// What an example of the refusal says.
pub fn detail(code: Code) -> String {
    match code {
        Code::Invalid => format!("caps.daily: {CAP}"),
        Code::InUse => {
            "used by campaign Roofing, New York (CA019abc0de1f27a3b8c4d5e6f70819203): take it out there first"
                .to_owned()
        }
        Code::CarrierAway => crate::refusal::CARRIER_AWAY.to_owned(),
        Code::NotFound => "this account has nothing with this id".to_owned(),
        Code::RateLimited => "more than 100 requests in a minute: go on in 45 seconds".to_owned(),
        other => other.title().to_lowercase(),
    }
}
