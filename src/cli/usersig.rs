//! `groupkeeper usersig`

use std::path::PathBuf;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::{Exit, serve};
use crate::chat::Account;
use crate::clock::{Clock, SystemClock};
use crate::rest::usersig;
use crate::rule::duration;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration file; its `[app]` signs
    #[arg(long)]
    config: Option<PathBuf>,
    /// The account to sign for; by default the app admin
    #[arg(long)]
    account: Option<String>,
    /// How long it is valid
    #[arg(long = "for", default_value = "7d", value_parser = time)]
    time: Duration,
}

fn time(text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|mistake| mistake.message)
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let config = match serve::load(arguments.config.as_deref()) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    let account = arguments.account.as_deref().map_or(config.app.admin.clone(), Account::from);
    let now = SystemClock::default().now();
    let key = &config.app.secret_key;
    let token = usersig::generate(config.app.sdk_app_id, key, &account, now, arguments.time);
    println!("{}", token.expose_secret());
    Exit::Fine
}
