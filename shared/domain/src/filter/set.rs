//! The filters of a published version, made ready once: for each tag an index says which comparisons a value makes true.
//!
//! A call's look goes through its tags, not through the comparisons: equal values and lists are one search in a table,
//! beginnings, greater and less one in a sorted list, parts one for each character of the value. So a thousand filters with
//! fifty comparisons each cost as much as the comparisons that are true. Patterns alone are tried one by one, when a filter
//! first asks, and remembered.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use regex::Regex;

use super::number::Number;
use super::{Comparison, Filter, Operand, Predicate, Tags, compiled, folded};

/// A distinct comparison, by its place in [`FilterSet::predicates`].
type PredicateId = u32;

/// Comparisons by what they are, and the place of those that are patterns.
type Known = HashMap<String, (PredicateId, Option<u32>)>;

/// Filters made ready. Those of equal comparisons share them.
#[derive(Debug, Default)]
pub struct FilterSet {
    filters: Vec<Node>,
    /// Each distinct comparison as it was first written.
    predicates: Vec<Predicate>,
    /// By folded tag name.
    tags: HashMap<String, TagIndex>,
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
enum Node {
    All(Group),
    Any(Group),
    Not(Box<Node>),
    Is(Leaf),
    Pattern { place: u32, id: PredicateId },
}

/// The comparisons of a group come before its patterns and its groups: they are settled already.
#[derive(Debug)]
struct Group {
    leaves: Box<[Leaf]>,
    others: Box<[Node]>,
}

/// A comparison, or that it does not hold: 31 bits of its id, and one.
#[derive(Debug, Clone, Copy)]
struct Leaf(u32);

impl Leaf {
    const fn id(self) -> PredicateId {
        self.0 >> 1
    }

    const fn negated(self) -> bool {
        self.0 & 1 == 1
    }
}

/// A pattern is compiled when it is first tried: most calls never come to it.
#[derive(Debug)]
struct Pattern {
    tag: String,
    text: String,
    compiled: OnceLock<Option<Regex>>,
}

/// Which comparisons of one tag a value makes true.
#[derive(Debug, Default)]
struct TagIndex {
    exists: Vec<PredicateId>,
    equals: HashMap<Box<str>, Vec<PredicateId>>,
    begins_with: Beginnings,
    contains: Beginnings,
    greater: Ordered,
    less: Ordered,
}

/// Texts, of which those that another text begins with are found by one search. Once ready, texts and ids each lie in one
/// piece of memory, in order: what is true together is read together.
#[derive(Debug, Default)]
struct Beginnings {
    entered: Vec<(Box<str>, PredicateId)>,
    texts: String,
    ids: Vec<PredicateId>,
    in_order: Vec<Beginning>,
}

/// Where one text and its comparisons lie, each up to the end of its own.
#[derive(Debug)]
struct Beginning {
    text: Range<u32>,
    ids: Range<u32>,
    /// Place of the longest other text with which this one begins.
    shorter: Option<u32>,
}

/// Bounds in ascending order.
#[derive(Debug, Default)]
struct Ordered {
    numbers: Bounds<Number>,
    texts: Bounds<Box<str>>,
}

#[derive(Debug)]
struct Bounds<B> {
    entered: Vec<(B, PredicateId)>,
    bounds: Vec<B>,
    ids: Vec<PredicateId>,
}

impl<B> Default for Bounds<B> {
    fn default() -> Self {
        Self { entered: Vec::new(), bounds: Vec::new(), ids: Vec::new() }
    }
}

impl FilterSet {
    /// Makes filters ready; each keeps its place in the order as its index.
    pub fn compile<'a>(filters: impl IntoIterator<Item = &'a Filter>) -> Self {
        let mut set = Self::default();
        let mut known = Known::new();
        let compiled = filters.into_iter().map(|filter| set.node(filter, &mut known)).collect();
        set.filters = compiled;
        for index in set.tags.values_mut() {
            index.begins_with.put_in_order();
            index.contains.put_in_order();
            for bounds in [&mut index.greater, &mut index.less] {
                bounds.numbers.put_in_order();
                bounds.texts.put_in_order();
            }
        }
        set
    }

    /// How many distinct comparisons there are.
    pub fn distinct(&self) -> usize {
        self.predicates.len()
    }

