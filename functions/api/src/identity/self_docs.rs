//! What signing in, and everything about oneself, say of themselves.

use contract::identity::{
    LookAtYourMail, Me, RecoveryCodes, SecondFactorBegun, SessionShown, SessionsEnded, SignInAnswer, SignUp,
    UserShown,
};
use contract::problem::Code;
use domain::ids::SessionId;
use serde_json::{Value, json};

use super::auth::{Acceptance, EmailAndPassword, EmailOnly, TokenAndCode, TokenAndPassword, TokenOnly};
use super::docs::{account_example, user_example};
use super::me::Rename;
use super::proof::{CodeOnly, NewEmail, OldAndNew, PasswordOnly};
use crate::doc::Doc;
use crate::shape::Shape;

const EMAIL: &str = "anna@example.com";
const PASSWORD: &str = "a long way to Tipperary";
const TOKEN: &str = "4f3c1e0d5b6a79880f1e2d3c4b5a69780f1e2d3c4b5a69784f3c1e0d5b6a7988";
const COOKIE: &str = "The answer sets the cookie that signs the browser in.";

fn me_example() -> Value {
    json!({
        "user": user_example(),
        "account": account_example(),
        "permissions": ["campaigns:read", "campaigns:write"],
        "own_permissions": [],
    })
}

fn by_mail(doc: Doc) -> Doc {
    let example = json!({"message": "look at your mail: it says how to go on"});
    doc.answers(202, Shape::of::<LookAtYourMail>(), example).refuses(&[Code::Locked])
}

/// `POST /api/auth/sign-up`.
pub fn sign_up() -> Doc {
    by_mail(
        Doc::new("sign_up", "Ask for an account")
            .about(
                "A mail with a link follows; the account is opened when a password is chosen there. Whether the address is \
                 known already, only the mail says.",
            )
            .body(
                Shape::of::<SignUp>(),
                json!({"email": EMAIL, "name": "Anna Park", "account_name": "Acme Calls", "currency": "USD",
                    "time_zone": "America/New_York"}),
            ),
    )
}

fn token_and_password() -> Value {
    json!({"token": TOKEN, "password": PASSWORD})
}

/// `POST /api/auth/sign-up/confirm`.
pub fn confirm_sign_up() -> Doc {
    Doc::new("confirm_sign_up", "Open the account")
        .about(format!("With the token of the mail and a password of at least 12 characters. {COOKIE}"))
        .body(Shape::of::<TokenAndPassword>(), token_and_password())
        .answers(201, Shape::of::<Me>(), me_example())
        .refuses(&[Code::TokenInvalid, Code::PasswordWeak, Code::Taken, Code::NotFound])
}

/// `POST /api/auth/sign-in`.
pub fn sign_in() -> Doc {
    Doc::new("sign_in", "Sign in")
        .about(format!(
            "{COOKIE} With a second factor, `second_factor_needed` comes first, with a token that is good for five minutes. \
             Too many attempts lock the address for a while."
        ))
        .body(Shape::of::<EmailAndPassword>(), json!({"email": EMAIL, "password": PASSWORD}))
        .answers(200, Shape::of::<SignInAnswer>(), json!({"status": "signed_in", "me": me_example()}))
        .refuses(&[Code::WrongCredentials, Code::Locked, Code::NotFound])
}

/// `POST /api/auth/sign-in/second-factor`.
pub fn second_step() -> Doc {
    Doc::new("sign_in_second_factor", "Sign in: the code")
        .about(format!(
            "With the token of the first step, and a code of the app or a recovery code. {COOKIE}"
        ))
        .body(Shape::of::<TokenAndCode>(), json!({"token": TOKEN, "code": "123456"}))
        .answers(200, Shape::of::<SignInAnswer>(), json!({"status": "signed_in", "me": me_example()}))
        .refuses(&[Code::TokenInvalid, Code::WrongCode, Code::Locked, Code::NotFound])
}

/// `POST /api/auth/password-reset`.
pub fn ask_reset() -> Doc {
    by_mail(
        Doc::new("ask_password_reset", "Ask for a new password")
            .about("If the address is known, a mail with a link follows that is good for an hour.")
            .body(Shape::of::<EmailOnly>(), json!({"email": EMAIL})),
    )
}

/// `POST /api/auth/password-reset/confirm`.
pub fn reset() -> Doc {
    Doc::new("reset_password", "Choose a new password")
        .about("With the token of the mail. All sign-ins end.")
        .body(Shape::of::<TokenAndPassword>(), token_and_password())
        .refuses(&[Code::TokenInvalid, Code::PasswordWeak])
}

/// `POST /api/auth/email/confirm`.
pub fn confirm_email() -> Doc {
    Doc::new("confirm_email", "Confirm a new e-mail address")
        .about("With the token of the mail to the new address, which signs in from now on.")
        .body(Shape::of::<TokenOnly>(), json!({"token": TOKEN}))
        .refuses(&[Code::TokenInvalid, Code::Taken])
}

