//! `groupkeeper healthcheck`: one request, so that an image needs no other program.

use std::time::Duration;

use super::Exit;

const TIMEOUT: Duration = Duration::from_secs(3);

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The admin listener's health page
    #[arg(long, default_value = "http://127.0.0.1:8081/healthz")]
    url: String,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .http_status_as_error(false)
        .build()
        .into();
    match agent.get(&arguments.url).call() {
        Ok(answer) if answer.status().as_u16() == 200 => Exit::Fine,
        Ok(answer) => {
            eprintln!("{} answers: {}", arguments.url, answer.status());
            Exit::Usage
        }
        Err(error) => {
            eprintln!("{}: {error}", arguments.url);
            Exit::Usage
        }
    }
}
