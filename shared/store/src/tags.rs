//! Tracking tags as lookups find them: by id alone, because whoever asks is not known to any tenant.
//!
//! What must stay true: the item is the tag of the catalogue, written and removed in the same transaction.

use app::ports::{Kind, PortError, PortResult, Record, Tags};
use async_trait::async_trait;
use domain::dni::tag::{Shows, Source, TagSetup, TrackingTag};
use domain::dni::url_parameter::UrlParameter;
use domain::ids::{IdError, TenantId, TrackingTagId};
use domain::number::Number;
use domain::pool::NumberPool;
use futures::future::try_join;

use crate::Store;
use crate::item::{Draft, body, json, parsed};
use crate::keys::{self, GSI1};
use crate::read::Range;
use crate::write::{Deed, Write};

/// What happens to the item of a tag that was the first record and is the second.
pub(crate) fn companions(
    what: &'static str,
    tenant: TenantId,
    (before, after): (Option<&Record>, Option<&Record>),
) -> PortResult<Vec<Write>> {
    let Some(record) = after.or(before) else { return Ok(Vec::new()) };
    let id = record.id.parse().map_err(|cause: IdError| PortError::failed(what, cause))?;
    let key = keys::tag(id);
    Ok(vec![match after {
        Some(record) => {
            let item = Draft::new(key, "tag", Some(tenant)).with("body", json(what, &record.body)?);
            Write::new(Deed::Put(item.build()))
        }
        None => Write::new(Deed::Remove(key)),
    }])
}

#[async_trait]
impl Tags for Store {
    async fn tag(&self, id: TrackingTagId) -> PortResult<Option<TagSetup>> {
        const WHAT: &str = "look up a tracking tag";
        let Some(item) = self.get(WHAT, keys::tag(id)).await? else { return Ok(None) };
        let tenant: TenantId = parsed(WHAT, &item, "tenant")?;
        let tag: TrackingTag = body(WHAT, &item)?;
        let (source, url_parameters) =
            try_join(self.source(WHAT, tenant, tag.shows), self.url_parameters(WHAT, tenant)).await?;
        Ok(Some(TagSetup { tenant, id, tag, source, url_parameters }))
    }
}

impl Store {
    async fn source(&self, what: &'static str, tenant: TenantId, shows: Shows) -> PortResult<Source> {
        let (kind, id) = match shows {
            Shows::Pool(pool) => (Kind::NumberPool, pool.to_string()),
            Shows::Number(number) => (Kind::Number, number.to_string()),
        };
        let Some(item) = self.get(what, keys::noun(tenant, kind, &id)).await? else {
            return Ok(Source::Nothing);
        };
        Ok(match shows {
            Shows::Pool(pool) => Source::Pool(pool, Box::new(body::<NumberPool>(what, &item)?)),
            Shows::Number(_) => Source::Number(body::<Number>(what, &item)?.number),
        })
    }

    async fn url_parameters(&self, what: &'static str, tenant: TenantId) -> PortResult<Vec<String>> {
        let listed = Range::of_index(GSI1, keys::nouns(tenant, Kind::UrlParameter));
        let items = self.query(what, listed).await?;
        items.iter().map(|item| Ok(body::<UrlParameter>(what, item)?.name)).collect()
    }
}
