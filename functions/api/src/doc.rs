//! What an operation says of itself, given where its route is registered.
//!
//! A [`Doc`] holds only what the frame cannot know: words, shapes, examples, and the refusals of its own. Who may use it,
//! the refusals of every route, headers and security come from the route itself ([`crate::openapi`]). What must stay true:
//! a `Doc` is made only when the document is written or tested, never while a request is answered.

use contract::problem::Code;
use contract::query::Parameter;
use serde_json::Value;

use crate::shape::Shape;

/// One operation.
#[derive(Debug, Clone)]
pub struct Doc {
    pub(crate) id: String,
    pub(crate) summary: String,
    pub(crate) about: String,
    pub(crate) segments: Vec<Segment>,
    pub(crate) query: &'static [Parameter],
    pub(crate) body: Option<Said>,
    pub(crate) status: u16,
    pub(crate) answer: Option<Said>,
    pub(crate) media_type: &'static str,
    pub(crate) located: bool,
    pub(crate) other: Option<(u16, Said)>,
    pub(crate) codes: Vec<Code>,
}

/// A variable segment of the path.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Its name between the braces.
    pub name: &'static str,
    /// What it is.
    pub shape: Shape,
}

/// A shape with an example of it.
#[derive(Debug, Clone)]
pub struct Said {
    /// The shape.
    pub shape: Shape,
    /// The example.
    pub example: Value,
}

impl Doc {
    /// An operation: its stable name for generated clients (`create_campaign`), and what it does in a few words.
    pub fn new(id: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            summary: summary.into(),
            about: String::new(),
            segments: Vec::new(),
            query: &[],
            body: None,
            status: 204,
            answer: None,
            media_type: "application/json",
            located: false,
            other: None,
            codes: Vec::new(),
        }
    }

    /// What a person needs to know before using it; `code` stands in backticks.
    #[must_use]
    pub fn about(mut self, words: impl Into<String>) -> Self {
        self.about = words.into();
        self
    }

    /// What stands in `{name}` of the path.
    #[must_use]
    pub fn segment(mut self, name: &'static str, shape: Shape) -> Self {
        self.segments.push(Segment { name, shape });
        self
    }

    /// What stands in `{id}`.
    #[must_use]
    pub fn of(self, id: Shape) -> Self {
        self.segment("id", id)
    }

    /// Its query parameters: the list that the reader of the query uses.
    #[must_use]
    pub fn query(mut self, parameters: &'static [Parameter]) -> Self {
        self.query = parameters;
        self
    }

    /// The body it takes. Tests send the example to see that it is taken, ids replaced by ones that exist.
    #[must_use]
    pub fn body(mut self, shape: Shape, example: Value) -> Self {
        self.body = Some(Said { shape, example });
        self
    }

    /// What it answers when all is well. Without this: 204, nothing.
    #[must_use]
    pub fn answers(mut self, status: u16, shape: Shape, example: Value) -> Self {
        self.status = status;
        self.answer = Some(Said { shape, example });
        self
    }

    /// Another success, for when there is more, or less, to say.
    #[must_use]
    pub fn or(mut self, status: u16, shape: Shape, example: Value) -> Self {
        self.other = Some((status, Said { shape, example }));
        self
    }

    /// Answers something that is no JSON.
    #[must_use]
    pub fn as_media(mut self, media_type: &'static str) -> Self {
        self.media_type = media_type;
        self
    }

    /// The answer's header `Location` names what was made.
    #[must_use]
    pub fn located(mut self) -> Self {
        self.located = true;
        self
    }

    /// Refusals of its own, beside those that its route has by itself.
    #[must_use]
    pub fn refuses(mut self, codes: &[Code]) -> Self {
        self.codes.extend_from_slice(codes);
        self
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The variable segments of its path.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// An example of the body it takes.
    pub fn body_example(&self) -> Option<&Value> {
        self.body.as_ref().map(|said| &said.example)
    }

    /// The status of its success.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The query parameters that it reads.
    pub fn parameters(&self) -> &'static [Parameter] {
        self.query
    }

    /// Whether it reads query parameters.
    pub fn takes_query(&self) -> bool {
        !self.query.is_empty()
    }
}
