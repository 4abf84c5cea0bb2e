//! The reference page: an introduction, the operations by group, the shapes, the refusals.

use contract::problem::Code;
use serde_json::Value;

use super::fields::{fields, item, rules, type_of};
use super::html::{anchor, code, escaped, inline, prose};

const VERBS: [&str; 5] = ["get", "post", "patch", "put", "delete"];

/// One operation of the document.
struct Operation<'a> {
    verb: &'static str,
    path: &'a str,
    said: &'a Value,
}

/// The whole page.
pub fn page(document: &Value, style: &str) -> String {
    let info = &document["info"];
    let title = format!("{} API", info["title"].as_str().unwrap_or_default());
    let operations = operations(document);
    let empty = Vec::new();
    let tags = document["tags"].as_array().unwrap_or(&empty);
    let groups: String = tags.iter().map(|tag| group(tag, &operations)).collect();
    let contents: String = tags.iter().map(|tag| contents(tag, &operations)).collect();
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><style>{style}</style></head><body>\
         <a class=\"skip\" href=\"#main\">To the content</a>\
         <header><h1>{title}</h1><p class=\"version\">Version {version}, <a href=\"openapi.json\">OpenAPI document</a></p>\
         </header><nav aria-label=\"Contents\"><ul>{contents}\
         <li><a class=\"group\" href=\"#shapes\">Shapes</a></li><li><a class=\"group\" href=\"#refusals\">Refusals</a></li>\
         </ul></nav><main id=\"main\"><section aria-label=\"Introduction\">{introduction}{try_it}</section>\
         {groups}{shapes}{refusals}</main></body></html>",
        title = escaped(&title),
        version = escaped(info["version"].as_str().unwrap_or_default()),
        introduction = prose(info["description"].as_str().unwrap_or_default()),
        try_it = try_it(),
        shapes = shapes(document),
        refusals = refusals(),
    )
}

fn try_it() -> String {
    format!(
        "<p>The examples below use two variables of the shell; set them first. A click selects a whole example.</p>{}",
        code("Variables of the examples", "API=https://calls.example.com\nKEY=ccp_live_…")
    )
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for verb in VERBS {
            if methods[verb].is_object() {
                all.push(Operation { verb, path, said: &methods[verb] });
            }
        }
    }
    all
}

