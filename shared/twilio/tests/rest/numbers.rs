//! Numbers and applications: bought once, paged to the end, refusals as values.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use app::ports::{
    ApplicationHooks, CarrierNumbers as _, CarrierRefusal, Found, NumberSearch, OwnedNumber, PortError,
};
use domain::country::Country;
use domain::ids::{ApplicationSid, NumberSid};
use domain::number::LineKind;
use domain::phone::E164;
use serde_json::{Value, json};
use twilio::rest::{Pace, RestClient, RestError};
use twilio::telephony::TwilioTelephony;

use crate::server::{
    ACCOUNT, Answer, Checked, OneToken, PACE, Script, client, client_with, credentials, error_json,
};

const SID: &str = "PN00000000000000000000000000000001";
const APPLICATION: &str = "AP00000000000000000000000000000007";
const NAME: &str = "callcenter-pro production calls.example.com";

fn wanted() -> Result<E164, Box<dyn Error>> {
    Ok("+12025550142".parse()?)
}

fn application() -> Result<ApplicationSid, Box<dyn Error>> {
    Ok(APPLICATION.parse()?)
}

fn number_json(number: &str) -> Value {
    json!({
        "sid": SID, "account_sid": ACCOUNT, "phone_number": number, "friendly_name": "(202) 555-0142",
        "capabilities": {"voice": true, "sms": true, "mms": false, "fax": false},
        "voice_application_sid": APPLICATION, "voice_url": "https://a.example/voice", "voice_method": "POST",
        "voice_fallback_url": "", "voice_fallback_method": "GET", "status_callback": null
    })
}

fn page(numbers: &[&str], next: Option<&str>) -> Answer {
    let numbers: Vec<Value> = numbers.iter().map(|number| number_json(number)).collect();
    Answer::Json(200, json!({"incoming_phone_numbers": numbers, "next_page_uri": next}))
}

fn hooks() -> ApplicationHooks {
    ApplicationHooks {
        voice_url: "https://a.example/twilio/voice/inbound#ct=2000&rp=ct,5xx".to_owned(),
        fallback_url: "https://cdn.example/fallback/by-number.xml".to_owned(),
        status_url: "https://a.example/twilio/voice/status".to_owned(),
    }
}

fn application_json(sid: &str, voice_url: &str) -> Value {
    json!({
        "sid": sid, "friendly_name": NAME, "voice_url": voice_url, "voice_method": "POST",
        "voice_fallback_url": hooks().fallback_url, "voice_fallback_method": "GET",
        "status_callback": hooks().status_url, "status_callback_method": "POST"
    })
}

fn applications(of: &[Value]) -> Answer {
    Answer::Json(200, json!({"applications": of, "next_page_uri": null}))
}

fn port(client: RestClient) -> Result<TwilioTelephony, Box<dyn Error>> {
    Ok(TwilioTelephony::new(client, Arc::new(OneToken)))
}

/// Gives a silent server up soon.
const IMPATIENT: Pace = Pace { attempt: Duration::from_millis(150), ..PACE };

fn purchases(script: &Script) -> usize {
    script.log().iter().filter(|line| line.starts_with("POST")).count()
}

#[tokio::test]
async fn a_search_names_its_wishes_and_wants_numbers_that_carry_calls() -> Checked {
    let found = json!({"available_phone_numbers": [{
        "phone_number": "+12025550142", "friendly_name": "(202) 555-0142", "locality": "Washington", "region": "DC",
        "postal_code": "20001", "iso_country": "US", "address_requirements": "none", "beta": false,
        "capabilities": {"voice": true, "SMS": true, "MMS": false}
    }]});
    let (script, client) = client(vec![Answer::Json(200, found)]).await?;
    let search = NumberSearch {
        country: Country::US,
        kind: LineKind::Local,
        area_code: Some(202),
        contains: Some("*42".to_owned()),
        region: Some("DC".to_owned()),
        locality: None,
        postal_code: None,
        limit: 20,
    };
    let found =
        port(client)?.search_numbers(&ACCOUNT.parse()?, &search).await?.map_err(CarrierRefusal::words)?;
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].number, found[0].locality.as_deref()), (&wanted()?, Some("Washington")));
    assert!(found[0].capabilities.sms && !found[0].capabilities.mms && !found[0].needs_address);
    assert_eq!(
        script.log(),
        [
            "GET /AvailablePhoneNumbers/US/Local.json?VoiceEnabled=true&PageSize=20&AreaCode=202&Contains=*42&InRegion=DC"
        ]
    );
    Ok(())
}

