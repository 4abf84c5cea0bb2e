//! Which function a request is for, by the rules of an HTTP API: the most specific path wins.

use std::collections::BTreeMap;

use crate::template::{Event, Template};

/// The routes of all functions.
#[derive(Debug, Clone)]
pub struct Routes(Vec<Route>);

#[derive(Debug, Clone)]
struct Route {
    function: String,
    method: String,
    path: String,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    /// Must be equal.
    Word(String),
    /// Any one segment.
    One(String),
    /// Everything that is left, at least one segment.
    Rest(String),
}

/// A request's function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'a> {
    /// Logical id.
    pub function: &'a str,
    /// `POST /a/{b}`, as the template has it.
    pub route_key: String,
    /// Values of the variable segments, percent-decoded.
    pub path_parameters: BTreeMap<String, String>,
}

impl Routes {
    /// The routes of a template.
    pub fn of(template: &Template) -> Self {
        let mut routes = Vec::new();
        for (function, declared) in &template.functions {
            for event in &declared.events {
                if let Event::Http { method, path } = event {
                    routes.push(Route {
                        function: function.clone(),
                        method: method.clone(),
                        path: path.clone(),
                        segments: path.split('/').filter(|part| !part.is_empty()).map(segment).collect(),
                    });
                }
            }
        }
        Self(routes)
    }

    /// The function for a request; `None` is the gateway's own "not found".
    pub fn find(&self, method: &str, path: &str) -> Option<Found<'_>> {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let fitting = self.0.iter().filter(|route| route.method == "ANY" || route.method == method);
        let (route, path_parameters) = fitting
            .filter_map(|route| Some((route, parameters(&route.segments, &parts)?)))
            // Words before variables, variables before a rest; a named method before any.
            .min_by_key(|(route, _)| (&route.segments, route.method == "ANY"))?;
        Some(Found {
            function: &route.function,
            route_key: format!("{} {}", route.method, route.path),
            path_parameters,
        })
    }

    /// `POST /a/{b}` and its function, for people.
    pub fn listed(&self) -> impl Iterator<Item = (String, &str)> {
        self.0.iter().map(|route| (format!("{} {}", route.method, route.path), route.function.as_str()))
    }
}

fn segment(text: &str) -> Segment {
    match text.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
        Some(name) => match name.strip_suffix('+') {
            Some(name) => Segment::Rest(name.to_owned()),
            None => Segment::One(name.to_owned()),
        },
        None => Segment::Word(text.to_owned()),
    }
}

fn parameters(segments: &[Segment], parts: &[&str]) -> Option<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut rest = parts;
    for segment in segments {
        let (first, after) = rest.split_first()?;
        match segment {
            Segment::Word(word) if word == first => {}
            Segment::Word(_) => return None,
            Segment::One(_) if first.is_empty() => return None,
            Segment::One(name) => drop(found.insert(name.clone(), decoded(first))),
            Segment::Rest(name) => {
                found.insert(name.clone(), decoded(&rest.join("/")));
                return Some(found);
            }
        }
        rest = after;
    }
    rest.is_empty().then_some(found)
}

fn decoded(text: &str) -> String {
    // The form decoder takes `+` for a blank, which a path does not.
    let plain = format!("v={}", text.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(plain.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}
