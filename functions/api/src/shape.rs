//! Shapes of bodies and answers, from the types themselves.
//!
//! What must stay true: an answer's shape is the type that is written, a body's shape is the type that is read; the two
//! shapes that no type has (the envelope around a noun, and a change to one) are made from the noun's type here.

use std::collections::BTreeMap;

use contract::resource::Warning;
use domain::ids::{Id, Noun};
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

/// A JSON schema and the named schemas it needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// The schema, or a reference to a named one.
    pub(crate) schema: Value,
    /// By name.
    pub(crate) named: BTreeMap<String, Value>,
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn written<T: PartialSchema>() -> Value {
    // A schema is plain data; a `null` here would fail every test of the document.
    serde_json::to_value(T::schema()).unwrap_or_default()
}

impl Shape {
    /// The type as it is, under its name.
    pub fn of<T: ToSchema>() -> Self {
        let mut needed = Vec::new();
        T::schemas(&mut needed);
        let written_down = |(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default());
        let mut named: BTreeMap<String, Value> = needed.into_iter().map(written_down).collect();
        named.insert(T::name().into_owned(), written::<T>());
        Self { schema: reference(&T::name()), named }
    }

    /// The name under which it stands in the document; empty when it has none.
    pub fn name(&self) -> &str {
        self.schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()).unwrap_or_default()
    }

    /// Whether `{}` fits it, so that no body at all says the same: [`Body`](crate::body::Body) reads it so.
    pub(crate) fn may_be_empty(&self) -> bool {
        let schema = self.named.get(self.name()).unwrap_or(&self.schema);
        schema["type"] == "object"
            && schema.get("required").is_none_or(|fields| fields.as_array().is_none_or(Vec::is_empty))
            && schema.get("minProperties").is_none()
    }

    /// A schema without a name.
    pub fn plain(schema: Value) -> Self {
        Self { schema, named: BTreeMap::new() }
    }

    /// A schema of this name, made of these others.
    pub fn named(name: &str, schema: Value, of: impl IntoIterator<Item = Self>) -> Self {
        let named = of.into_iter().flat_map(|shape| shape.named).collect();
        Self { schema: Value::Null, named }.under(name.to_owned(), schema)
    }

    /// A whole number from 1, as a segment of a path.
    pub fn whole_number(about: &str) -> Self {
        Self::plain(json!({"type": "integer", "minimum": 1, "description": about, "examples": [3]}))
    }

    fn under(mut self, name: String, schema: Value) -> Self {
        self.schema = reference(&name);
        self.named.insert(name, schema);
        self
    }

    /// A noun as it is made: without the fields that only we write.
    pub fn new<T: ToSchema>(system_fields: &[&str]) -> Self {
        let mut whole = Self::of::<T>();
        if system_fields.is_empty() {
            return whole;
        }
        whole.named.remove(&*T::name());
        whole.under(format!("New{}", T::name()), without(written::<T>(), system_fields))
    }

    /// A noun as it is answered: the envelope's fields and its own on one level.
    pub fn resource<T: ToSchema, N: Noun>() -> Self {
        let mut whole = Self::of::<T>();
        whole.named.remove(&*T::name());
        let id = Self::of::<Id<N>>();
        let warning = Self::of::<Warning>();
        let mut schema = written::<T>();
        let envelope = json!({
            "id": id.schema,
            "version": {"type": "integer", "minimum": 1,
                "description": "Counts changes, from 1; a change names the version it was made from."},
            "created_at": {"type": "string", "format": "date-time", "description": "When it was made, UTC."},
            "updated_at": {"type": "string", "format": "date-time", "description": "When it was last changed, UTC."},
            "warnings": {"type": "array", "items": warning.schema,
                "description": "What did not work although the change was stored; absent when there is nothing."},
        });
        if let (Some(own), Value::Object(envelope)) = (schema["properties"].as_object_mut(), envelope) {
            own.extend(envelope);
        }
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let always = ["id", "version", "created_at", "updated_at"].map(Value::from);
        schema["required"] = always.into_iter().chain(required).collect();
        whole.named.extend(id.named);
        whole.named.extend(warning.named);
        whole.under(format!("{}Resource", T::name()), schema)
    }

    /// The same, these fields perhaps masked (`415***0123`) for those who may not see numbers.
    #[must_use]
    pub fn masking(mut self, fields: &[&str]) -> Self {
        let name = self.name().to_owned();
        if let Some(schema) = self.named.get_mut(&name) {
            for field in fields {
                let whole = schema["properties"][*field].clone();
                schema["properties"][*field] = json!({
                    "description": "Masked for those without `numbers:read`.",
                    "anyOf": [whole, {"type": "string", "pattern": r"^[0-9]{3}\*\*\*[0-9]{4}$"}],
                });
            }
        }
        self
    }

    /// A change to a noun: a merge patch (RFC 7396) with the version that it was made from.
    /// The fields that only we write are not in it.
    pub fn patch<T: ToSchema>(system_fields: &[&str]) -> Self {
        let mut whole = Self::of::<T>();
        whole.named.remove(&*T::name());
        let mut schema = patched(&without(written::<T>(), system_fields), &whole.named);
        schema["description"] = json!(
            "What is left out stays; `null` takes a field away, so that its default holds; a list is replaced whole."
        );
        schema["properties"]["version"] = json!({"type": "integer", "minimum": 0,
            "description": "The version that this change was made from, as it was read."});
        schema["required"] = json!(["version"]);
        whole.under(format!("{}Patch", T::name()), schema)
    }

    /// Some of a list.
    pub fn page(item: Self) -> Self {
        let name = format!("{}Page", item.name());
        let schema = json!({
            "type": "object",
            "description": "Some of a list.",
            "properties": {
                "items": {"type": "array", "items": item.schema, "description": "The items, in the list's order."},
                "next": {"type": "string",
                    "description": "To be given back as `cursor` for what follows; absent at the end."},
            },
            "required": ["items"],
        });
        item.under(name, schema)
    }

    /// A list of these.
    pub fn list(item: Self) -> Self {
        Self { schema: json!({"type": "array", "items": item.schema}), named: item.named }
    }
}