#[tokio::test]
async fn what_is_not_sold_anywhere_is_not_offered() -> Checked {
    let (_, client) = client(vec![error_json(404, 20404)]).await?;
    let search = NumberSearch {
        country: "AQ".parse()?,
        kind: LineKind::Mobile,
        area_code: None,
        contains: None,
        region: None,
        locality: None,
        postal_code: None,
        limit: 1,
    };
    let found = port(client)?.search_numbers(&ACCOUNT.parse()?, &search).await?;
    assert_eq!(found, Err(CarrierRefusal::NotOffered));
    Ok(())
}

#[tokio::test]
async fn a_number_is_bought_exactly_and_for_our_application() -> Checked {
    let (script, client) = client(vec![Answer::Json(201, number_json("+12025550142"))]).await?;
    let bought = port(client)?.buy_number(&ACCOUNT.parse()?, &wanted()?, &application()?).await?;
    let bought = bought.map_err(CarrierRefusal::words)?;
    assert_eq!((bought.sid.as_str(), bought.application), (SID, Some(application()?)));
    let bought = "POST /IncomingPhoneNumbers.json PhoneNumber=%2B12025550142&VoiceApplicationSid=";
    assert_eq!(script.log(), [format!("{bought}{APPLICATION}")]);
    let seen = script.seen(0).ok_or("no request")?;
    assert_eq!(seen.content_type, "application/x-www-form-urlencoded");
    Ok(())
}

#[tokio::test]
async fn a_purchase_that_was_not_processed_is_sent_again() -> Checked {
    let busy = || error_json(429, 20429);
    let (script, client) =
        client(vec![busy(), busy(), Answer::Json(201, number_json("+12025550142"))]).await?;
    client.buy_number(&credentials()?, &wanted()?, &application()?).await?;
    assert_eq!(purchases(&script), 3);
    Ok(())
}

#[tokio::test]
async fn throttling_that_lasts_is_told_as_busy() -> Checked {
    let pace = Pace { deadline: Duration::from_millis(300), ..PACE };
    let (script, client) = client_with(vec![error_json(429, 20429)], pace).await?;
    let busy = port(client)?.buy_number(&ACCOUNT.parse()?, &wanted()?, &application()?).await;
    assert!(matches!(busy, Err(PortError::Busy { .. })), "{busy:?}");
    assert!(purchases(&script) > 1);
    Ok(())
}

#[tokio::test]
async fn after_a_lost_answer_it_is_looked_for_the_number_and_nothing_is_bought_again() -> Checked {
    for lost in [Answer::Silence, error_json(503, 20500), Answer::Text(201, "{".to_owned())] {
        let answers = vec![lost, page(&[], None), page(&["+12025550142"], None)];
        let (script, client) = client_with(answers, IMPATIENT).await?;
        let bought = client.buy_number(&credentials()?, &wanted()?, &application()?).await?;
        assert_eq!(bought.sid.as_str(), SID);
        assert_eq!(purchases(&script), 1);
        assert_eq!(script.log().len(), 3, "{:?}", script.log());
    }
    Ok(())
}

#[tokio::test]
async fn a_purchase_whose_fate_stays_unknown_is_told_and_not_repeated() -> Checked {
    let (script, client) = client_with(vec![error_json(500, 20500), page(&[], None)], IMPATIENT).await?;
    let error =
        client.buy_number(&credentials()?, &wanted()?, &application()?).await.err().ok_or("bought")?;
    assert!(matches!(&error, RestError::Refused { refusal, .. } if refusal.status == 500), "{error}");
    assert_eq!(purchases(&script), 1);
    Ok(())
}

