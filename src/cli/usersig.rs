//! `groupkeeper usersig`

use std::path::PathBuf;
use std::time::Duration;

use super::{Exit, serve};
use crate::chat::Account;
use crate::clock::{Clock, SystemClock};
use crate::rest::usersig;
use crate::rule::duration;
use crate::service::config::Config;

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
    let app = match serve::configured(arguments.config.as_deref(), Config::app) {
        Ok(app) => app,
        Err(exit) => return exit,
    };
    let account = arguments.account.as_deref().map_or(app.admin, Account::from);
    let now = SystemClock::default().now();
    let token = usersig::generate(app.sdk_app_id, &app.secret_key, &account, now, arguments.time);
    println!("{token}");
    Exit::Fine
}