fn of_tag<'a>(tag: &Value, operations: &'a [Operation<'a>]) -> impl Iterator<Item = &'a Operation<'a>> {
    let name = tag["name"].clone();
    operations.iter().filter(move |operation| operation.said["tags"][0] == name)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn contents(tag: &Value, operations: &[Operation<'_>]) -> String {
    let name = text(tag, "name");
    let links: String = of_tag(tag, operations)
        .map(|operation| {
            let id = text(operation.said, "operationId");
            format!("<li><a href=\"#{}\">{}</a></li>", escaped(id), escaped(text(operation.said, "summary")))
        })
        .collect();
    format!("<li><a class=\"group\" href=\"#{}\">{}</a><ul>{links}</ul></li>", anchor(name), escaped(name))
}

fn group(tag: &Value, operations: &[Operation<'_>]) -> String {
    let name = text(tag, "name");
    let articles: String = of_tag(tag, operations).map(article).collect();
    format!(
        "<section aria-labelledby=\"{id}\"><h2 id=\"{id}\">{}</h2>{}{articles}</section>",
        escaped(name),
        prose(text(tag, "description")),
        id = anchor(name),
    )
}

fn article(operation: &Operation<'_>) -> String {
    let said = operation.said;
    let id = escaped(text(said, "operationId"));
    format!(
        "<article aria-labelledby=\"{id}\"><h3 id=\"{id}\">{summary}</h3>\
         <p class=\"route\"><span class=\"verb {verb}\">{upper}</span> <code>{path}</code></p>{about}\
         {parameters}{body}{curl}{answer}{refusals}</article>",
        summary = escaped(text(said, "summary")),
        verb = operation.verb,
        upper = operation.verb.to_uppercase(),
        path = escaped(operation.path),
        about = prose(text(said, "description")),
        parameters = parameters(said),
        body = body(said),
        curl = code(&format!("curl: {}", text(said, "summary")), &curl(operation)),
        answer = answer(said),
        refusals = refused(said),
    )
}

fn parameters(said: &Value) -> String {
    // The one that is referred to, Idempotency-Key, is explained in the introduction.
    let items: String = said["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|parameter| parameter.get("$ref").is_none())
        .map(|parameter| {
            let required = parameter["required"] == true;
            let about = parameter["description"].as_str();
            item(text(parameter, "name"), &parameter["schema"], required, about, 0)
        })
        .collect();
    if items.is_empty() { items } else { format!("<h4>Parameters</h4><ul class=\"fields\">{items}</ul>") }
}

fn body(said: &Value) -> String {
    let schema = &said["requestBody"]["content"]["application/json"]["schema"];
    if !schema.is_object() {
        return String::new();
    }
    format!("<h4>Body</h4><p>{}</p>{}", type_of(schema), fields(schema, 0))
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// A command that does it.
fn curl(operation: &Operation<'_>) -> String {
    let path = operation.path;
    let examples = operation.said["parameters"].as_array().into_iter().flatten();
    let segments = examples.filter(|parameter| parameter["in"] == "path");
    let path = segments.fold(path.to_owned(), |path, parameter| {
        let name = text(parameter, "name");
        path.replace(&format!("{{{name}}}"), &name.to_uppercase())
    });
    let method = if operation.verb == "get" {
        String::new()
    } else {
        format!(" -X {}", operation.verb.to_uppercase())
    };
    let mut command = format!("curl{method} \"$API{path}\"");
    let schemes = operation.said["security"].as_array();
    let has =
        |scheme: &str| schemes.is_some_and(|schemes| schemes.iter().any(|one| one.get(scheme).is_some()));
    if has("apiKey") {
        command.push_str(" \\\n  -H \"Authorization: Bearer $KEY\"");
    } else if has("session") {
        command.push_str(" \\\n  -b \"__Host-ccp_session=$SESSION\"");
        if operation.verb != "get" {
            command.push_str(" \\\n  -H \"Origin: $API\" -H 'X-CCP-Request: 1'");
        }
    }
    let example = &operation.said["requestBody"]["content"]["application/json"]["example"];
    if !example.is_null() {
        let json = pretty(example).replace('\'', "'\\''");
        command.push_str(&format!(" \\\n  -H 'Content-Type: application/json' \\\n  -d '{json}'"));
    }
    command
}

fn answer(said: &Value) -> String {
    let responses = said["responses"].as_object();
    let good = responses.into_iter().flatten().find(|(status, _)| status.starts_with('2'));
    let Some((status, response)) = good else { return String::new() };
    let content = response["content"].as_object().and_then(|types| types.iter().next());
    let Some((media_type, content)) = content else {
        return format!("<h4>Answer</h4><p><code>{status}</code>, nothing else.</p>");
    };
    let example = match media_type.as_str() {
        "application/json" => {
            format!(
                "<details><summary>Example</summary>{}</details>",
                code("Example of the answer", &pretty(&content["example"]))
            )
        }
        _ => String::new(),
    };
    let schema = &content["schema"];
    let shape = if media_type == "application/json" { type_of(schema) } else { escaped(media_type) };
    format!("<h4>Answer</h4><p><code>{status}</code> {shape}</p>{}{example}", fields(schema, 0))
}

fn refused(said: &Value) -> String {
    let items: String = said["responses"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(status, response)| {
            let name = response["$ref"].as_str()?.rsplit('/').next()?;
            let links: Vec<String> = name
                .split('-')
                .map(|code| format!("<a href=\"#refusal-{code}\">{code}</a>", code = escaped(code)))
                .collect();
            Some(format!("<li><code>{}</code> {}</li>", escaped(status), links.join(", ")))
        })
        .collect();
    format!("<details><summary>Refusals</summary><ul class=\"plain\">{items}</ul></details>")
}

fn shapes(document: &Value) -> String {
    let shapes: String = document["components"]["schemas"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, schema)| {
            let inside = fields(schema, 0);
            let own = if inside.is_empty() {
                format!("<p>{} {}</p>", type_of(schema), rules(schema))
            } else {
                inside
            };
            format!(
                "<article aria-labelledby=\"shape-{id}\"><h3 id=\"shape-{id}\">{}</h3>{}{own}</article>",
                escaped(name),
                prose(text(schema, "description")),
                id = anchor(name),
            )
        })
        .collect();
    format!("<section aria-labelledby=\"shapes\"><h2 id=\"shapes\">Shapes</h2>{shapes}</section>")
}

fn refusals() -> String {
    let items: String = Code::ALL
        .iter()
        .map(|code| {
            let name = escaped(code.as_str());
            format!(
                "<li id=\"refusal-{name}\"><code class=\"name\">{name}</code> <span class=\"type\">{}</span><div>{}.</div></li>",
                code.status(),
                inline(code.title()),
            )
        })
        .collect();
    format!(
        "<section aria-labelledby=\"refusals\"><h2 id=\"refusals\">Refusals</h2>\
         <p>The codes of problem documents, each with its status.</p><ul class=\"fields\">{items}</ul></section>"
    )
}