#[tokio::test]
async fn every_refusal_of_twilios_has_its_meaning() -> Checked {
    for (status, code, meaning, stable) in [
        (400, 21422, CarrierRefusal::NotAvailable, "not_available"),
        (400, 21421, CarrierRefusal::InvalidNumber, "invalid_number"),
        (400, 21452, CarrierRefusal::NoNumbersInArea, "no_numbers_in_area"),
        (400, 21451, CarrierRefusal::InvalidArea, "invalid_area"),
        (400, 21404, CarrierRefusal::TrialLimit, "trial_limit"),
        (400, 21631, CarrierRefusal::AddressRequired, "address_required"),
        (400, 21651, CarrierRefusal::AddressRequired, "address_required"),
        (400, 21649, CarrierRefusal::BundleRequired, "bundle_required"),
        (401, 20003, CarrierRefusal::NotAuthorised, "not_authorised"),
        (400, 21999, CarrierRefusal::Other { code: Some(21999) }, "other"),
    ] {
        let (script, client) = client(vec![error_json(status, code)]).await?;
        let refused = port(client)?.buy_number(&ACCOUNT.parse()?, &wanted()?, &application()?).await?;
        assert_eq!(refused, Err(meaning), "{code}");
        assert_eq!((meaning.code(), purchases(&script)), (stable, 1), "{code}");
        assert!(!meaning.words().contains("4155550100"), "no number of Twilio's words comes out");
    }
    Ok(())
}

#[tokio::test]
async fn a_number_is_found_exactly_or_not_at_all() -> Checked {
    let (script, client) = client(vec![page(&["+120255501429", "+12025550142"], None)]).await?;
    let found = client.find_number(&credentials()?, &wanted()?).await?.ok_or("not found")?;
    assert_eq!((found.sid.as_str(), found.voice_url.as_deref()), (SID, Some("https://a.example/voice")));
    assert_eq!(script.log(), ["GET /IncomingPhoneNumbers.json?PhoneNumber=%2B12025550142"]);
    assert_eq!(client.find_number(&credentials()?, &"+12025550143".parse()?).await?, None);
    Ok(())
}

#[tokio::test]
async fn all_numbers_of_an_account_are_read_page_by_page() -> Checked {
    let next =
        format!("/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json?PageSize=200&Page=1&PageToken=PA1");
    let (script, client) = client(vec![
        page(&["+12025550142", "12345"], Some(&next)),
        error_json(429, 20429),
        page(&["+12025550143"], None),
    ])
    .await?;
    let owned = port(client)?.owned_numbers(&ACCOUNT.parse()?).await?.map_err(CarrierRefusal::words)?;
    let numbers: Vec<&str> = owned.iter().map(|owned: &OwnedNumber| owned.number.as_str()).collect();
    assert_eq!(numbers, ["+12025550142", "+12025550143"], "a short code is no number of ours");
    assert_eq!(script.log().len(), 3);
    Ok(())
}

#[tokio::test]
async fn credentials_follow_no_foreign_page_of_numbers() -> Checked {
    let foreign = "/2010-04-01/Accounts/AC11111111111111111111111111111111/IncomingPhoneNumbers.json";
    let (script, client) = client(vec![page(&[], Some(foreign))]).await?;
    let error = client.numbers(&credentials()?).await.err().ok_or("followed")?;
    assert!(matches!(error, RestError::Field { field: "next_page_uri", .. }), "{error}");
    assert_eq!(script.requests(), 1);
    Ok(())
}

#[tokio::test]
async fn a_number_is_given_to_an_application_and_taken_off_again() -> Checked {
    let number = || Answer::Json(200, number_json("+12025550142"));
    let (script, client) =
        client(vec![error_json(503, 20500), number(), number(), error_json(404, 20404)]).await?;
    let (port, account, sid) = (port(client)?, ACCOUNT.parse()?, SID.parse::<NumberSid>()?);
    assert_eq!(port.point_number(&account, &sid, Some(&application()?)).await?, Ok(true));
    assert_eq!(port.point_number(&account, &sid, None).await?, Ok(true));
    assert_eq!(port.point_number(&account, &sid, None).await?, Ok(false), "released meanwhile");
    let to = format!("POST /IncomingPhoneNumbers/{SID}.json VoiceApplicationSid=");
    assert_eq!(script.log(), [format!("{to}{APPLICATION}"), format!("{to}{APPLICATION}"), to.clone(), to]);
    Ok(())
}

#[tokio::test]
async fn a_release_whose_answer_was_lost_is_done_all_the_same() -> Checked {
    let (script, client) =
        client(vec![error_json(500, 20500), error_json(404, 20404), Answer::Text(204, String::new())])
            .await?;
    let (port, account, sid) = (port(client)?, ACCOUNT.parse()?, SID.parse::<NumberSid>()?);
    assert_eq!(
        port.release_number(&account, &sid).await?,
        Ok(false),
        "the repetition finds nothing any more"
    );
    assert_eq!(port.release_number(&account, &sid).await?, Ok(true));
    assert_eq!(script.log(), vec![format!("DELETE /IncomingPhoneNumbers/{SID}.json"); 3]);
    Ok(())
}

