//! The signature check against vectors from the official helper libraries' own tests (named by library), and against
//! signatures made with the official Python and Node libraries (token `12345` throughout).

use twilio::signature::{Body, SignatureError, body_sha256, sign, verify};

const TOKEN: &str = "12345";
const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
const JSON: &[u8] = br#"{"property": "value", "boolean": true}"#;
const JSON_HASH: &str = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn usual() -> Vec<(String, String)> {
    pairs(&[
        ("Digits", "1234"),
        ("CallSid", "CA1234567890ABCDE"),
        ("To", "+18005551212"),
        ("Caller", "+14158675309"),
        ("From", "+14158675309"),
    ])
}

fn check(url: &str, params: &[(String, String)], signature: &str) -> Result<(), SignatureError> {
    verify(&[TOKEN], url, Body::Form(params), Some(signature))
}

fn accepted(url: &str, params: &[(String, String)], signature: &str) {
    assert_eq!(check(url, params, signature), Ok(()), "{url}");
}

fn refused(url: &str, params: &[(String, String)], signature: &str) {
    assert_eq!(check(url, params, signature), Err(SignatureError::Wrong), "{url}");
}

#[test]
fn vectors_of_the_official_libraries_are_accepted() {
    let http = "http://mycompany.com/myapp.php?foo=1&bar=2";
    for (url, signature, source) in [
        (URL, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", "all"),
        (
            "https://mycompany.com:1234/myapp.php?foo=1&bar=2",
            "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
            "all: port dropped",
        ),
        (URL, "kvajT1Ptam85bY51eRf/AJRuM3w=", "all: signed with :443"),
        (http, "0ZXoZLH/DfblKGATFgpif+LLRf4=", "all: signed with :80"),
        ("http://mycompany.com:1234/myapp.php?foo=1&bar=2", "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=", "all: port kept"),
        ("https://mycompany.com/myapp.php", "1xaxFBvyzXYvWplzNOSs28HWO94=", "java: no query"),
        (
            "https://mycompany.com/myapp.php?foo=hello%20world&bar=test%2Bvalue",
            "er2tvAP1Wx+iuTTE2BPgvEaN1cs=",
            "java",
        ),
        ("https://mycompany.com/webhook/España?año=2023", "G/Hx6mqqnjUNlPAoi2Sp9bGst0g=", "java"),
        ("https://mycompany.com:443//myapp.php?foo=1&bar=2", "A9lH3u16NjyiiM/+wylw5rirFUs=", "java"),
        ("https://user:pass@mycompany.com/myapp.php?foo=1&bar=2", "CukzLTc1tT5dXEDIHm/tKBanW10=", "node"),
        ("https://user@mycompany.com/myapp.php?foo=1&bar=2", "2YRLlVAflCqxaNicjMpJcSTgzSs=", "node"),
        (
            "https://user:pass@mycompany.com/myapp.php?foo=1&bar=2",
            "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI=",
            "node: with :443",
        ),
        (
            "https://mycompany.com/myapp.php?foo=1&bar=2&Body=It's+amazing",
            "dsq4Ehbj6cs+KdTkpF5sSSplOWw=",
            "node",
        ),
        ("https://MyCompany.com/myapp.php?foo=1&bar=2", "g9IN/x4Cft2g517EjYvEvM/W7LU=", "csharp"),
        ("https://MyCompany.com:1234/myapp.php?foo=1&bar=2", "PCqOZm8cnu/L6+u5i5fuEd+Iac4=", "csharp"),
        ("http://MyCompany.com/myapp.php?foo=1&bar=2", "XY7AlKOKL6im4yWyX84gldUrtis=", "csharp: with :80"),
        (
            "http://username:password@MyCompany.com/myapp.php?foo=1&bar=2",
            "PJ08CxXr7KLPjEQCTc8LkUSMwSM=",
            "csharp",
        ),
    ] {
        assert_eq!(check(url, &usual(), signature), Ok(()), "{source}: {url}");
    }
}

#[test]
fn names_sort_by_code_point_and_values_are_taken_whole() {
    for (params, signature, source) in [
        (
            pairs(&[("callSid", "lowercase"), ("CallSid", "uppercase"), ("CALLSID", "allcaps")]),
            "jDK7WKT8wiNrwggd4ceTv4e1MJ4=",
            "java",
        ),
        (
            pairs(&[("Zebra", "last"), ("Alpha", "first"), ("Beta", "second"), ("Gamma", "third")]),
            "enveUe73ZTVLAekHxez3Qx6JuuQ=",
            "java",
        ),
        (
            pairs(&[("Digits", ""), ("CallSid", "CA1234567890ABCDE"), ("EmptyParam", "")]),
            "9HHp/OqQMEwdrVebHDdA/+tqjX8=",
            "java",
        ),
        (
            pairs(&[
                ("Message", "Hello & goodbye! @#$%^*()"),
                ("From", "+1 (415) 867-5309"),
                ("Special", "unicode: ñáéíóú"),
            ]),
            "dCPiR4WtQ6QFN6pJh81CtlCcWLQ=",
            "java",
        ),
        (pairs(&[]), "zYQTYrRWXE7LtzbG4PfP7/bkkGo=", "java"),
        (pairs(&[("A", "  x "), ("B", "line\r\nbreak")]), "cgnk4ob9MgGa4d5SUcagtH0l7qk=", "python, node"),
        (
            // Beyond the basic plane, code points and UTF-16 units sort differently; code points are right.
            pairs(&[("a", "😀"), ("Émile", "ñ"), ("\u{1F600}", "2"), ("\u{FF5E}", "1"), ("Zed", "ü")]),
            "tA8LZWM0baxjHkn9pcJAhzhTFdw=",
            "python",
        ),
    ] {
        assert_eq!(check(URL, &params, signature), Ok(()), "{source}: {params:?}");
    }
}

/// Libraries differ here: some keep one value, some all, some join with commas. Twilio signs the sorted set.
#[test]
fn a_repeated_name_counts_as_the_sorted_set_of_its_values() {
    let digits = "IK+Dwps556ElfBT0I3Rgjkr1wJU=";
    let with = |values: &[&str]| {
        let mut params = pairs(&[("Sid", "CA123"), ("SidAccount", "AC123")]);
        params.extend(values.iter().map(|value| ("Digits".to_owned(), (*value).to_owned())));
        params
    };
    accepted(URL, &with(&["5678", "1234", "1234"]), digits);
    accepted(URL, &with(&["1234", "5678"]), digits);
    refused(URL, &with(&["5678"]), digits);
    refused(URL, &with(&["1234"]), digits);
    refused(URL, &with(&["5678,1234,1234"]), digits);

    let addresses = "83O6e2vORAoJHUNzJjDWN1jz+BA=";
    let name = "MessagingBinding.Address";
    accepted(URL, &pairs(&[(name, "+1325xxxxxxx"), (name, "+1415xxxxxxx")]), addresses);
    accepted(URL, &pairs(&[(name, "+1415xxxxxxx"), (name, "+1325xxxxxxx")]), addresses);
}

/// Some libraries lower-case the host; the signature then never fits a host that was configured with capitals.
#[test]
fn the_letters_of_the_host_count() {
    refused(URL, &usual(), "g9IN/x4Cft2g517EjYvEvM/W7LU=");
    refused("https://MyCompany.com/myapp.php?foo=1&bar=2", &usual(), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
}

/// Some libraries cut the authority at its first colon and lose the host when there is a password.
#[test]
fn user_and_password_are_not_taken_for_a_port() {
    let url = "https://user:pass@mycompany.com:1234/myapp.php?foo=1&bar=2";
    accepted(url, &usual(), "vUMNTsASzFgb9bts1IvcpOAZ6mc=");
    accepted(url, &usual(), "CukzLTc1tT5dXEDIHm/tKBanW10=");
    let two_ats = "https://us@er:pa:ss@mycompany.com/myapp.php?foo=1&bar=2";
    accepted(two_ats, &usual(), "VFdzULCe+NH0LcBmCaMbfpV6xKM=");
}

#[test]
fn the_colons_of_an_ipv6_literal_are_not_taken_for_a_port() {
    let (plain, with_8443, with_443) =
        ("guzwQgOzNuPMwOmmCmWaKs8v54o=", "QpULPN0sCej+EAS6TNPZTTFpPtM=", "0bZB3PuIUYI8pRHGamhlUw/Kctc=");
    accepted("https://[2001:db8::1]:8443/a?b=1", &usual(), with_8443);
    accepted("https://[2001:db8::1]:8443/a?b=1", &usual(), plain);
    accepted("https://[2001:db8::1]/a?b=1", &usual(), plain);
    accepted("https://[2001:db8::1]/a?b=1", &usual(), with_443);
    refused("https://[2001:db8::1]/a?b=1", &usual(), with_8443);
}

/// URL libraries drop a default port; the signature may have been made with it.
#[test]
fn a_default_port_in_the_url_may_have_been_signed_or_not() {
    let url = "https://mycompany.com:443/myapp.php?foo=1&bar=2";
    accepted(url, &usual(), "kvajT1Ptam85bY51eRf/AJRuM3w=");
    accepted(url, &usual(), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
}

/// URL libraries upper-case escapes and tidy dots; as received is what was signed.
#[test]
fn path_and_query_are_not_tidied() {
    accepted("https://mycompany.com/a%2fb?x=%c3%b1", &usual(), "uMh3/3zoWyNl3Mj+dD9Q92C0/VI=");
    refused("https://mycompany.com/a%2Fb?x=%c3%b1", &usual(), "uMh3/3zoWyNl3Mj+dD9Q92C0/VI=");
    accepted("https://mycompany.com/a/../b//c?x=1", &usual(), "4HSANC0D9j5GXUfOBlyel+pSgMA=");
    refused("https://mycompany.com/b//c?x=1", &usual(), "4HSANC0D9j5GXUfOBlyel+pSgMA=");
    accepted("https://mycompany.com", &usual(), "YxkW9trR1mzKv9enBZWkDKZMf0s=");
}

#[test]
fn an_escaped_or_rebuilt_query_may_have_been_signed() {
    let quote = "https://mycompany.com/myapp.php?foo=1&bar=2&Body=It's+amazing";
    accepted(quote, &usual(), "TfZzewPq8wqrGlMfyAud8+/IvJ0=");
    let legacy = "https://mycompany.com/myapp.php?b=x%20y&a=1&b=it's&2=two&10=ten&1=one";
    accepted(legacy, &usual(), "0vHM5r+fpVqqHlZns6rFgJz3ZtE=");
    accepted(legacy, &usual(), "6IoS6CPVw7spSONmeYPPyzENio4=");
    accepted(legacy, &usual(), "lOApZu5gr9C3SHnqn+IC99IlT9g=");
}

#[test]
fn the_fragment_is_not_signed() {
    let url = format!("{URL}#ct=2000&rp=ct,5xx");
    accepted(&url, &usual(), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    assert_eq!(sign(TOKEN, &url, &usual()), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
}

#[test]
fn what_was_altered_is_refused() {
    let signature = sign(TOKEN, URL, &usual());
    assert_eq!(signature, "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    let mut extra = usual();
    extra.push(("Extra".to_owned(), String::new()));
    refused(URL, &extra, &signature);
    refused(URL, &usual()[1..], &signature);
    let mut changed = usual();
    changed[0].1 = "12345".to_owned();
    refused(URL, &changed, &signature);
    refused("https://mycompany.com/myapp.php?foo=1&bar=3", &usual(), &signature);
    refused("http://mycompany.com/myapp.php?foo=1&bar=2", &usual(), &signature);
    refused("https://mycompany.org/myapp.php?foo=1&bar=2", &usual(), &signature);
    refused(URL, &usual(), "RSOYDt4T1cUTdK1PDd93/VVr8B8");
    refused(URL, &usual(), "rsoydt4t1cutdk1pdd93/vvr8b8=");
    refused(URL, &usual(), " RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    refused(URL, &usual(), "NOTRSOYDt4T1cUTdK1PDd93/VVr8B8=");
}

#[test]
fn a_missing_or_empty_header_is_its_own_refusal() {
    for header in [None, Some("")] {
        let answer = verify(&[TOKEN], URL, Body::Form(&usual()), header);
        assert_eq!(answer, Err(SignatureError::Missing));
    }
}

#[test]
fn any_token_of_a_rotation_is_good_and_an_empty_one_never() {
    let params = usual();
    let body = Body::Form(&params);
    let old = sign("old", URL, &params);
    assert_eq!(verify(&["new", "old"], URL, body, Some(&old)), Ok(()));
    assert_eq!(verify(&["new"], URL, body, Some(&old)), Err(SignatureError::Wrong));
    let with_empty = sign("", URL, &params);
    assert_eq!(verify(&["new", ""], URL, body, Some(&with_empty)), Err(SignatureError::Wrong));
    let none: [&str; 0] = [];
    assert_eq!(verify(&none, URL, body, Some(&old)), Err(SignatureError::Wrong));
}

#[test]
fn a_get_signs_its_url_alone() {
    assert_eq!(verify(&[TOKEN], URL, Body::None, Some("zYQTYrRWXE7LtzbG4PfP7/bkkGo=")), Ok(()));
}

#[test]
fn a_body_that_is_no_form_needs_its_hash_in_the_signed_url() {
    let json = |url: &str, raw, body_sha256, signature: &str| {
        verify(&[TOKEN], url, Body::Json { raw, body_sha256 }, Some(signature))
    };
    let hashed = format!("{URL}&bodySHA256={JSON_HASH}");
    let signature = "a9nBmqA0ju/hNViExpshrM61xv4=";
    assert_eq!(body_sha256(JSON), JSON_HASH);
    assert_eq!(json(&hashed, JSON, Some(JSON_HASH), signature), Ok(()));

    let only = format!("https://mycompany.com/myapp.php?bodySHA256={JSON_HASH}");
    assert_eq!(json(&only, JSON, Some(JSON_HASH), "y77kIzt2vzLz71DgmJGsen2scGs="), Ok(()));

    let empty = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let url = format!("{URL}&bodySHA256={empty}");
    assert_eq!(json(&url, b"{}", Some(empty), "Ldidvp12m26NI7eqEvxnEpkd9Hc="), Ok(()));

    let altered = br#"{"property": "value", "boolean": false}"#;
    assert_eq!(json(&hashed, altered, Some(JSON_HASH), signature), Err(SignatureError::BodyHashWrong));
    assert_eq!(json(&hashed, JSON, None, signature), Err(SignatureError::BodyHashMissing));
    let theirs = body_sha256(altered);
    assert_eq!(
        json(&hashed, altered, Some(&theirs), signature),
        Err(SignatureError::BodyHashMissing),
        "a hash from elsewhere than the signed URL is none"
    );
    let unhashed = sign(TOKEN, URL, &[]);
    assert_eq!(json(URL, JSON, Some(JSON_HASH), &unhashed), Err(SignatureError::BodyHashMissing));
    assert_eq!(json(&hashed, JSON, Some(JSON_HASH), &unhashed), Err(SignatureError::Wrong));
}