    fn node(&mut self, filter: &Filter, known: &mut Known) -> Node {
        match filter {
            Filter::All(inner) => Node::All(self.group(inner, known)),
            Filter::Any(inner) => Node::Any(self.group(inner, known)),
            Filter::Not(inner) => match self.node(inner, known) {
                Node::Is(leaf) => Node::Is(Leaf(leaf.0 ^ 1)),
                node => Node::Not(Box::new(node)),
            },
            Filter::Is(predicate) => {
                let (id, pattern) = *known.entry(identity(predicate)).or_insert_with(|| {
                    let id = PredicateId::try_from(self.predicates.len()).unwrap_or(PredicateId::MAX);
                    self.predicates.push(predicate.clone());
                    (id, self.index(predicate, id))
                });
                pattern.map_or(Node::Is(Leaf(id << 1)), |place| Node::Pattern { place, id })
            }
        }
    }

    fn group(&mut self, filters: &[Filter], known: &mut Known) -> Group {
        let (mut leaves, mut others) = (Vec::with_capacity(filters.len()), Vec::new());
        for filter in filters {
            match self.node(filter, known) {
                Node::Is(leaf) => leaves.push(leaf),
                node => others.push(node),
            }
        }
        Group { leaves: leaves.into(), others: others.into() }
    }

    /// Enters a comparison where a value will find it. A pattern is not found but tried: its place is the answer.
    fn index(&mut self, predicate: &Predicate, id: PredicateId) -> Option<u32> {
        let tag = folded(predicate.tag.as_str()).into_owned();
        let values = predicate.value.as_ref().map_or(&[][..], Operand::values);
        if predicate.is == Comparison::Regex {
            let text = values.first().map_or("", |value| value.as_str()).to_owned();
            self.patterns.push(Pattern { tag, text, compiled: OnceLock::new() });
            return u32::try_from(self.patterns.len() - 1).ok();
        }
        let index = self.tags.entry(tag).or_default();
        let values = values.iter().map(|value| folded(value.as_str()));
        match predicate.is {
            Comparison::Exists => index.exists.push(id),
            Comparison::Equals | Comparison::InList => {
                values.for_each(|value| enter(&mut index.equals, &value, id));
            }
            Comparison::BeginsWith => values.for_each(|value| index.begins_with.enter(&value, id)),
            Comparison::Contains => values.for_each(|value| index.contains.enter(&value, id)),
            Comparison::Greater => values.for_each(|value| index.greater.enter(&value, id)),
            Comparison::Less => values.for_each(|value| index.less.enter(&value, id)),
            Comparison::Regex => {}
        }
        None
    }

    /// Looks at one call's tags, for any number of filters.
    pub fn look<'a>(&'a self, tags: &'a Tags) -> Look<'a> {
        let mut truths = Truths(vec![0; self.predicates.len().div_ceil(64)]);
        for (tag, value) in tags.iter() {
            if let Some(index) = self.tags.get(tag) {
                index.settle(&folded(value), &mut truths);
            }
        }
        let tried = (0..self.patterns.len()).map(|_| OnceLock::new()).collect();
        Look { set: self, tags, truths, tried }
    }
}

/// Comparisons are the same when they cannot differ on any call.
fn identity(predicate: &Predicate) -> String {
    let mut identity = format!("{}\0{}", folded(predicate.tag.as_str()), predicate.is as u8);
    let values = predicate.value.as_ref().map_or(&[][..], Operand::values);
    let is_pattern = predicate.is == Comparison::Regex;
    let mut values: Vec<_> = values
        .iter()
        .map(|value| if is_pattern { value.as_str().into() } else { folded(value.as_str()) })
        .collect();
    values.sort_unstable();
    values.dedup();
    for value in values {
        identity.push('\0');
        identity.push_str(&value);
    }
    identity
}

fn enter(texts: &mut HashMap<Box<str>, Vec<PredicateId>>, text: &str, id: PredicateId) {
    match texts.get_mut(text) {
        // A list may name a value twice.
        Some(ids) if ids.last() == Some(&id) => {}
        Some(ids) => ids.push(id),
        None => {
            texts.insert(text.into(), vec![id]);
        }
    }
}

impl Beginnings {
    fn enter(&mut self, text: &str, id: PredicateId) {
        self.entered.push((text.into(), id));
    }

