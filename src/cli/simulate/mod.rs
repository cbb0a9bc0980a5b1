//! `groupkeeper simulate`: the simulated Chat alone, for a bot beside it.

mod played;
mod told;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Exit;
use crate::clock::SystemClock;
use crate::simulator::{Options, OwnUrl, Recorder, Recording, Settings, Simulator, World};
pub(super) use told::plays;

/// A Tencent Chat without Tencent: REST for the bot, callbacks to it, and `/control` for whoever plays.
///
/// Started without arguments it prints the one command that runs a bot beside it. `curl
/// http://127.0.0.1:9000/control` lists everything that can be done in it.
#[derive(clap::Args)]
#[command(after_help = told::verbs())]
pub(super) struct Arguments {
    /// Where to listen; loopback only
    #[arg(long, default_value = "127.0.0.1:9000")]
    listen: SocketAddr,
    /// Where callbacks are sent
    #[arg(long, default_value = "http://127.0.0.1:8080/callback", value_parser = url)]
    callback_url: String,
    /// The token that callbacks are signed with
    #[arg(long, default_value = "token-of-the-simulated-chat")]
    callback_token: String,
    /// Sign no callbacks
    #[arg(long, conflicts_with = "callback_token")]
    no_callback_token: bool,
    /// Where callbacks of Conference and Live rooms are sent, if not with the others
    #[arg(long, value_parser = url)]
    room_callback_url: Option<String>,
    /// The token that those are signed with
    #[arg(long, requires = "room_callback_url")]
    room_callback_token: Option<String>,
    /// `SDKAppID` of the simulated app
    #[arg(long, default_value_t = 1_400_000_000)]
    sdk_app_id: u64,
    /// The app admin account
    #[arg(long, default_value = "administrator")]
    admin: String,
    /// The key that the signatures of REST calls are checked with; it opens nothing else
    #[arg(long, default_value = "0123456789abcdef0123456789abcdef")]
    secret_key: String,
    /// Send before callbacks too
    #[arg(long)]
    asking: bool,
    /// Write what happens into this new file, to be played again: acts, calls, callbacks with their
    /// answers, and the bodies of messages; no keys, tokens or signatures
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Play the acts of a recording, tell what went otherwise than then, and end: with code 3 when
    /// something did
    #[arg(long, value_name = "FILE")]
    play: Option<PathBuf>,
    /// With `--play`: pauses so many times shorter
    #[arg(long, value_name = "N", requires = "play", default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// With `--play`: no pauses; after each act only until the bot has come to rest
    #[arg(long, requires = "play", conflicts_with = "speed")]
    at_once: bool,
}

fn url(text: &str) -> Result<String, String> {
    match text.starts_with("http://") || text.starts_with("https://") {
        true => Ok(text.to_owned()),
        false => Err("write it as http://127.0.0.1:8080/callback".to_owned()),
    }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(speed) if (1.0..=1_000_000.0).contains(&speed) => Ok(speed),
        _ => Err("a number of 1 to 1000000".to_owned()),
    }
}

impl Arguments {
    fn token(&self) -> Option<&str> {
        (!self.no_callback_token).then_some(self.callback_token.as_str())
    }

    fn settings(&self, recording: Option<&Recording>) -> Settings {
        let mut settings = Settings::new(self.sdk_app_id, &self.admin, &self.secret_key);
        settings.callback_token = self.token().map(str::to_owned);
        if !self.asking {
            settings = settings.without_asking();
        }
        if let Some(recording) = recording {
            recording.begins.apply(&mut settings);
        }
        if let Some(url) = &self.room_callback_url {
            let own = OwnUrl::new(url, self.room_callback_token.as_deref());
            settings.conference = Some(own.clone());
            settings.live = Some(own);
        }
        settings
    }

    /// `Err` with what to tell when a file cannot be used.
    fn recorder(&self) -> Result<Option<Recorder>, String> {
        let recorder =
            match &self.record {
                Some(path) => Some(Recorder::to_file(path).map_err(|error| {
                    format!("{} cannot be recorded into: {error}", path.display())
                })?),
                None => None,
            };
        Ok(match (recorder, self.play.is_some()) {
            (recorder, true) => Some(recorder.unwrap_or_default().and_in_memory()),
            (recorder, false) => recorder,
        })
    }

    fn recording(&self) -> Result<Option<Recording>, String> {
        let Some(path) = &self.play else { return Ok(None) };
        let told = |error: String| format!("{}: {error}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| told(error.to_string()))?;
        Recording::read(&text).map(Some).map_err(told)
    }
}

pub(super) async fn run(arguments: Arguments) -> Exit {
    let (recording, recorder) = match (arguments.recording(), arguments.recorder()) {
        (Ok(recording), Ok(recorder)) => (recording, recorder),
        (Err(error), _) | (_, Err(error)) => {
            eprintln!("groupkeeper: {error}");
            return Exit::Usage;
        }
    };
    let clock = Arc::new(SystemClock::default());
    let settings = arguments.settings(recording.as_ref());
    let mut options = Options::new(World::new(settings), clock.clone());
    options.listen = arguments.listen;
    options.callback_url = Some(arguments.callback_url.clone());
    let skipped = clock.clone();
    options.skip = Some(Arc::new(move |time| skipped.skip(time)));
    // The bot has a clock of its own, by which it checks signatures.
    options.signing_clock = Some(Arc::new(SystemClock::default()));
    options.background = true;
    options.retry_after = true;
    options.recorder = recorder;
    options.undelivered = Some(told_once());
    let simulator = match Simulator::start(options).await {
        Ok(simulator) => simulator,
        Err(error) => {
            eprintln!("groupkeeper: {} cannot be listened on: {error}", arguments.listen);
            return Exit::Usage;
        }
    };
    let exit = match &recording {
        Some(recording) => {
            played::play_and_compare(&simulator, recording, arguments.pace(), &clock).await
        }
        None => told::until_stopped(&arguments, &simulator).await,
    };
    let broken = simulator.recording_broken();
    simulator.stop().await;
    if let Some(error) = broken {
        eprintln!("groupkeeper: the recording ends before what happened did: {error}");
        return Exit::OurFault;
    }
    exit
}

/// Says once that callbacks reach nobody.
fn told_once() -> crate::simulator::Undelivered {
    let told = AtomicBool::new(false);
    Arc::new(move |command, why| {
        if !told.swap(true, Ordering::AcqRel) {
            eprintln!(
                "groupkeeper: {command} was not delivered: {why}. Is the bot running? Further \
                 callbacks that reach nobody are not told"
            );
        }
    })
}
