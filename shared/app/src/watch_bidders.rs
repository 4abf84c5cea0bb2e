//! Telling people that a bidder does not work: an alert is opened, mailed once, and closed when the bidder is good again.
//!
//! What must stay true: an alert is opened once, however many look at the same moment; whoever opens, tells or closes it
//! claims that in the table first. A mail that cannot be sent is tried again at the next look; one that was sent is not
//! sent again.

use std::sync::Arc;

use async_trait::async_trait;
use domain::access::Role;
use domain::bidder_alert::{AlertKind, BidderAlert, Figures, Verdict};
use domain::bidder_hour::{Requests, hour_of};
use domain::ids::{RtbTargetId, TenantId};
use domain::people::UserStatus;
use domain::rtb_target::RtbTarget;
use jiff::SignedDuration;

use crate::check_bidders::AfterLook;
use crate::clock::Clock;
use crate::ports::{BidderAlerts, Health, Identity, Mail, Mailer, OpenAlert, PortResult};
use crate::trail::Chain;

/// Watches bidders.
#[derive(Clone)]
pub struct WatchBidders {
    /// How they did.
    pub health: Arc<dyn Health>,
    /// The alerts.
    pub alerts: Arc<dyn BidderAlerts>,
    /// Who is told.
    pub identity: Arc<dyn Identity>,
    /// How they are told.
    pub mailer: Arc<dyn Mailer>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where people open the dashboard.
    pub app_origin: String,
}

#[async_trait]
impl AfterLook for WatchBidders {
    async fn looked(&self, tenant: TenantId, id: RtbTargetId, bidder: &RtbTarget) -> PortResult<()> {
        let now = self.clock.now();
        let running = hour_of(now);
        let since = running.checked_sub(SignedDuration::from_hours(1)).unwrap_or(running);
        let (hours, open) = futures::try_join!(
            self.health.hours_since(tenant, id, since),
            self.alerts.open_alerts(tenant, id)
        )?;
        let of_hour = |begins| hours.iter().find(|hour| hour.begins == begins).map(|hour| &hour.requests);
        let nothing = Requests::default();
        let evidence =
            bidder.alerts.evidence(of_hour(since).unwrap_or(&nothing), of_hour(running).unwrap_or(&nothing));
        for kind in AlertKind::ALL {
            let open = open.iter().find(|open| open.alert.kind == kind);
            let verdict = bidder.alerts.judge(kind, &evidence, bidder.timeout_ms);
            match (verdict, open) {
                (Verdict::Bad, None) => {
                    let alert = BidderAlert {
                        rtb_target: id,
                        name: bidder.name.clone(),
                        kind,
                        opened_at: now,
                        closed_at: None,
                        figures: Figures::of(&evidence, bidder.timeout_ms),
                    };
                    if self.alerts.open_alert(tenant, &alert).await? {
                        self.tell(tenant, &alert).await?;
                    }
                }
                (Verdict::Good, Some(open)) => {
                    self.alerts.close_alert(tenant, &open.alert, now).await?;
                }
                (_, Some(OpenAlert { alert, told: false })) => self.tell(tenant, alert).await?,
                _ => {}
            }
        }
        Ok(())
    }
}

impl WatchBidders {
    /// Mails the account's owners and admins, if nobody has. Those who get no mail of several do not hold up the others; if
    /// nobody gets one, it is tried again at the next look.
    async fn tell(&self, tenant: TenantId, alert: &BidderAlert) -> PortResult<()> {
        if !self.alerts.claim_telling(tenant, alert, true).await? {
            return Ok(());
        }
        let told = self.mail(tenant, alert).await;
        if !matches!(told, Ok(true)) {
            self.alerts.claim_telling(tenant, alert, false).await?;
        }
        told.map(drop)
    }

    /// Whether anybody was told, or nobody is there to be told.
    async fn mail(&self, tenant: TenantId, alert: &BidderAlert) -> PortResult<bool> {
        let users = self.identity.users(tenant).await?;
        let told = users.iter().filter(|user| {
            matches!(user.role, Role::Owner | Role::Admin) && user.status == UserStatus::Active
        });
        let (mut sent, mut failed) = (0, 0);
        for user in told {
            let mail = Mail { to: user.email.clone(), subject: subject(alert), text: self.text(alert) };
            match self.mailer.send(&mail).await {
                Ok(()) => sent += 1,
                Err(error) => {
                    failed += 1;
                    tracing::error!(%tenant, bidder = %alert.rtb_target, error = %Chain(&error), "an alert was not mailed");
                }
            }
        }
        Ok(sent > 0 || failed == 0)
    }

    fn text(&self, alert: &BidderAlert) -> String {
        let origin = &self.app_origin;
        let cases = match alert.kind {
            AlertKind::ErrorRate => {
                "Calls are offered to your other bidders meanwhile; after five failures in a row it is only asked now and then."
            }
            AlertKind::Latency => "Bids that come too late do not count, and callers wait for them.",
        };
        format!(
            "Hello,\n\nyour bidder {} has a problem since {} (UTC): {}.\n\n{cases}\n\nYou get this mail once. The alert closes by itself when the \
             bidder is good again; when it is opened is a setting of the bidder.\n\nCallCenter Pro\n{origin}\n",
            alert.name,
            alert.opened_at.strftime("%Y-%m-%d %H:%M"),
            alert.text(),
        )
    }
}

fn subject(alert: &BidderAlert) -> String {
    match alert.kind {
        AlertKind::ErrorRate => format!("Bidder {} does not answer as it should", alert.name),
        AlertKind::Latency => format!("Bidder {} is slow", alert.name),
    }
}
