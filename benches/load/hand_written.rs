//! Bots that people write by hand, in their own languages: installed on demand, reported as missing where
//! node or python is.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::addresses::free_address;
use super::machine::command;
use super::servers::Server;

const EXPRESS: &[(&str, &str)] = &[
    ("package.json", include_str!("rivals/express/package.json")),
    ("package-lock.json", include_str!("rivals/express/package-lock.json")),
    ("bot.js", include_str!("rivals/express/bot.js")),
];
const FASTAPI: &[(&str, &str)] = &[
    ("requirements.txt", include_str!("rivals/fastapi/requirements.txt")),
    ("bot.py", include_str!("rivals/fastapi/bot.py")),
];

/// Says why it is not there, where it is not.
pub fn express(chat: SocketAddr) -> Result<Server, String> {
    let folder = unpacked("express", EXPRESS)?;
    if !folder.join("node_modules").is_dir() {
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder))?;
    }
    let address = free_address();
    let mut starting = command("node");
    starting.arg("bot.js").arg(address.port().to_string()).arg(format!("http://{chat}"));
    starting.env("NODE_ENV", "production").current_dir(folder);
    Server::when_listening(starting, address)
}

/// One worker of uvicorn, with its fast loop and parser.
pub fn fastapi(chat: SocketAddr) -> Result<Server, String> {
    let folder = unpacked("fastapi", FASTAPI)?;
    let packages = folder.join("packages");
    if !packages.is_dir() {
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        let mut installing = Command::new("python3");
        installing.args(pip).args(["--target", "packages", "--requirement", "requirements.txt"]);
        run(installing.current_dir(&folder)).inspect_err(|_| {
            // Half of it would be taken for all of it the next time.
            let _ = std::fs::remove_dir_all(&packages);
        })?;
    }
    let address = free_address();
    let mut starting = command("python3");
    starting.args(["-m", "uvicorn", "bot:app", "--log-level", "warning", "--no-access-log"]);
    starting.args(["--port", &address.port().to_string()]);
    starting.env("PYTHONPATH", packages).env("CHAT_URL", format!("http://{chat}"));
    starting.current_dir(folder);
    Server::when_listening(starting, address)
}

/// The sources, in a folder where packages may be put beside them.
fn unpacked(name: &str, files: &[(&str, &str)]) -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("load-rivals").join(name);
    let written = std::fs::create_dir_all(&folder).and_then(|()| {
        files.iter().try_for_each(|(name, text)| std::fs::write(folder.join(name), text))
    });
    written.map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    eprintln!("installing with {program} …");
    let output = command.output().map_err(|error| format!("no {program} here: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} failed: {}", told.lines().last().unwrap_or("it did not say why")))
}