/// The schema of an object without these fields.
fn without(mut schema: Value, fields: &[&str]) -> Value {
    if let Some(properties) = schema["properties"].as_object_mut() {
        properties.retain(|name, _| !fields.contains(&name.as_str()));
    }
    schema
}

/// The schema of what a merge patch may say where this schema holds: nothing is required, and `null` is allowed.
fn patched(schema: &Value, named: &BTreeMap<String, Value>) -> Value {
    if let Some(target) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        let described = schema["description"].clone();
        return match named.get(target) {
            Some(found) if is_structured(found, named) => {
                // A shape that holds itself, as filters do, is told once; what stands deeper is given whole.
                let mut deeper = named.clone();
                deeper.remove(target);
                let mut inside = patched(found, &deeper);
                if !described.is_null() {
                    inside["description"] = described;
                }
                inside
            }
            _ => schema.clone(),
        };
    }
    if let Some(choices) = ["oneOf", "anyOf"].iter().find_map(|word| schema[*word].as_array()) {
        return patched_choice(schema, choices, named);
    }
    if schema["additionalProperties"].is_object() {
        let mut changed = schema.clone();
        changed["additionalProperties"] = nullable(patched(&schema["additionalProperties"], named));
        return changed;
    }
    let Some(properties) = schema["properties"].as_object() else { return schema.clone() };
    let mut changed = schema.clone();
    changed["properties"] = Value::Object(nullable_all(properties, named));
    if let Some(fields) = changed.as_object_mut() {
        fields.remove("required");
        fields.remove("default");
    }
    changed
}

fn is_structured(schema: &Value, named: &BTreeMap<String, Value>) -> bool {
    let target = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    let choices = ["oneOf", "anyOf"].iter().find_map(|word| schema[*word].as_array());
    schema["properties"].is_object()
        || target.and_then(|name| named.get(name)).is_some_and(|found| is_structured(found, named))
        || choices.is_some_and(|choices| choices.iter().any(|choice| is_structured(choice, named)))
}

fn nullable_all(properties: &Map<String, Value>, named: &BTreeMap<String, Value>) -> Map<String, Value> {
    properties.iter().map(|(name, schema)| (name.clone(), nullable(patched(schema, named)))).collect()
}

/// Alternatives that are objects of one field each become one object: a patch that switches sets the other field to null.
fn patched_choice(schema: &Value, choices: &[Value], named: &BTreeMap<String, Value>) -> Value {
    let mut fields = Map::new();
    let mut others = Vec::new();
    for choice in choices {
        let choice = patched(choice, named);
        match choice["properties"].as_object() {
            Some(properties) => fields.extend(nullable_all(properties, &BTreeMap::new())),
            None if choice["type"] == "null" => {}
            None => others.push(choice),
        }
    }
    if !fields.is_empty() {
        let words = "Give one of the alternatives; to switch, set the other one to null.";
        others.push(json!({"type": "object", "description": words, "properties": fields}));
    }
    let mut choice = match <[Value; 1]>::try_from(others) {
        Ok([only]) => only,
        Err(several) => json!({"anyOf": several}),
    };
    if let Some(words) = schema.get("description") {
        choice["description"] = words.clone();
    }
    choice
}

fn nullable(schema: Value) -> Value {
    let is_null = |choice: &Value| choice["type"] == "null";
    if schema["type"].as_array().is_some_and(|types| types.iter().any(|one| one == "null")) {
        return schema;
    }
    if let Some(choices) = schema["anyOf"].as_array() {
        if choices.iter().any(is_null) {
            return schema;
        }
        let mut wider = schema.clone();
        wider["anyOf"] = choices.iter().cloned().chain([json!({"type": "null"})]).collect();
        return wider;
    }
    let plain = schema["type"].is_string() && schema.get("enum").is_none() && schema.get("const").is_none();
    if plain {
        let mut wider = schema.clone();
        wider["type"] = json!([schema["type"], "null"]);
        if let Some(fields) = wider.as_object_mut() {
            fields.remove("default");
        }
        return wider;
    }
    json!({"anyOf": [schema, {"type": "null"}]})
}