    fn put_in_order(&mut self) {
        let mut entered = std::mem::take(&mut self.entered);
        entered.sort_unstable();
        // Texts that one begins with stand before it, each longer than the one before.
        let mut longer: Vec<u32> = Vec::new();
        for same in entered.chunk_by(|(one, _), (other, _)| one == other) {
            let Some((text, _)) = same.first() else { continue };
            let begins = |place: &u32| {
                let before = self.in_order.get(*place as usize);
                before.is_some_and(|before| text.starts_with(self.text(before)))
            };
            while longer.last().is_some_and(|place| !begins(place)) {
                longer.pop();
            }
            let start = (size(self.texts.len()), size(self.ids.len()));
            self.texts.push_str(text);
            self.ids.extend(same.iter().map(|(_, id)| id));
            let shorter = longer.last().copied();
            longer.push(size(self.in_order.len()));
            let (text, ids) = (start.0..size(self.texts.len()), start.1..size(self.ids.len()));
            self.in_order.push(Beginning { text, ids, shorter });
        }
    }

    fn text(&self, beginning: &Beginning) -> &str {
        self.texts.get(beginning.text.start as usize..beginning.text.end as usize).unwrap_or_default()
    }

    /// Every text with which this one begins also begins the last that is not greater, or is it.
    fn settle(&self, value: &str, truths: &mut Truths) {
        let after = self.in_order.partition_point(|beginning| self.text(beginning) <= value);
        let mut next = after.checked_sub(1);
        let mut begins = false;
        while let Some(beginning) = next.and_then(|place| self.in_order.get(place)) {
            begins = begins || value.starts_with(self.text(beginning));
            if begins {
                let ids = self.ids.get(beginning.ids.start as usize..beginning.ids.end as usize);
                truths.set(ids.unwrap_or_default());
            }
            next = beginning.shorter.map(|place| place as usize);
        }
    }
}

/// Sizes stay far below 2³²: a version has at most 100,000 of these texts, of 200 characters each.
fn size(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl<B: Ord> Bounds<B> {
    fn put_in_order(&mut self) {
        let mut entered = std::mem::take(&mut self.entered);
        entered.sort_unstable();
        (self.bounds, self.ids) = entered.into_iter().unzip();
    }

    /// Comparisons whose bound is below.
    fn below(&self, is_below: impl Fn(&B) -> bool) -> &[PredicateId] {
        self.ids.get(..self.bounds.partition_point(is_below)).unwrap_or_default()
    }

    /// Comparisons whose bound is above.
    fn above(&self, is_not_above: impl Fn(&B) -> bool) -> &[PredicateId] {
        self.ids.get(self.bounds.partition_point(is_not_above)..).unwrap_or_default()
    }
}

impl Ordered {
    fn enter(&mut self, bound: &str, id: PredicateId) {
        match Number::read(bound) {
            Some(number) => self.numbers.entered.push((number, id)),
            None => self.texts.entered.push((bound.into(), id)),
        }
    }
}

impl TagIndex {
    fn settle(&self, value: &str, truths: &mut Truths) {
        truths.set(&self.exists);
        if let Some(ids) = self.equals.get(value) {
            truths.set(ids);
        }
        self.begins_with.settle(value, truths);
        if !self.contains.in_order.is_empty() {
            value.char_indices().for_each(|(start, _)| {
                self.contains.settle(value.get(start..).unwrap_or_default(), truths);
            });
        }
        if let Some(number) = Number::read(value) {
            truths.set(self.greater.numbers.below(|bound| *bound < number));
            truths.set(self.less.numbers.above(|bound| *bound <= number));
        }
        truths.set(self.greater.texts.below(|bound| **bound < *value));
        truths.set(self.less.texts.above(|bound| **bound <= *value));
    }
}

/// One bit for each distinct comparison.
#[derive(Debug)]
struct Truths(Vec<u64>);

impl Truths {
    fn set(&mut self, ids: &[PredicateId]) {
        for id in ids {
            if let Some(word) = self.0.get_mut(*id as usize / 64) {
                *word |= 1 << (id % 64);
            }
        }
    }

    fn get(&self, id: PredicateId) -> bool {
        self.0.get(id as usize / 64).is_some_and(|word| word >> (id % 64) & 1 == 1)
    }
}

/// What the filters say of one call.
#[derive(Debug)]
pub struct Look<'a> {
    set: &'a FilterSet,
    tags: &'a Tags,
    truths: Truths,
    /// What each pattern said, once it was tried.
    tried: Box<[OnceLock<bool>]>,
}

impl<'a> Look<'a> {
    /// Whether the call passes the filter of this index. An index that has no filter lets it pass.
    ///
    /// # Errors
    /// It does not; what stands in the way is looked for when somebody asks.
    pub fn passes(&self, index: usize) -> Result<(), Failed<'_, 'a>> {
        match self.set.filters.get(index) {
            Some(filter) if !self.holds(filter) => Err(Failed { look: self, filter }),
            _ => Ok(()),
        }
    }

