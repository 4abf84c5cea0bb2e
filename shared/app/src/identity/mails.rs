//! The mails: plain text, with a link whose token stands behind `#`, where no server's log sees it.

use domain::email::EmailAddress;
use domain::people::Invitation;

use super::{Done, Tools};
use crate::ports::Mail;
use crate::secret::Secret;

async fn send(tools: &Tools<'_>, to: &EmailAddress, subject: &str, paragraphs: &[&str]) -> Done<()> {
    let text = format!("Hello,\n\n{}\n\nCallCenter Pro\n{}\n", paragraphs.join("\n\n"), tools.app_origin);
    tools.mailer.send(&Mail { to: to.clone(), subject: subject.to_owned(), text }).await?;
    Ok(())
}

fn link(tools: &Tools<'_>, page: &str, token: &Secret) -> String {
    format!("{}/{page}#token={}", tools.app_origin, token.expose())
}

pub(super) async fn confirm_sign_up(tools: &Tools<'_>, to: &EmailAddress, token: &Secret) -> Done<()> {
    let link = link(tools, "confirm-sign-up", token);
    let paragraphs = [
        "somebody, probably you, wants to open an account with this address. To do so, follow this link and choose a password:",
        link.as_str(),
        "It works once, for one day. If it was not you, do nothing: no account is opened.",
    ];
    send(tools, to, "Confirm your address", &paragraphs).await
}

pub(super) async fn already_known(tools: &Tools<'_>, to: &EmailAddress) -> Done<()> {
    let sign_in = format!("{}/sign-in", tools.app_origin);
    let paragraphs = [
        "somebody, probably you, wanted to open an account with this address. It has one already; sign in here:",
        sign_in.as_str(),
        "If you forgot the password, ask for a new one there. If it was not you, do nothing.",
    ];
    send(tools, to, "You have an account already", &paragraphs).await
}

pub(super) async fn reset_password(tools: &Tools<'_>, to: &EmailAddress, token: &Secret) -> Done<()> {
    let link = link(tools, "reset-password", token);
    let paragraphs = [
        "somebody, probably you, forgot the password. To set a new one, follow this link:",
        link.as_str(),
        "It works once, for one hour. If it was not you, do nothing: the password stays as it is.",
    ];
    send(tools, to, "Set a new password", &paragraphs).await
}

pub(super) async fn password_changed(tools: &Tools<'_>, to: &EmailAddress) -> Done<()> {
    let paragraphs = ["the password of your account was changed, and every sign-in has ended.", UNEXPECTED];
    send(tools, to, "Your password was changed", &paragraphs).await
}

pub(super) async fn second_factor_changed(tools: &Tools<'_>, to: &EmailAddress, on: bool) -> Done<()> {
    let what = if on {
        "signing in to your account now takes a code of your authenticator app, too."
    } else {
        "signing in to your account takes no code of an authenticator app any more."
    };
    send(tools, to, "Your second factor was changed", &[what, UNEXPECTED]).await
}

pub(super) async fn confirm_email(tools: &Tools<'_>, to: &EmailAddress, token: &Secret) -> Done<()> {
    let link = link(tools, "confirm-email", token);
    let paragraphs = [
        "to sign in with this address from now on, follow this link:",
        link.as_str(),
        "It works once, for one hour. If you did not ask for it, do nothing.",
    ];
    send(tools, to, "Confirm your new address", &paragraphs).await
}

pub(super) async fn email_asked(tools: &Tools<'_>, to: &EmailAddress, new: &EmailAddress) -> Done<()> {
    let words = format!(
        "somebody who knows your password asked to sign in to your account with another address: {}. It changes when a \
         link that was sent there is followed.",
        new.masked()
    );
    send(tools, to, "Your address is about to change", &[&words, UNEXPECTED]).await
}

pub(super) async fn email_changed(tools: &Tools<'_>, to: &EmailAddress) -> Done<()> {
    let paragraphs = ["your account is signed in to with another address from now on.", UNEXPECTED];
    send(tools, to, "Your address was changed", &paragraphs).await
}

pub(super) async fn invitation(
    tools: &Tools<'_>,
    account: &str,
    invitation: &Invitation,
    token: &Secret,
) -> Done<()> {
    let link = link(tools, "accept-invitation", token);
    let words =
        format!("you are invited to join {account} as {}. To accept, follow this link:", invitation.role);
    let paragraphs = [
        words.as_str(),
        &link,
        "It works once, for seven days. If you do not know who invites you, do nothing.",
    ];
    send(tools, &invitation.email, &format!("Invitation to {account}"), &paragraphs).await
}

const UNEXPECTED: &str = "If that was not you, set a new password at once (\"forgot the password\" on the sign-in page), and tell an owner of the \
     account.";
