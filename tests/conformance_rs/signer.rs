//! The phone simulator's signatures, and our own, against Twilio's library: what each of them writes, the others accept.

use serde_json::{Value, json};
use twilio::form::Form;

use crate::application::{Application, TOKEN};
use crate::form::{draw, library_params, request};
use crate::node::Node;

#[test]
fn three_signers_write_the_same() {
    let mut oracle = Node::run("conformance/signature-oracle.mjs", &[]);
    let requests = draw(&request(), 500);
    let asked: Vec<Value> = requests
        .iter()
        .map(|request| {
            let params = library_params(&request.form);
            json!({"op": "sign", "token": request.token, "url": request.url(), "params": params})
        })
        .collect();
    for (answer, request) in oracle.ask_all(&asked).iter().zip(&requests) {
        let (url, form) = (request.url(), &request.form);
        assert_eq!(answer["signature"], twilio::signature::sign(&request.token, &url, form), "{request:?}");
        assert_eq!(answer["signature"], testkit::phone::sign(&request.token, &url, form), "{request:?}");
    }
}

#[tokio::test]
async fn every_request_of_a_simulated_call_is_accepted_by_the_library() {
    let application = Application::start().await;
    application.call().await;
    let arrived = application.arrived();
    let mut paths: Vec<&str> =
        arrived.iter().filter_map(|request| request.target.split('?').next()).collect();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(
        paths,
        ["/ended", "/leg", "/recording", "/status", "/voice"],
        "all kinds of webhooks took part"
    );

    let asked: Vec<Value> = arrived
        .iter()
        .map(|request| {
            let form = Form::parse(&request.body).unwrap();
            json!({
                "op": "validate", "token": TOKEN, "signature": request.signature,
                "url": format!("{}{}", application.base, request.target), "params": library_params(form.pairs()),
            })
        })
        .collect();
    let mut oracle = Node::run("conformance/signature-oracle.mjs", &[]);
    for (answer, request) in oracle.ask_all(&asked).iter().zip(&arrived) {
        assert_eq!(answer["valid"], true, "{}", request.target);
    }
}
