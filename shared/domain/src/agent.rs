//! People who take calls, and targets that several of them answer.
//!
//! What must stay true: an agent who is away, off shift or talking is not dialled. Availability is effective at once, without
//! publishing; everything else about an agent is published with the campaigns that come to them.

use serde::{Deserialize, Serialize};

use crate::caps::Caps;
use crate::group::Ring;
use crate::hours::Hours;
use crate::ids::AgentId;
use crate::phone::Destination;
use crate::target::{Status, utc};
use crate::validate::{Problem, Problems, Validate};

/// Most agents of one target.
pub const MAX_AGENTS: usize = 100;
/// Most skills of an agent, and most that a target asks for.
pub const MAX_SKILLS: usize = 20;
/// Longest skill, characters.
pub const MAX_SKILL: usize = 40;
/// Longest extension, keys.
const MAX_EXTENSION: usize = 16;

/// Whether an agent takes calls now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// Takes calls.
    #[default]
    Available,
    /// Takes none; effective at once.
    Away,
}

impl From<Availability> for Status {
    fn from(availability: Availability) -> Self {
        match availability {
            Availability::Available => Self::Active,
            Availability::Away => Self::Paused,
        }
    }
}

/// A person who takes calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Unique per tenant.
    #[schema(min_length = 1, max_length = 120)]
    pub name: String,
    /// Whether they take calls now.
    #[serde(default)]
    pub status: Availability,
    /// Their phone or SIP address.
    pub destination: Destination,
    /// Keys pressed when a switchboard answers: 1 to 16 of `0-9 * # w`, where `w` waits half a second.
    #[serde(default)]
    #[schema(max_length = 16)]
    pub extension: Option<String>,
    /// What they can do, in words of your own such as `spanish`; capitals do not matter.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub skills: Vec<String>,
    /// When they work; `null` is always.
    #[serde(default)]
    pub hours: Option<Hours>,
    /// Limits on their calls: one at a time, unless this says otherwise.
    #[serde(default = "one_at_a_time")]
    pub caps: Caps,
    /// Clock of their hours and caps: an IANA name such as `America/New_York`.
    #[serde(default = "utc")]
    #[schema(default = "UTC")]
    pub time_zone: String,
}

fn one_at_a_time() -> Caps {
    Caps { concurrent: Some(1), ..Caps::default() }
}

impl Agent {
    /// Whether they can do all of this.
    pub fn can(&self, skills: &[String]) -> bool {
        let has = |wanted: &String| {
            self.skills.iter().any(|skill| skill.trim().to_lowercase() == wanted.trim().to_lowercase())
        };
        skills.iter().all(has)
    }
}

impl Validate for Agent {
    fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Problems::new();
        problems.name("name", &self.name);
        let is_sound = |keys: &String| {
            (1..=MAX_EXTENSION).contains(&keys.len())
                && keys.bytes().all(|key| b"0123456789*#w".contains(&key))
        };
        if self.extension.as_ref().is_some_and(|keys| !is_sound(keys)) {
            problems.add("extension", "keys", "1 to 16 of the keys 0-9 * # and w for half a second");
        }
        check_skills("skills", &self.skills, &mut problems);
        if let Some(hours) = &self.hours {
            hours.check("hours", &mut problems);
        }
        self.caps.check("caps", &mut problems);
        problems.time_zone("time_zone", &self.time_zone);
        problems.into_result()
    }
}

/// The agents who answer a target: of its members those who have the skills. The one whose last call is longest ago comes
/// first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// Who may answer, each once.
    #[schema(min_items = 1, max_items = 100)]
    pub members: Vec<AgentId>,
    /// What they must be able to do, all of it.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub skills: Vec<String>,
    /// Whether they ring one after the other or at the same time.
    #[serde(default)]
    pub ring: Ring,
}

impl Team {
    /// Rules for saving; `at` is its own field.
    pub fn check(&self, at: &str, problems: &mut Problems) {
        let field = format!("{at}.members");
        problems.at_most(&field, self.members.len(), MAX_AGENTS);
        if self.members.is_empty() {
            problems.add(field.as_str(), "required", "name the agents who answer");
        }
        for (index, member) in self.members.iter().enumerate() {
            if self.members.iter().take(index).any(|earlier| earlier == member) {
                problems.add(format!("{field}[{index}]"), "duplicate", format!("{member} is named twice"));
            }
        }
        check_skills(&format!("{at}.skills"), &self.skills, problems);
    }
}

/// The agent who is dialled, with their name then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AgentRef {
    /// Who.
    pub id: AgentId,
    /// Their name.
    pub name: String,
}

fn check_skills(field: &str, skills: &[String], problems: &mut Problems) {
    problems.at_most(field, skills.len(), MAX_SKILLS);
    for (index, skill) in skills.iter().enumerate() {
        let field = format!("{field}[{index}]");
        if skill.trim().is_empty() {
            problems.add(field.as_str(), "required", "name the skill, or take it out");
        }
        problems.text(&field, skill, MAX_SKILL);
    }
}
