//! `groupkeeper simulate`

use std::net::SocketAddr;
use std::sync::Arc;

use super::Exit;
use crate::clock::SystemClock;
use crate::simulator::{Options, Settings, Simulator, World};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Where to listen; loopback only
    #[arg(long, default_value = "127.0.0.1:9000")]
    listen: SocketAddr,
    /// Where callbacks are sent, <http://127.0.0.1:8080/callback> for instance
    #[arg(long)]
    callback_url: Option<String>,
    /// `SDKAppID` of the simulated app
    #[arg(long, default_value_t = 1_400_000_000)]
    sdk_app_id: u64,
    /// The app admin account
    #[arg(long, default_value = "administrator")]
    admin: String,
    /// The key that the signatures of REST calls are checked with
    #[arg(long, default_value = "0123456789abcdef0123456789abcdef")]
    secret_key: String,
    /// The token that callbacks are signed with
    #[arg(long)]
    callback_token: Option<String>,
    /// Send before callbacks too
    #[arg(long)]
    asking: bool,
}

pub(super) async fn run(arguments: Arguments) -> Exit {
    let mut settings = Settings::new(arguments.sdk_app_id, &arguments.admin, &arguments.secret_key);
    settings.callback_token.clone_from(&arguments.callback_token);
    if !arguments.asking {
        settings = settings.without_asking();
    }
    let clock = Arc::new(SystemClock::default());
    let skipped = clock.clone();
    let mut options = Options::new(World::new(settings), clock);
    options.listen = arguments.listen;
    options.callback_url.clone_from(&arguments.callback_url);
    options.skip = Some(Arc::new(move |time| skipped.skip(time)));
    options.background = true;
    options.retry_after = true;
    let simulator = match Simulator::start(options).await {
        Ok(simulator) => simulator,
        Err(error) => {
            eprintln!("groupkeeper: {} cannot be listened on: {error}", arguments.listen);
            return Exit::Usage;
        }
    };
    let url = simulator.url();
    eprintln!("a simulated Chat listens on {url}; give it to the bot as [app] api_base");
    eprintln!("\nplay with it:\n{}", plays(&url));
    if let Err(error) = tokio::signal::ctrl_c().await {
        eprintln!("groupkeeper: signals cannot be listened to: {error}");
        return Exit::OurFault;
    }
    simulator.stop().await;
    Exit::Fine
}

/// Lines to paste into a shell.
pub(super) fn plays(url: &str) -> String {
    let line = |act: &str, body: &str| format!("  curl -s {url}/control/{act} -d '{body}'\n");
    [
        line(
            "group",
            r#"{"id":"@TGS#play","type":"Public","owner":"olga","members":["ann","bob"]}"#,
        ),
        line("join", r#"{"group":"@TGS#play","account":"staff_zoe"}"#),
        line("say", r#"{"group":"@TGS#play","account":"ann","text":"hello"}"#),
        format!("  curl -s {url}/control/state\n"),
    ]
    .concat()
}
