//! Schemas in words: what a field is, and the fields of a shape.

use serde_json::Value;

use super::html::{anchor, escaped, inline};

/// Shapes inside each other that are written out in place; deeper ones have names of their own.
const DEEPEST: u8 = 5;

fn name_of(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str().and_then(|path| path.rsplit('/').next())
}

fn choices(schema: &Value) -> Option<&Vec<Value>> {
    ["oneOf", "anyOf", "allOf"].iter().find_map(|word| schema[*word].as_array())
}

/// The type in a few words, with links to named shapes.
pub fn type_of(schema: &Value) -> String {
    if let Some(name) = name_of(schema) {
        return format!("<a href=\"#shape-{}\">{}</a>", anchor(name), escaped(name));
    }
    if let Some(choices) = choices(schema) {
        return joined(choices.iter().map(type_of));
    }
    if let Some(values) = schema["enum"].as_array() {
        return joined(values.iter().map(|value| format!("<code>{}</code>", escaped(&value.to_string()))));
    }
    if let Some(types) = schema["type"].as_array() {
        return joined(types.iter().filter_map(Value::as_str).map(|word| plain(word, schema)));
    }
    match schema["type"].as_str() {
        Some("object") => match schema["properties"].as_object() {
            // An alternative of one field says its name.
            Some(fields) if fields.len() == 1 => fields
                .iter()
                .map(|(name, inner)| format!("{{ <code>{}</code>: {} }}", escaped(name), type_of(inner)))
                .collect(),
            _ => plain("object", schema),
        },
        Some(word) => plain(word, schema),
        None => "anything".to_owned(),
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    let mut parts: Vec<String> = parts.collect();
    parts.dedup();
    parts.join(" or ")
}

fn plain(word: &str, schema: &Value) -> String {
    match word {
        "array" if schema["items"].is_object() => format!("list of {}", type_of(&schema["items"])),
        "array" => match schema["prefixItems"].as_array() {
            Some(places) => {
                format!("list of exactly [{}]", places.iter().map(type_of).collect::<Vec<_>>().join(", "))
            }
            None => "list".to_owned(),
        },
        "object" if schema["additionalProperties"].is_object() => {
            format!("object of {} by name", type_of(&schema["additionalProperties"]))
        }
        "integer" => "whole number".to_owned(),
        "string" => match schema["format"].as_str() {
            Some("date-time") => "time".to_owned(),
            Some("date") => "day".to_owned(),
            _ => "text".to_owned(),
        },
        "boolean" => "true or false".to_owned(),
        other => escaped(other),
    }
}

/// Bounds and defaults, in words.
pub fn rules(schema: &Value) -> String {
    let mut rules = Vec::new();
    let shown = |value: &Value| format!("<code>{}</code>", escaped(&value.to_string()));
    for (key, words) in [
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("minLength", "characters, at least"),
        ("maxLength", "characters, at most"),
        ("maxItems", "entries, at most"),
        ("default", "default"),
    ] {
        if let Some(value) = schema.get(key).filter(|value| !value.is_null() && !value.is_object()) {
            rules.push(format!("{words} {}", shown(value)));
        }
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        rules.push(format!("form <code>{}</code>", escaped(pattern)));
    }
    rules.join("; ")
}

/// One field, parameter or alternative as a list item.
pub fn item(name: &str, schema: &Value, required: bool, about: Option<&str>, depth: u8) -> String {
    let must = if required { " <span class=\"must\">required</span>" } else { "" };
    let about = about.or_else(|| schema["description"].as_str()).map(inline).unwrap_or_default();
    let rules = rules(schema);
    let rules = if rules.is_empty() { rules } else { format!(" <span class=\"rules\">{rules}</span>") };
    format!(
        "<li><code class=\"name\">{}</code> <span class=\"type\">{}</span>{must}{rules}<div>{about}</div>{}</li>",
        escaped(name),
        type_of(schema),
        fields(schema, depth + 1),
    )
}

/// The fields of a shape; empty when it has none of its own.
pub fn fields(schema: &Value, depth: u8) -> String {
    if depth > DEEPEST || name_of(schema).is_some() {
        return String::new();
    }
    if let Some(properties) = schema["properties"].as_object() {
        let empty = Vec::new();
        let required = schema["required"].as_array().unwrap_or(&empty);
        let is_required = |name: &str| required.iter().any(|one| one == name);
        let mut names: Vec<&String> = properties.keys().collect();
        names.sort_by_key(|name| (name.as_str() != "id", !is_required(name), name.as_str()));
        let items = names.iter().map(|name| item(name, &properties[*name], is_required(name), None, depth));
        return format!("<ul class=\"fields\">{}</ul>", items.collect::<String>());
    }
    if let Some(choices) = choices(schema) {
        let several =
            choices.iter().filter(|choice| choice["type"] != "null").map(|choice| choice_item(choice, depth));
        let items: String = several.collect();
        return if items.is_empty() { items } else { format!("<ul class=\"choices\">{items}</ul>") };
    }
    match schema["items"].is_object() {
        true => fields(&schema["items"], depth + 1),
        false => String::new(),
    }
}

fn choice_item(choice: &Value, depth: u8) -> String {
    let about = choice["description"].as_str().map(inline).unwrap_or_default();
    let inside = fields(choice, depth + 1);
    if name_of(choice).is_some() && about.is_empty() {
        return String::new();
    }
    if about.is_empty() && inside.is_empty() {
        return String::new();
    }
    format!("<li><span class=\"type\">{}</span><div>{about}</div>{inside}</li>", type_of(choice))
}
