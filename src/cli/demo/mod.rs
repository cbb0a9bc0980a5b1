//! `groupkeeper demo`: everything at work on a simulated Chat, told line by line.

mod narrator;
mod stage;
mod story;

use super::{Exit, simulate};
use stage::Stage;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Leave the simulated Chat and the bot running afterwards, and print lines to play with
    #[arg(long)]
    keep: bool,
}

pub(super) async fn run(arguments: Arguments) -> Exit {
    let mut stage = match Stage::set().await {
        Ok(stage) => stage,
        Err(error) => {
            eprintln!("groupkeeper: the demo cannot begin: {error}");
            return Exit::Usage;
        }
    };
    let told = story::tell(&mut stage).await;
    let exit = match told {
        Ok(()) => stage.verdict(),
        Err(error) => {
            eprintln!("groupkeeper: the demo broke off: {error}");
            Exit::OurFault
        }
    };
    if arguments.keep {
        println!("\nBoth keep running. Play with the simulated Chat:\n");
        let url = stage.simulator_url();
        print!("{}", simulate::plays(&url));
        println!("  curl -s {url}/control/clock -d '{{\"seconds\":300}}'   # both clocks move");
        println!("\nand look at the bot:\n");
        println!("  curl -s {}/", stage.admin_url());
        println!("  curl -s {}/api/v1/events", stage.admin_url());
        println!("\nCtrl-C ends it.");
        stage.keep().await;
    }
    stage.clear().await;
    exit
}
