//! How a bidder is asked: method, address, headers and body, as templates.

use serde::{Deserialize, Serialize};

use crate::tokens::{Facts, Place, Template};
use crate::validate::Problems;

/// Longest address, bytes.
const MAX_URL: usize = 2_000;
/// Longest body, bytes.
const MAX_BODY: usize = 16_384;
/// Most headers.
const MAX_HEADERS: usize = 20;
/// Longest header value, bytes.
const MAX_HEADER: usize = 2_000;
/// Headers that are the connection's.
const NOT_YOURS: [&str; 7] =
    ["host", "content-length", "transfer-encoding", "connection", "accept-encoding", "expect", "upgrade"];

/// HTTP methods by which bidders are asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(as = RequestMethod)]
pub enum Method {
    /// Everything stands in the address; there is no body.
    Get,
    /// The usual one.
    #[default]
    Post,
    /// As POST.
    Put,
    /// As POST.
    Patch,
}

impl Method {
    /// As HTTP writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
        }
    }
}

/// What a body is written in, which says how values are escaped in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RequestContentType)]
pub enum ContentType {
    /// `application/json`.
    #[default]
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `application/xml`.
    Xml,
    /// `text/plain`.
    Text,
}

impl ContentType {
    /// The header's value.
    pub const fn header(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Form => "application/x-www-form-urlencoded",
            Self::Xml => "application/xml",
            Self::Text => "text/plain; charset=utf-8",
        }
    }

    /// What is wanted in return.
    pub const fn accept(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Xml => "application/xml",
            Self::Form | Self::Text => "*/*",
        }
    }

    const fn place(self) -> Place {
        match self {
            Self::Json => Place::Json,
            Self::Form => Place::Form,
            Self::Xml => Place::Xml,
            Self::Text => Place::Text,
        }
    }

    /// Whether a body with its tokens filled has the syntax it says it has; else what is wrong.
    fn holds(self, body: &str) -> Result<(), &'static str> {
        match self {
            Self::Json => match serde_json::from_str::<serde_json::Value>(body) {
                Ok(_) => Ok(()),
                Err(_) => Err("with its tokens filled the body must be JSON; put tokens inside quotes"),
            },
            Self::Xml => {
                let read = script::answer::Answer::read(200, &[], body.as_bytes());
                match read.is_ok_and(|read| read.format == script::answer::Format::Xml) {
                    true => Ok(()),
                    false => Err("with its tokens filled the body must be XML: one element, each one closed"),
                }
            }
            Self::Form => {
                let sound = body.split('&').all(|pair| {
                    pair.split_once('=').is_some_and(|(name, value)| {
                        !name.is_empty() && !pair.contains(char::is_whitespace) && !value.contains('=')
                    })
                });
                match sound {
                    true => Ok(()),
                    false => Err("a form is name=value&name=value without blanks"),
                }
            }
            Self::Text => Ok(()),
        }
    }
}

/// What one bidder is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BidRequest {
    /// How.
    pub method: Method,
    /// Where to, absolute.
    pub url: String,
    /// All headers.
    pub headers: Vec<(String, String)>,
    /// The body; empty for GET.
    pub body: String,
}

impl BidRequest {
    /// Sets a header in the place of all of that name.
    pub fn set_header(&mut self, name: &str, value: String) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value));
    }
}

/// A request before its tokens are filled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form<'a> {
    pub method: Method,
    pub url: &'a str,
    pub content_type: ContentType,
    pub headers: &'a [(String, String)],
    pub body: &'a str,
}

/// A request whose templates have been read: what does not change from call to call.
#[derive(Debug, Clone)]
pub struct PreparedRequest {
    method: Method,
    url: Template,
    headers: Vec<(String, Template)>,
    body: Template,
    body_place: Place,
}

impl PreparedRequest {
    /// Fills its tokens.
    pub fn fill(&self, facts: &Facts) -> BidRequest {
        let header = |(name, value): &(String, Template)| (name.clone(), value.render(Place::Header, facts));
        BidRequest {
            method: self.method,
            url: self.url.render(Place::Url, facts),
            headers: self.headers.iter().map(header).collect(),
            body: self.body.render(self.body_place, facts),
        }
    }
}

