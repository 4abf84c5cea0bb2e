//! What is sent without the SDK's client is signed as AWS's own signer signs it.

use std::sync::{Arc, Mutex};

use app::ports::Visits;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use store::Store;
use testkit::database::TABLE;
use tokio::net::TcpListener;

use crate::support::*;
use crate::visits::{visit, visit_id};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// Sends one request with these credentials and gives what arrived, with the URL it went to.
async fn sent(region: &'static str, token: Option<&str>) -> (String, HeaderMap, Bytes) {
    let received = Arc::new(Mutex::new(None));
    let kept = received.clone();
    let router = Router::new().fallback(move |headers: HeaderMap, body: Bytes| async move {
        *kept.lock().unwrap() = Some((headers, body));
        "{}"
    });
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let credentials = Credentials::new("AKIDEXAMPLE", SECRET, token.map(str::to_owned), None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(&url)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let visit = visit(visit_id(0), &[("utm_term", "Rohrbruch \"Zürich\" & mehr")]);
    Store::connect(&config, TABLE).begin(tenant(), &visit).await.unwrap();
    let (headers, body) = received.lock().unwrap().take().unwrap();
    (url, headers, body)
}

#[tokio::test]
async fn requests_are_signed_as_the_official_signer_signs_them() {
    for (region, token) in [("us-east-1", None), ("eu-central-1", Some("FwoGZXIvYXdzEJr//////////w=="))] {
        let (url, headers, body) = sent(region, token).await;
        let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("x-amz-target").as_deref(), Some("DynamoDB_20120810.PutItem"));
        assert_eq!(header("x-amz-security-token").as_deref(), token);
        let date = header("x-amz-date").unwrap();
        let at: Timestamp =
            DateTime::strptime("%Y%m%dT%H%M%SZ", &date).unwrap().to_zoned(TimeZone::UTC).unwrap().timestamp();

        let identity = Credentials::new("AKIDEXAMPLE", SECRET, token.map(str::to_owned), None, "test").into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("dynamodb")
            .time(at.into())
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let of_ours = ["content-type", "x-amz-target"].map(|name| (name, header(name).unwrap()));
        let of_ours = of_ours.iter().map(|(name, value)| (*name, value.as_str()));
        let request = SignableRequest::new("POST", &url, of_ours, SignableBody::Bytes(&body)).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        let (official, _) = instructions.into_parts();
        let mut compared = 0;
        for name in ["authorization", "x-amz-date", "x-amz-security-token"] {
            let theirs =
                official.iter().find(|header| header.name() == name).map(|header| header.value().to_owned());
            assert_eq!(header(name), theirs, "{name} in {region}");
            compared += usize::from(theirs.is_some());
        }
        assert_eq!(compared, 2 + usize::from(token.is_some()));
    }
}