/// `POST /api/invitations/accept`.
pub fn accept_invitation() -> Doc {
    Doc::new("accept_invitation", "Accept an invitation")
        .about(format!("With the token of the mail. {COOKIE}"))
        .body(Shape::of::<Acceptance>(), json!({"token": TOKEN, "name": "Ben Ortiz", "password": PASSWORD}))
        .answers(201, Shape::of::<Me>(), me_example())
        .refuses(&[Code::TokenInvalid, Code::PasswordWeak, Code::Taken, Code::LimitReached, Code::NotFound])
}

/// `POST /api/auth/sign-out`.
pub fn sign_out() -> Doc {
    Doc::new("sign_out", "Sign out")
}

/// `GET /api/me`.
pub fn me() -> Doc {
    Doc::new("get_me", "Who am I, and what may I do?")
        .answers(200, Shape::of::<Me>(), me_example())
        .refuses(&[Code::NotFound])
}

/// `PATCH /api/me`.
pub fn rename() -> Doc {
    Doc::new("update_me", "Change my name")
        .body(Shape::of::<Rename>(), json!({"version": 1, "name": "Anna Park"}))
        .answers(200, Shape::of::<UserShown>(), user_example())
        .refuses(&[Code::NotFound])
}

/// `GET /api/me/sessions`.
pub fn sessions() -> Doc {
    let example = json!({
        "id": "SE019abc0de1f27a3b8c4d5e6f70819203",
        "current": true,
        "created_at": "2026-11-22T12:00:00Z",
        "last_used_at": "2026-11-22T12:00:00Z",
        "expires_at": "2026-12-06T12:00:00Z",
        "network": "203.0.113.0/24",
        "agent": "Firefox",
    });
    Doc::new("list_my_sessions", "Where am I signed in?")
        .answers(200, Shape::page(Shape::of::<SessionShown>()), json!({"items": [example]}))
        .refuses(&[Code::NotFound])
}

/// `DELETE /api/me/sessions`.
pub fn revoke_others() -> Doc {
    Doc::new("end_my_other_sessions", "Sign out everywhere else")
        .answers(200, Shape::of::<SessionsEnded>(), json!({"ended": 2}))
        .refuses(&[Code::NotFound])
}

/// `DELETE /api/me/sessions/{id}`.
pub fn revoke_session() -> Doc {
    Doc::new("end_my_session", "End one of my sign-ins").of(Shape::of::<SessionId>())
}

fn proven(doc: Doc) -> Doc {
    doc.refuses(&[Code::WrongPassword, Code::Locked, Code::NotFound])
}

/// `POST /api/me/password`.
pub fn change_password() -> Doc {
    proven(
        Doc::new("change_my_password", "Change my password")
            .about("All other sign-ins end; this one gets a new cookie.")
            .body(
                Shape::of::<OldAndNew>(),
                json!({"old_password": PASSWORD, "password": "the road goes ever on and on"}),
            )
            .refuses(&[Code::PasswordWeak]),
    )
}

/// `POST /api/me/email`.
pub fn change_email() -> Doc {
    proven(by_mail(
        Doc::new("change_my_email", "Change my e-mail address")
            .about("The new address gets a link to confirm; the old one is told.")
            .body(Shape::of::<NewEmail>(), json!({"email": "anna.park@example.com", "password": PASSWORD})),
    ))
}

/// `POST /api/me/second-factor`.
pub fn begin_second_factor() -> Doc {
    let example = json!({
        "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        "uri": "otpauth://totp/CallCenter%20Pro:anna%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    });
    proven(
        Doc::new("begin_my_second_factor", "Set up a second factor")
            .about("The seed is shown once. It counts only when a first code has confirmed it.")
            .body(Shape::of::<PasswordOnly>(), json!({"password": PASSWORD}))
            .answers(200, Shape::of::<SecondFactorBegun>(), example)
            .refuses(&[Code::WrongState]),
    )
}

/// `POST /api/me/second-factor/confirm`.
pub fn confirm_second_factor() -> Doc {
    let codes: Vec<String> = (0..10).map(|number| format!("k7m2-p9qx-{number}")).collect();
    proven(
        Doc::new("confirm_my_second_factor", "Confirm the second factor")
            .about("With a first code of the app. The answer has ten recovery codes, once. All other sign-ins end.")
            .body(Shape::of::<CodeOnly>(), json!({"code": "123456"}))
            .answers(200, Shape::of::<RecoveryCodes>(), json!({"recovery_codes": codes}))
            .refuses(&[Code::WrongCode, Code::WrongState]),
    )
}

/// `DELETE /api/me/second-factor`.
pub fn disable_second_factor() -> Doc {
    proven(
        Doc::new("remove_my_second_factor", "Remove the second factor")
            .about("All other sign-ins end; this one gets a new cookie.")
            .body(Shape::of::<PasswordOnly>(), json!({"password": PASSWORD}))
            .refuses(&[Code::WrongState]),
    )
}