impl Form<'_> {
    /// Fills it in.
    pub fn fill(&self, facts: &Facts) -> BidRequest {
        self.prepared().fill(facts)
    }

    /// Reads its templates. Our own headers come first; the tenant's replace them.
    pub fn prepared(&self) -> PreparedRequest {
        let sends_body = self.method != Method::Get;
        let content_type = sends_body.then(|| ("content-type", self.content_type.header()));
        let own = [("accept", self.content_type.accept()), ("user-agent", "CallCenterPro/1")];
        let tenants = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut headers: Vec<(String, Template)> = Vec::new();
        for (name, value) in content_type.into_iter().chain(own).chain(tenants) {
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            headers.push((name.to_owned(), Template::parse(value)));
        }
        PreparedRequest {
            method: self.method,
            url: Template::parse(self.url),
            headers,
            body: Template::parse(if sends_body { self.body } else { "" }),
            body_place: self.content_type.place(),
        }
    }

    /// The tokens of it all for which these facts have no value.
    pub fn unresolved(&self, facts: &Facts) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let texts =
            [self.url, self.body].into_iter().chain(self.headers.iter().map(|(_, value)| value.as_str()));
        for token in texts.flat_map(|text| Template::parse(text).unresolved(facts)) {
            if !all.contains(&token) {
                all.push(token);
            }
        }
        all
    }

    /// Rules for saving; `at` comes before the names of the fields.
    pub fn check(&self, at: &str, problems: &mut Problems) {
        self.check_url(&format!("{at}url"), problems);
        self.check_body(&format!("{at}body"), problems);
        problems.at_most(&format!("{at}headers"), self.headers.len(), MAX_HEADERS);
        for (index, (name, value)) in self.headers.iter().enumerate() {
            let field = format!("{at}headers[{index}]");
            check_header_name(&field, name, problems);
            let sound =
                value.len() <= MAX_HEADER && value.chars().all(|sign| sign == ' ' || sign.is_ascii_graphic());
            if !sound {
                problems.add(
                    field.as_str(),
                    "header",
                    "a header value has at most 2,000 letters, digits and signs of ASCII",
                );
            }
            check_tokens(&field, &Template::parse(value), problems);
        }
    }

    fn check_url(&self, field: &str, problems: &mut Problems) {
        let template = Template::parse(self.url);
        let address = template.probe(Place::Url, "");
        let sound = url::Url::parse(&address).is_ok_and(|url| {
            matches!(url.scheme(), "https" | "http") && url.username().is_empty() && url.password().is_none()
        });
        if !sound || self.url.len() > MAX_URL {
            problems.add(field, "url", "an https address of at most 2,000 characters, without user name");
        }
        // Whatever a token becomes, the request goes to the host that was judged when this was saved.
        let host = |address: &str| {
            url::Url::parse(address).ok().map(|url| (url.host_str().map(str::to_owned), url.port()))
        };
        if sound && host(&address) != host(&template.probe(Place::Url, "x")) {
            problems.add(field, "token_place", "tokens stand in the path or the query, not in the host");
        }
        check_tokens(field, &template, problems);
    }

    fn check_body(&self, field: &str, problems: &mut Problems) {
        if self.method == Method::Get {
            if !self.body.is_empty() {
                let words = "a GET request has no body: leave it empty, and put tokens into the address";
                problems.add(field, "method", words);
            }
            return;
        }
        problems.at_most(field, self.body.len(), MAX_BODY);
        let template = Template::parse(self.body);
        check_tokens(field, &template, problems);
        let rule = match self.content_type {
            ContentType::Json => "json",
            ContentType::Xml => "xml",
            ContentType::Form => "form",
            ContentType::Text => "text",
        };
        // Nothing and a word: a token that stands where only one of them fits would break the first request that has the other.
        let broken = ["", "x"].into_iter().find_map(|value| {
            let filled = template.probe(self.content_type.place(), value);
            self.content_type.holds(&filled).err()
        });
        if let Some(words) = broken {
            problems.add(field, rule, words);
        }
    }
}

/// A header that a tenant may set.
pub(super) fn check_header_name(field: &str, name: &str, problems: &mut Problems) {
    let sound =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !sound || NOT_YOURS.contains(&name.to_ascii_lowercase().as_str()) {
        problems.add(field, "header", format!("'{name}' is not a header you can set"));
    }
}

fn check_tokens(field: &str, template: &Template, problems: &mut Problems) {
    for token in template.unknown() {
        problems.add(field, "unknown_token", token.text());
    }
}
