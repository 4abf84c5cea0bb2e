//! Asking for an account: our client and the simulator keep to Twilio's description.

use app::ports::AccountStanding;
use domain::ids::AccountSid;
use twilio::rest::Credentials;

use crate::application::Application;
use crate::form::ACCOUNT;
use crate::node::Node;
use crate::rest::{Exchange, client_of, credentials};

#[tokio::test]
async fn asking_for_an_account_is_within_the_description_and_so_is_the_simulators_answer() {
    let application = Application::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    let router = application.network.router();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    let mut prism = Node::run("conformance_rs/prism-proxy.mjs", &[&upstream]);
    let client = client_of(&mut prism);
    let account = client.fetch_account(&credentials()).await.unwrap();
    assert_eq!(account.account_sid.as_str(), ACCOUNT);
    assert!(matches!(account.standing(), AccountStanding::Active { .. }));
    let wrong = Credentials::new(ACCOUNT.parse::<AccountSid>().unwrap(), "another-token-altogether");
    let refused = client.fetch_account(&wrong).await.unwrap_err();
    assert_eq!(refused.account_standing(), Some(AccountStanding::WrongToken));
    server.abort();

    for _ in 0..2 {
        let exchange: Exchange = serde_json::from_str(&prism.line()).unwrap();
        exchange.must_keep_to_the_description();
    }
}
