//! What trackers were told of a call: a marker beside the call for each kind of postback.
//!
//! What must stay true: of several who want to send the same one does; one that died over it is followed by another.

use app::ports::{PortResult, PostbackMarks, Turn};
use async_trait::async_trait;
use domain::dni::redtrack::PostbackType;
use domain::ids::{CallId, TenantId};
use jiff::Timestamp;

use crate::Store;
use crate::item::{text, text_of};
use crate::keys;
use crate::write::{Deed, STAMP, Write, stamped};

const SENDING: &str = "sending";
const SENT: &str = "sent";

fn marked(tenant: TenantId, call: CallId, kind: PostbackType, state: &str, at: Timestamp) -> Write {
    let set = format!("SET {STAMP}, #state = :state, #at = :at");
    let write = Write::new(Deed::Change(keys::postback(tenant, call, kind.as_str()), set))
        .name("#state", "state")
        .name("#at", "at")
        .value(":state", text(state))
        .value(":at", text(keys::time(at)));
    stamped(write, "postback", tenant)
}

#[async_trait]
impl PostbackMarks for Store {
    async fn take_on(
        &self,
        tenant: TenantId,
        call: CallId,
        kind: PostbackType,
        now: Timestamp,
        stale: Timestamp,
    ) -> PortResult<Turn> {
        const WHAT: &str = "take a postback on";
        let ours = marked(tenant, call, kind, SENDING, now)
            .only_if("attribute_not_exists(#state) OR (#state = :state AND #at < :stale)")
            .value(":stale", text(keys::time(stale)));
        if self.change(WHAT, ours).await? {
            return Ok(Turn::Ours);
        }
        let item = self.get(WHAT, keys::postback(tenant, call, kind.as_str())).await?;
        let is_sent = item.is_some_and(|item| text_of(&item, "state").is_ok_and(|state| state == SENT));
        Ok(if is_sent { Turn::Done } else { Turn::Theirs })
    }

    async fn note_sent(
        &self,
        tenant: TenantId,
        call: CallId,
        kind: PostbackType,
        now: Timestamp,
    ) -> PortResult<()> {
        self.change("note that a postback was sent", marked(tenant, call, kind, SENT, now)).await.map(drop)
    }

    async fn give_up(&self, tenant: TenantId, call: CallId, kind: PostbackType) -> PortResult<()> {
        const WHAT: &str = "give a postback up";
        // Out of date at once.
        let key = keys::postback(tenant, call, kind.as_str());
        let write = Write::new(Deed::Change(key, "SET #at = :long_ago".to_owned()))
            .only_if("#state = :sending")
            .name("#state", "state")
            .name("#at", "at")
            .value(":sending", text(SENDING))
            .value(":long_ago", text(keys::time(Timestamp::UNIX_EPOCH)));
        self.change(WHAT, write).await.map(drop)
    }
}
