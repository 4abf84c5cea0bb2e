//! How a platform is started: for a person, for a test.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mail::Announce;

/// The port that is taken when nothing else is said; the five after it are taken too.
pub const DEFAULT_PORT: u16 = 4010;

/// What a platform is made of.
#[derive(Clone)]
pub struct Options {
    /// Where data are kept.
    pub storage: Storage,
    /// Where it listens.
    pub ports: Ports,
    /// When scheduled functions run.
    pub schedules: Schedules,
    /// Puts the fault layer before the functions' database, drawing its faults from this seed.
    pub faults: Option<u64>,
    /// How long a message that failed stays hidden, if not as long as the template says.
    pub visibility: Option<Duration>,
    /// Makes the demo tenant's campaigns, if they are not there.
    pub seeded: bool,
    /// Told of each e-mail that is put into the mail folder.
    pub announce_mail: Option<Arc<Announce>>,
    /// How many times shorter than Twilio's the time-outs of webhooks are.
    pub time_scale: u32,
    /// What one credential may ask of the API in a minute.
    pub api_requests_per_minute: u32,
    /// Bidders that it may ask besides the simulated ones, each as `host:port`.
    pub reaches: Vec<String>,
}

/// Where data are kept.
#[derive(Debug, Clone)]
pub enum Storage {
    /// Nowhere: gone with the platform.
    Memory,
    /// In a folder, made when it is not there.
    Folder(PathBuf),
}

/// Where the platform listens, always on the loopback address.
#[derive(Debug, Clone, Copy)]
pub enum Ports {
    /// Wherever there is room.
    Free,
    /// At this port (API) and the five after it: fallback documents, telephone network, bidders, database, queue.
    From(u16),
}

/// When scheduled functions run.
#[derive(Debug, Clone, Copy)]
pub enum Schedules {
    /// As the template says, and once at the start.
    Template,
    /// This often.
    Every(Duration),
    /// Only when [`crate::Platform::tick`] is called.
    Off,
}

impl Options {
    /// For a person: data in a folder, fixed ports, seeded.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            storage: Storage::Folder(folder.into()),
            ports: Ports::From(DEFAULT_PORT),
            schedules: Schedules::Template,
            faults: None,
            visibility: None,
            seeded: true,
            announce_mail: None,
            time_scale: 1,
            // The demonstration is set up by requests, and one person tries everything from one machine.
            api_requests_per_minute: 1_000,
            reaches: Vec::new(),
        }
    }

    /// For a test: in memory, free ports, seeded, no schedule runs by itself, failed messages come again at once.
    pub fn for_tests() -> Self {
        Self {
            storage: Storage::Memory,
            ports: Ports::Free,
            schedules: Schedules::Off,
            faults: None,
            visibility: Some(Duration::from_millis(200)),
            seeded: true,
            announce_mail: None,
            time_scale: 1,
            api_requests_per_minute: 1_000_000,
            reaches: Vec::new(),
        }
    }

    /// With the fault layer.
    #[must_use]
    pub fn with_faults(mut self, seed: u64) -> Self {
        self.faults = Some(seed);
        self
    }
}
