//! Tracking tags as lookups need them.

use app::ports::{PortResult, Tags};
use async_trait::async_trait;
use domain::dni::tag::{Source, TagSetup};
use domain::ids::TrackingTagId;

use crate::Store;
use crate::item::{body, parsed};
use crate::keys;

// Temporary, until the tags' own adapter is merged (it replaces this file): the tag without what it names.
#[async_trait]
impl Tags for Store {
    async fn tag(&self, id: TrackingTagId) -> PortResult<Option<TagSetup>> {
        const WHAT: &str = "read a tracking tag";
        let Some(item) = self.get(WHAT, keys::tag(id)).await? else { return Ok(None) };
        Ok(Some(TagSetup {
            tenant: parsed(WHAT, &item, "tenant")?,
            id,
            tag: body(WHAT, &item)?,
            source: Source::Nothing,
            url_parameters: Vec::new(),
        }))
    }
}
