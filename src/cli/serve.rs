//! `groupkeeper serve`

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Exit;
use super::recorded::or_usual;
use crate::clock::SystemClock;
use crate::rule::model::Mode;
use crate::service::config::{Config, ConfigMistake};
use crate::service::{self, NotStarted, Onlookers, Service, Sockets};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration file; `./groupkeeper.toml` if it is there. Each key is also read from the
    /// environment, `[app] secret_key` from `GROUPKEEPER_APP_SECRET_KEY` for instance
    #[arg(long)]
    config: Option<PathBuf>,
}

/// Reads something of the configuration, or says on stderr everything that is wrong with it.
pub(super) fn configured<T>(
    path: Option<&Path>,
    read: impl FnOnce(Option<&Path>) -> Result<T, Vec<ConfigMistake>>,
) -> Result<T, Exit> {
    let path = or_usual(path);
    read(path).map_err(|mistakes| {
        for mistake in &mistakes {
            eprintln!("{mistake}\n");
        }
        let plural = if mistakes.len() == 1 { "" } else { "s" };
        eprintln!("groupkeeper: the configuration has {} mistake{plural}", mistakes.len());
        if path.is_none() {
            eprintln!("No file was read: there is no ./groupkeeper.toml; --config names another");
        }
        Exit::Usage
    })
}

pub(super) async fn run(arguments: Arguments) -> Exit {
    let config = match configured(arguments.config.as_deref(), Config::from_process) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    service::start_logging(&config.log);
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    match serve(&config).await {
        Ok(()) => Exit::Fine,
        Err(NotStarted::Setup(text)) => {
            eprintln!("groupkeeper: {text}");
            Exit::Usage
        }
        Err(NotStarted::Rules(text)) => {
            eprintln!("{text}\n\ngroupkeeper: there are no good rules to run with");
            Exit::Rules
        }
    }
}

async fn serve(config: &Config) -> Result<(), NotStarted> {
    let signals = service::Signals::listen()
        .map_err(|error| NotStarted::Setup(format!("signals cannot be listened to: {error}")))?;
    let clock = Arc::new(SystemClock::default());
    let sockets = Sockets::bind(config).await?;
    let mut service = Service::start(config, clock, sockets, Onlookers::default()).await?;
    let rules = service.rules.current().load_full();
    let own = [config.app.admin.clone()];
    for told in crate::rule::on_protected(&rules, &config.safety.protected, &own) {
        tracing::warn!("{}", told.render(false));
    }
    service.run_loops();
    if config.rules.mode == Mode::Shadow {
        tracing::warn!("in shadow: everything is decided, recorded and shown, and nothing is sent");
    }
    tracing::info!(
        chat = %config.app.base_url,
        callback = %format_args!("http://{}{}", service.callback_address, config.callback.path),
        admin = %format_args!("http://{}/", service.admin_address),
        rules = service.rules.status().rules.len(),
        pending = service.engine.delivery.pending(),
        "ready"
    );
    signals.obey(&service.rules).await;
    tracing::info!("stopping");
    service.stop().await;
    Ok(())
}
