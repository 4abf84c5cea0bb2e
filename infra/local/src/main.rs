//! The command line: `run`, `call`, `reset`, `contract`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use local_platform::call::{NOT_RUNNING, place_and_watch};
use local_platform::options::{DEFAULT_PORT, Options, Ports};
use local_platform::running::Running;
use local_platform::seed::{HOME_SERVICES, NO_BIDS, WINNER_BUSY};
use local_platform::simulator::Placing;
use local_platform::{Platform, Scenario};
use runtime::{Cause, logs};
use testkit::phone::SipSource;

const USAGE: &str = "\
local-platform run   [--data DIR] [--port FIRST]     starts the platform (data in .local, six ports from 4010)
local-platform call  [--data DIR] [--scenario NAME]  places a simulated call through it and shows the journey
                     [--number +1…] [--from +1…] [--times-faster N]
                     [--key ccp_live_…]              the key of whoever the number belongs to, if not the demo account
local-platform reset [--data DIR]                    forgets all data
local-platform contract                              for checks of the API: in memory, on free ports, until standard
                     input ends; says {\"url\", \"key\", \"phone\"} when it answers";

#[tokio::main]
async fn main() -> ExitCode {
    // A line per request would bury what a person looks for; LOG_LEVEL=info shows them. The embedded database warns of
    // every condition that does not hold, which is how the product works.
    logs::init_or("warn", &["dynoxide"]);
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match words.split_first() {
        Some((verb, rest)) => match (verb.as_str(), Flags::read(rest)) {
            (_, Err(problem)) => Err(format!("{problem}\n{USAGE}").into()),
            ("run", Ok(flags)) => Box::pin(run(&flags)).await,
            ("call", Ok(flags)) => call(&flags).await,
            ("reset", Ok(flags)) => reset(&flags).await,
            ("contract", Ok(_)) => Box::pin(contract()).await,
            (other, Ok(_)) => Err(format!("there is no '{other}'\n{USAGE}").into()),
        },
        None => Err(USAGE.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_error(&runtime::run::Chain(error.as_ref()).to_string());
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "what a command line program says")]
fn say(words: &str) {
    println!("{words}");
}

#[expect(clippy::print_stderr, reason = "what a command line program complains about")]
fn say_error(words: &str) {
    eprintln!("{words}");
}

struct Flags(Vec<(String, String)>);

impl Flags {
    fn read(words: &[String]) -> Result<Self, String> {
        let known =
            ["--data", "--port", "--scenario", "--number", "--from", "--sip-ip", "--times-faster", "--key"];
        let mut flags = Vec::new();
        let mut rest = words;
        while let Some((name, after)) = rest.split_first() {
            if !known.contains(&name.as_str()) {
                return Err(format!("there is no option '{name}'"));
            }
            let (value, after) = after.split_first().ok_or_else(|| format!("{name} needs a value"))?;
            flags.push((name.clone(), value.clone()));
            rest = after;
        }
        Ok(Self(flags))
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn number<N: std::str::FromStr>(&self, name: &str) -> Result<Option<N>, Cause> {
        let parse = |value: &str| {
            value.parse().map_err(|_| format!("{name}: '{value}' is not a suitable number").into())
        };
        self.value(name).map(parse).transpose()
    }

    fn folder(&self) -> PathBuf {
        PathBuf::from(self.value("--data").unwrap_or(".local"))
    }
}

async fn run(flags: &Flags) -> Result<(), Cause> {
    let folder = flags.folder();
    let first = flags.number("--port")?.unwrap_or(DEFAULT_PORT);
    let options = Options {
        ports: Ports::From(first),
        announce_mail: Some(Arc::new(say)),
        ..Options::in_folder(&folder)
    };
    let platform = Platform::start(options).await?;
    let running = Running {
        pid: std::process::id(),
        api_url: platform.api_url(),
        phone_url: platform.phone_url(),
        api_key: platform.api_key().to_owned(),
    };
    running.save(&folder)?;
    say(&ready(&platform, &folder));
    asked_to_stop().await?;
    say("Stopping: finishing what is under way (once more Ctrl-C: at once).");
    tokio::select! {
        () = platform.shutdown() => {}
        again = asked_to_stop() => again?,
    }
    Running::forget(&folder);
    say("Stopped. Everything is kept.");
    Ok(())
}

fn ready(platform: &Platform, folder: &Path) -> String {
    let (api, key) = (platform.api_url(), platform.api_key());
    let (email, password) = platform.demo_owner();
    let variables = platform.first_call_variables().map(|(name, value)| format!("  export {name}='{value}'"));
    format!(
        "\
CallCenter Pro runs here. Data are in {folder}/, Ctrl-C stops it.

  API and Twilio webhooks  {api}
  fallback documents       {fallback}
  telephone network        {phone}   (calls: POST /_sim/calls)
  bidders                  http://{bidders}/_sim/rtb/…   (also {api}/_sim/rtb/…)
  e-mails                  {mail}/
  database                 {database}   (any DynamoDB client)
  demo API key             {key}
  demo sign-in             {email}   {password}

  a web page for visitors  {api}/_sim/shop?utm_campaign=spring&clickid=demo-1   (each sees a number of their own)
  what trackers were told  {api}/_sim/postbacks
  Numbers to call: {HOME_SERVICES} (six bidders), {WINNER_BUSY} (the winner is busy), {NO_BIDS} (nobody bids)

Try next, in another terminal:
  make call
  make call NUMBER=…                      the number that the web page shows you
  make call SCENARIO=winner-busy          or: {scenarios}
  curl -H 'Authorization: Bearer {key}' {api}/api/calls

An account, a campaign and a call of your own: infra/first-call.md walks through it with curl and begins with these lines.
The spare simulated Twilio account they name is for your account to connect.
{variables}

LOG_LEVEL=info make run writes a line for every request.
",
        folder = folder.display(),
        mail = platform.mail_folder().display(),
        variables = variables.join("\n"),
        fallback = platform.fallback_url(),
        phone = platform.phone_url(),
        bidders = platform.bidders().address(),
        database = platform.database_url(),
        scenarios = Scenario::ALL.map(Scenario::as_str).join(", "),
    )
}

async fn asked_to_stop() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = terminate.recv() => Ok(()),
    }
}

async fn call(flags: &Flags) -> Result<(), Cause> {
    let scenario = flags.value("--scenario").map(|word| {
        let known = Scenario::ALL.map(Scenario::as_str).join(", ");
        Scenario::named(word).ok_or_else(|| format!("there is no scenario '{word}': choose one of {known}"))
    });
    let placing = Placing {
        scenario: scenario.transpose()?,
        number: flags.value("--number").map(str::to_owned),
        from: flags.value("--from").map(str::to_owned),
        sip: flags.value("--sip-ip").map(|ip| SipSource { ip: ip.to_owned(), ..SipSource::default() }),
        times_faster: flags.number("--times-faster")?,
        script: None,
    };
    let mut running = Running::load(&flags.folder()).ok_or(NOT_RUNNING)?;
    if let Some(key) = flags.value("--key") {
        running.api_key = key.to_owned();
    }
    place_and_watch(&running, &placing, &mut std::io::stdout()).await
}

/// A platform for a program that tries it: it lives as long as the program holds our standard input open.
async fn contract() -> Result<(), Cause> {
    let platform = Platform::start(Options::for_tests()).await?;
    let ready = serde_json::json!({
        "url": platform.api_url(), "key": platform.api_key(), "phone": platform.phone_url(),
    });
    say(&ready.to_string());
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    platform.shutdown().await;
    Ok(())
}

async fn reset(flags: &Flags) -> Result<(), Cause> {
    let folder = flags.folder();
    if let Some(running) = Running::load(&folder) {
        let api = local_platform::client::ApiClient::new(&running.api_url, &running.api_key)?;
        let answers = api.get::<serde_json::Value>("/api/health").await;
        if !answers.is_err_and(|error| error.is_no_answer()) {
            return Err(format!("the platform runs (process {}): stop it first", running.pid).into());
        }
    }
    // Only what the platform made, in case the folder holds something else.
    let mut entries = match tokio::fs::read_dir(&folder).await {
        Ok(entries) => entries,
        Err(_) => {
            say("There is nothing to forget.");
            return Ok(());
        }
    };
    while let Some(entry) = entries.next_entry().await? {
        let name = entry.file_name().to_string_lossy().into_owned();
        match name.as_str() {
            "archive" | "fallback" | "mail" => tokio::fs::remove_dir_all(entry.path()).await?,
            "demo.json" | "running.json" | "vault.key" => tokio::fs::remove_file(entry.path()).await?,
            _ if name.starts_with("callcenter.db") => tokio::fs::remove_file(entry.path()).await?,
            _ => {}
        }
    }
    say("Forgotten. The next run starts anew.");
    Ok(())
}