    fn holds(&self, node: &Node) -> bool {
        match node {
            Node::Is(leaf) => self.is(*leaf),
            Node::All(group) => {
                group.leaves.iter().all(|leaf| self.is(*leaf))
                    && group.others.iter().all(|node| self.holds(node))
            }
            Node::Any(group) => {
                group.leaves.iter().any(|leaf| self.is(*leaf))
                    || group.others.iter().any(|node| self.holds(node))
            }
            Node::Not(inner) => !self.holds(inner),
            Node::Pattern { place, .. } => self.matches(*place as usize),
        }
    }

    fn is(&self, leaf: Leaf) -> bool {
        self.truths.get(leaf.id()) != leaf.negated()
    }

    fn matches(&self, place: usize) -> bool {
        let (Some(pattern), Some(tried)) = (self.set.patterns.get(place), self.tried.get(place)) else {
            return false;
        };
        *tried.get_or_init(|| {
            // One that cannot be compiled was refused on saving; it matches nothing.
            let regex = pattern.compiled.get_or_init(|| compiled(&pattern.text).ok());
            let value = self.tags.get(&pattern.tag);
            regex.as_ref().zip(value).is_some_and(|(regex, value)| regex.is_match(value))
        })
    }

    /// The comparison for which a node is not as it is wanted.
    fn blame(&self, node: &'a Node, wanted: bool) -> FailedPredicate<'a> {
        match node {
            Node::Is(leaf) => self.blamed(leaf.id(), wanted == leaf.negated()),
            Node::Pattern { id, .. } => self.blamed(*id, !wanted),
            Node::Not(inner) => self.blame(inner, !wanted),
            // All should hold, or none: the first that does not fit is enough to blame.
            Node::All(group) if wanted => self.blame_in(group, wanted, true),
            Node::Any(group) if !wanted => self.blame_in(group, wanted, true),
            // One should hold, or one should not: each of them would have done.
            Node::All(group) | Node::Any(group) => {
                let failed = self.blame_in(group, wanted, false);
                let others = (group.leaves.len() + group.others.len()).saturating_sub(1);
                let others = u16::try_from(others).unwrap_or(u16::MAX);
                FailedPredicate { others: failed.others.saturating_add(others), ..failed }
            }
        }
    }

    /// The first of a group, or the first that is not as it is wanted.
    fn blame_in(&self, group: &'a Group, wanted: bool, unfit_only: bool) -> FailedPredicate<'a> {
        let leaf = group.leaves.iter().find(|leaf| !unfit_only || self.is(**leaf) != wanted);
        if let Some(leaf) = leaf {
            return self.blamed(leaf.id(), wanted == leaf.negated());
        }
        let other = group.others.iter().find(|node| !unfit_only || self.holds(node) != wanted);
        let nobody = FailedPredicate { predicate: None, negated: !wanted, others: 0 };
        other.map_or(nobody, |node| self.blame(node, wanted))
    }

    fn blamed(&self, id: PredicateId, negated: bool) -> FailedPredicate<'a> {
        FailedPredicate { predicate: self.set.predicates.get(id as usize), negated, others: 0 }
    }
}

/// A call does not pass a filter.
#[derive(Debug, Clone, Copy)]
pub struct Failed<'l, 'a> {
    look: &'l Look<'a>,
    filter: &'a Node,
}

impl<'a> Failed<'_, 'a> {
    /// The comparison that stands in the way.
    pub fn predicate(self) -> FailedPredicate<'a> {
        self.look.blame(self.filter, true)
    }

    /// The reason in plain words, see [`FailedPredicate::text`].
    pub fn text(self) -> String {
        self.predicate().text()
    }
}

/// Why a call does not pass. It names what is asked for, never what the caller's tag says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedPredicate<'a> {
    /// The comparison; `None` when no call can pass.
    pub predicate: Option<&'a Predicate>,
    /// It holds, and the filter wants that it does not.
    pub negated: bool,
    /// How many other conditions would have done in its place.
    pub others: u16,
}

impl FailedPredicate<'_> {
    /// The reason in plain words: `needs tag User:zip to be one of 3 values`.
    pub fn text(&self) -> String {
        let Some(predicate) = self.predicate else { return "has a filter that no call can pass".to_owned() };
        let needs = format!("needs tag {} {}", predicate.tag, predicate.words(self.negated));
        match self.others {
            0 => needs,
            1 => format!("{needs}, or 1 other condition"),
            others => format!("{needs}, or one of {others} other conditions"),
        }
    }
}
