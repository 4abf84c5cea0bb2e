//! JSON bodies: read strictly, with the path of what is wrong; changed by merge patches.

use domain::validate::Problem;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::objects::Objects;

/// Reads a body.
///
/// # Errors
/// One problem, with the field's path.
pub fn read<T: DeserializeOwned>(body: Value) -> Result<T, Vec<Problem>> {
    serde_path_to_error::deserialize(Objects(body)).map_err(|error| {
        let path = error.path().to_string();
        vec![explain(if path == "." { "" } else { &path }, &error.inner().to_string())]
    })
}

/// Takes the version out of a patch.
///
/// # Errors
/// It is missing, or none.
pub fn take_version(patch: &mut Map<String, Value>) -> Result<u64, Problem> {
    let problem = |rule: &str, message: &str| Problem {
        field: "version".to_owned(),
        rule: rule.to_owned(),
        message: message.to_owned(),
    };
    match patch.remove("version").map(|version| version.as_u64()) {
        Some(Some(version)) => Ok(version),
        Some(None) => Err(problem("type", "the version is a whole number, as it was read")),
        None => Err(problem("required", "name the version that this change was made from")),
    }
}

/// The body with the patch applied (RFC 7396): objects are merged, `null` removes, everything else replaces.
pub fn merged(body: &Value, patch: Map<String, Value>) -> Value {
    let mut merged = body.clone();
    merge(&mut merged, Value::Object(patch));
    merged
}

fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(&name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// Turns the parser's words into a rule with its field. The parser names unknown and missing fields only in its message.
fn explain(path: &str, message: &str) -> Problem {
    let named = || message.split('`').nth(1).unwrap_or_default();
    let below = |name: &str| match path {
        "" => name.to_owned(),
        _ if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
        _ => format!("{path}.{name}"),
    };
    let (field, rule, message) = if message.starts_with("unknown field") {
        (below(named()), "unknown_field", message.to_owned())
    } else if message.starts_with("missing field") {
        (below(named()), "required", "this field is required".to_owned())
    } else if message.starts_with("unknown variant") {
        (path.to_owned(), "choice", message.to_owned())
    } else if message.starts_with("give exactly one of") {
        (path.to_owned(), "one_of", message.to_owned())
    } else if message.contains("map with a single key") {
        let words = "give exactly one of the alternatives; a patch that switches sets the other one to null";
        (path.to_owned(), "one_of", words.to_owned())
    } else if message.starts_with("invalid type: floating point") {
        let words = format!("{message}; money is given in whole micro-units: 12.50 is 12500000");
        (path.to_owned(), "type", words)
    } else if message.starts_with("invalid type") || message.starts_with("invalid length") {
        (path.to_owned(), "type", message.to_owned())
    } else if message.starts_with("invalid value") {
        (path.to_owned(), "range", message.to_owned())
    } else {
        (path.to_owned(), "format", message.to_owned())
    };
    Problem { field, rule: rule.to_owned(), message }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Shape {
        Round,
        Long { by: u32 },
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Inner {
        count: Option<u32>,
        words: Vec<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Outer {
        #[serde(default)]
        one: Inner,
        #[serde(default)]
        many: Vec<Inner>,
        shape: Option<Shape>,
    }

    #[test]
    fn an_object_is_written_as_an_object() {
        let inner = || Inner { count: Some(3), words: vec!["a".to_owned()] };
        let sound = json!({"one": {"count": 3, "words": ["a"]}, "many": [{"count": 3, "words": ["a"]}], "shape": {"long": {"by": 2}}});
        let meant = Outer { one: inner(), many: vec![inner()], shape: Some(Shape::Long { by: 2 }) };
        assert_eq!(read::<Outer>(sound), Ok(meant));
        for (body, field) in [
            (json!({"one": []}), "one"),
            (json!({"one": [3, ["a"]]}), "one"),
            (json!({"many": [{}, [null, []]]}), "many[1]"),
            (json!({"shape": {"long": [2]}}), "shape.long"),
            (json!([{}, [], "round"]), ""),
        ] {
            let problems = read::<Outer>(body.clone()).unwrap_err();
            assert_eq!((problems[0].field.as_str(), problems[0].rule.as_str()), (field, "type"), "{body}");
        }
    }
}
