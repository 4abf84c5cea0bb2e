//! Tokens in templates: `[tag:InboundNumber:State]`, `[Call:InboundCallId]`, with alternatives `[a|b]`.
//!
//! Values are escaped for the place they stand in and are never read for tokens again. What cannot be filled is empty;
//! what is not a token at all (a JSON list, say) stays as it is.

use crate::ids::{CallId, CampaignId, PublisherId};

/// What templates can say about a call.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The call.
    pub call: Option<CallId>,
    /// The campaign.
    pub campaign: Option<CampaignId>,
    /// Its name.
    pub campaign_name: String,
    /// Who sent the call.
    pub publisher: Option<PublisherId>,
    /// The caller's number as far as the reader may see it, with `+` when it is whole.
    pub caller: Option<String>,
    /// Two-letter state.
    pub state: Option<String>,
    /// ZIP code.
    pub zip: Option<String>,
    /// The dialled number.
    pub dialled: Option<String>,
}

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Text(String),
    /// The alternatives as written; the first that is not empty counts.
    Token(Vec<String>),
}

/// A token that we can fill, in lower case.
type Filler = (&'static str, fn(&Facts) -> Option<String>);

const CATALOGUE: &[Filler] = &[
    ("call:inboundcallid", |facts| facts.call.map(|id| id.to_string())),
    ("call:inboundphonenumber", |facts| facts.caller.clone()),
    ("call:callerid", |facts| facts.caller.clone()),
    ("tag:inboundnumber:number", |facts| facts.caller.clone()),
    ("tag:inboundnumber:numbere164", |facts| facts.caller.clone()),
    ("tag:inboundnumber:number-noplus", |facts| {
        facts.caller.as_ref().map(|caller| caller.trim_start_matches('+').to_owned())
    }),
    ("tag:inboundnumber:areacode", |facts| nanp_part(facts, 0..3)),
    ("tag:inboundnumber:state", |facts| facts.state.clone()),
    ("tag:geo:subdivisioncode", |facts| facts.state.clone()),
    ("tag:geo:zipcode", |facts| facts.zip.clone()),
    ("tag:campaign:id", |facts| facts.campaign.map(|id| id.to_string())),
    ("tag:campaign:name", |facts| Some(facts.campaign_name.clone())),
    ("tag:publisher:id", |facts| facts.publisher.map(|id| id.to_string())),
    ("tag:dialednumber:number", |facts| facts.dialled.clone()),
];

fn nanp_part(facts: &Facts, part: std::ops::Range<usize>) -> Option<String> {
    let national = facts.caller.as_ref()?.strip_prefix("+1")?;
    (national.len() == 10).then(|| national.get(part).map(str::to_owned)).flatten()
}

impl Template {
    /// Reads a template; every text is one.
    pub fn parse(text: &str) -> Self {
        let mut segments = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(open) = rest.find('[') {
            let (before, from_bracket) = rest.split_at(open);
            plain.push_str(before);
            match token_at(from_bracket) {
                Some((alternatives, length)) => {
                    if !plain.is_empty() {
                        segments.push(Segment::Text(std::mem::take(&mut plain)));
                    }
                    segments.push(Segment::Token(alternatives));
                    rest = &from_bracket[length..];
                }
                None => {
                    plain.push('[');
                    rest = &from_bracket[1..];
                }
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            segments.push(Segment::Text(plain));
        }
        Self(segments)
    }

    /// Tokens that are not in the catalogue. `tag:User:…` is always known: it holds what a visit brought along.
    pub fn unknown(&self) -> Vec<String> {
        let mut unknown = Vec::new();
        for segment in &self.0 {
            let Segment::Token(alternatives) = segment else { continue };
            let strangers = alternatives.iter().filter(|token| {
                let token = token.to_ascii_lowercase();
                !token.starts_with("tag:user:") && !CATALOGUE.iter().any(|(name, _)| *name == token)
            });
            unknown.extend(strangers.map(|token| format!("[{token}]")));
        }
        unknown
    }

    /// Fills the tokens for a place inside a JSON string.
    pub fn render_json(&self, facts: &Facts) -> String {
        self.render(facts, escape_json)
    }

    /// Fills the tokens for a header value: control characters are dropped.
    pub fn render_header(&self, facts: &Facts) -> String {
        self.render(facts, |value, out| out.extend(value.chars().filter(|character| !character.is_control())))
    }

    /// Fills the tokens for a part of a URL: everything but unreserved characters is percent-encoded.
    pub fn render_url(&self, facts: &Facts) -> String {
        self.render(facts, escape_url)
    }

    fn render(&self, facts: &Facts, escape: fn(&str, &mut String)) -> String {
        let mut out = String::new();
        for segment in &self.0 {
            match segment {
                Segment::Text(text) => out.push_str(text),
                Segment::Token(alternatives) => {
                    let value = alternatives.iter().find_map(|token| fill(token, facts));
                    escape(&value.unwrap_or_default(), &mut out);
                }
            }
        }
        out
    }
}

fn token_at(text: &str) -> Option<(Vec<String>, usize)> {
    let close = text.find(']')?;
    let inside = text.get(1..close)?;
    let alternatives: Vec<&str> = inside.split('|').map(str::trim).collect();
    let looks_right = |token: &&str| {
        let token = token.to_ascii_lowercase();
        token.len() <= 128
            && (token.starts_with("tag:") || token.starts_with("call:"))
            && token.chars().all(|character| character.is_alphanumeric() || " :_-.".contains(character))
    };
    let all_right = !inside.is_empty() && alternatives.iter().all(looks_right);
    all_right.then(|| (alternatives.into_iter().map(str::to_owned).collect(), close + 1))
}

fn fill(token: &str, facts: &Facts) -> Option<String> {
    let token = token.to_ascii_lowercase();
    let (_, filler) = CATALOGUE.iter().find(|(name, _)| *name == token)?;
    filler(facts).filter(|value| !value.is_empty())
}

fn escape_json(value: &str, out: &mut String) {
    let quoted = serde_json::Value::String(value.to_owned()).to_string();
    out.push_str(&quoted[1..quoted.len() - 1]);
}

fn escape_url(value: &str, out: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}
