//! Places on the map.

use serde::{Deserialize, Serialize};

/// Degrees of latitude or longitude, exact to a millionth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schema(value_type = f64)]
pub struct Degrees(i32);

/// Not between −180 and 180.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected degrees from -180 to 180, for example 40.7128")]
pub struct DegreesError;

impl Degrees {
    /// So many millionths of a degree.
    pub(super) const fn from_millionths(millionths: i32) -> Self {
        Self(millionths)
    }
}

impl TryFrom<f64> for Degrees {
    type Error = DegreesError;
    #[expect(clippy::float_arithmetic, reason = "degrees come as JSON numbers; they are no money")]
    fn try_from(degrees: f64) -> Result<Self, DegreesError> {
        if !(-180.0..=180.0).contains(&degrees) {
            return Err(DegreesError);
        }
        let millionths = (degrees * 1e6).round();
        #[expect(clippy::cast_possible_truncation, reason = "at most 180 million")]
        Ok(Self(millionths as i32))
    }
}
impl From<Degrees> for f64 {
    #[expect(clippy::float_arithmetic, reason = "degrees are JSON numbers; they are no money")]
    fn from(degrees: Degrees) -> Self {
        Self::from(degrees.0) / 1e6
    }
}

/// A place on the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MapPosition)]
pub struct Position {
    /// Degrees north.
    pub latitude: Degrees,
    /// Degrees east.
    pub longitude: Degrees,
}

impl Position {
    /// Miles between two places as the crow flies, on a globe: within half a per cent.
    #[expect(clippy::float_arithmetic, reason = "a distance is no money")]
    pub fn miles_to(self, other: Self) -> f64 {
        const EARTH_MILES: f64 = 3_958.8;
        let radians = |degrees: Degrees| f64::from(degrees).to_radians();
        let (north, other_north) = (radians(self.latitude), radians(other.latitude));
        let half = |one: f64, other: f64| ((other - one) / 2.0).sin().powi(2);
        let east = half(radians(self.longitude), radians(other.longitude));
        let chord = half(north, other_north) + north.cos() * other_north.cos() * east;
        2.0 * EARTH_MILES * chord.sqrt().min(1.0).asin()
    }
}
