//! The CDN's function, as the template has it, against the local platform's document server: both pick the same document.

use serde_json::{Value, json};

use crate::node::Node;

/// The JavaScript in `template.yaml`, its indentation taken off.
fn function_of_the_template() -> String {
    let template = local_platform::template::TEMPLATE;
    let (_, after) =
        template.split_once("FunctionCode: |\n").expect("the template has one CloudFront function");
    let indent = after.len() - after.trim_start_matches(' ').len();
    let lines = after.lines().take_while(|line| line.is_empty() || line.starts_with(&" ".repeat(indent)));
    lines.map(|line| line.get(indent..).unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_cdn_and_the_local_platform_pick_the_same_document() {
    let queries = [
        ("To=%2B12025550142", "12025550142.xml"),
        ("CallSid=CA1&To=%2b442079460000&From=%2B14155550100", "442079460000.xml"),
        ("To=+12025550142", "12025550142.xml"),
        ("From=%2B14155550100", "apology.xml"),
        ("", "apology.xml"),
        ("To=", "apology.xml"),
        ("To=12025550142", "apology.xml"),
        ("To=%2B1202", "apology.xml"),
        ("To=%2B1234567890123456", "apology.xml"),
        ("To=%2B12025550142%2F..%2F1", "apology.xml"),
        ("To=%2B1202555014x", "apology.xml"),
        ("To=sip%3Aa%40b.example", "apology.xml"),
        ("to=%2B12025550142", "apology.xml"),
    ];
    let requests: Vec<Value> = queries
        .iter()
        .flat_map(|(query, _)| ["/by-number.xml", "/fallback/by-number.xml"].map(|uri| json!([uri, query])))
        .collect();
    let mut node = Node::run("conformance_rs/cdn-function.mjs", &[&function_of_the_template()]);
    let answers = node.ask_all(&requests);
    for ((query, expected), answers) in queries.iter().zip(answers.chunks(2)) {
        assert_eq!(answers, [format!("/{expected}"), format!("/fallback/{expected}")], "{query}");
        assert_eq!(local_platform::fallback::document_of(query), *expected, "{query}");
    }
    let mut node = Node::run("conformance_rs/cdn-function.mjs", &[&function_of_the_template()]);
    let other = node.ask_all(&[json!(["/12025550142.xml", "To=%2B12025550143"]), json!(["/x", ""])]);
    assert_eq!(other, ["/12025550142.xml", "/x"], "every other address stays as it is");
}