#[tokio::test]
async fn an_application_that_is_right_is_left_alone() -> Checked {
    let right = application_json(APPLICATION, &hooks().voice_url);
    let mut namesake = application_json("AP00000000000000000000000000000001", "https://other.example");
    namesake["friendly_name"] = "callcenter-pro production calls.example.com 2".into();
    let (script, client) = client(vec![applications(&[namesake, right])]).await?;
    let ensured = port(client)?.ensure_application(&ACCOUNT.parse()?, NAME, &hooks()).await?;
    let ensured = ensured.map_err(CarrierRefusal::words)?;
    assert_eq!((ensured.sid, ensured.found), (application()?, Found::Right));
    assert_eq!(
        script.log(),
        ["GET /Applications.json?FriendlyName=callcenter-pro+production+calls.example.com&PageSize=50"]
    );
    Ok(())
}

#[tokio::test]
async fn an_application_with_other_addresses_is_corrected() -> Checked {
    let wrong = application_json(APPLICATION, "https://elsewhere.example");
    let right = application_json(APPLICATION, &hooks().voice_url);
    let (script, client) = client(vec![applications(&[wrong]), Answer::Json(200, right)]).await?;
    let ensured = port(client)?.ensure_application(&ACCOUNT.parse()?, NAME, &hooks()).await?;
    assert_eq!(ensured.map(|ensured| ensured.found), Ok(Found::Corrected));
    let expected = format!(
        "POST /Applications/{APPLICATION}.json FriendlyName=callcenter-pro+production+calls.example.com\
         &VoiceUrl=https%3A%2F%2Fa.example%2Ftwilio%2Fvoice%2Finbound%23ct%3D2000%26rp%3Dct%2C5xx&VoiceMethod=POST\
         &VoiceFallbackUrl=https%3A%2F%2Fcdn.example%2Ffallback%2Fby-number.xml&VoiceFallbackMethod=GET\
         &StatusCallback=https%3A%2F%2Fa.example%2Ftwilio%2Fvoice%2Fstatus&StatusCallbackMethod=POST"
    );
    assert_eq!(script.log()[1], expected);
    Ok(())
}

#[tokio::test]
async fn an_application_is_made_once_and_all_who_made_one_agree() -> Checked {
    let ours = application_json(APPLICATION, &hooks().voice_url);
    let theirs = application_json("AP00000000000000000000000000000003", &hooks().voice_url);
    let made = || Answer::Json(201, ours.clone());
    let (script, client) =
        client(vec![applications(&[]), made(), applications(&[ours.clone(), theirs])]).await?;
    let ensured = port(client)?.ensure_application(&ACCOUNT.parse()?, NAME, &hooks()).await?;
    let ensured = ensured.map_err(CarrierRefusal::words)?;
    assert_eq!((ensured.sid.as_str(), ensured.found), ("AP00000000000000000000000000000003", Found::Created));
    assert_eq!(purchases(&script), 1);
    Ok(())
}

#[tokio::test]
async fn an_application_whose_making_was_not_answered_is_looked_for() -> Checked {
    let ours = application_json(APPLICATION, &hooks().voice_url);
    let answers = vec![applications(&[]), Answer::Silence, applications(&[ours])];
    let (script, client) = client_with(answers, IMPATIENT).await?;
    let ensured = port(client)?.ensure_application(&ACCOUNT.parse()?, NAME, &hooks()).await?;
    assert_eq!(ensured.map(|ensured| ensured.found), Ok(Found::Created));
    assert_eq!(purchases(&script), 1);
    Ok(())
}

#[tokio::test]
async fn a_refusal_keeps_twilio_s_code_and_shows_no_number() -> Checked {
    let (script, client) = client(vec![error_json(400, 21422)]).await?;
    let error =
        client.buy_number(&credentials()?, &wanted()?, &application()?).await.err().ok_or("accepted")?;
    let RestError::Refused { refusal, .. } = &error else { return Err(error.into()) };
    assert_eq!((refusal.status, refusal.code), (400, Some(21422)));
    assert!(refusal.message.contains("is not good"));
    assert_eq!(error.to_string(), "Twilio's API refused (buy a phone number): HTTP 400, code 21422");
    assert!(!format!("{error:?}").contains("4155550100"));
    assert_eq!(script.requests(), 1);
    Ok(())
}
