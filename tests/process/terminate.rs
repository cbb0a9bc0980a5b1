//! SIGTERM: under load, twice, during the start, while Chat hangs, with clients that hold on.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use serde_json::json;

use crate::line::signature;
use crate::rng::Rng;
use crate::scene::{STOP, Scene};
use crate::{SDK_APP_ID, wait_until};

const LIMIT: Duration = Duration::from_secs(20);
/// SIGTERM's number: how a process ends that does not listen to signals yet.
const TERM: i32 = 15;

#[test]
fn sigterm_under_load_loses_nothing_and_takes_less_than_ten_seconds() {
    let (scene, mut slowest) = (Scene::with_mutes_of("5s"), Duration::ZERO);
    let expected = scene.while_people_act(6, &mut Rng::new(2), |rng| {
        for round in 0..4 {
            let bot = scene.home.serve();
            std::thread::sleep(rng.millis(200, 700));
            // An impatient operator's second order changes nothing.
            if round % 2 == 1 {
                bot.signal("TERM");
            }
            slowest = slowest.max(bot.stop(STOP));
        }
    });
    let figures = scene.judged(&expected);
    let sums = scene.line.sums();
    eprintln!("{expected}\n{sums}\n{figures}\nslowest stop: {} ms", slowest.as_millis());
    // What is decided with the last breath is answered; what is not is refused, and told again.
    assert!(sums.refused.keys().all(|status| *status == 503), "{sums}");
}

#[test]
fn sigterm_during_the_start_ends_it_and_harms_nothing() {
    let (scene, mut rng) = (Scene::with_mutes_of("5s"), Rng::new(3));
    let expected = scene.while_people_act(3, &mut rng, |rng| {
        scene.home.serve().stop(STOP);
        let mut in_order = 0;
        for round in 0..10 {
            let mut bot = scene.home.spawn();
            std::thread::sleep(Duration::from_millis(8 * round) + rng.millis(0, 8));
            bot.signal("TERM");
            let (status, _) = bot.wait(STOP);
            in_order += usize::from(status.code() == Some(0));
            // Before anything was opened, the order ends the process by itself.
            let at_once = status.signal() == Some(TERM);
            assert!(status.code() == Some(0) || at_once, "{status}:\n{}", scene.home.log());
        }
        assert!(in_order > 0, "no start came far enough to be stopped in order");
        // Until somebody has joined and flooded.
        let bot = scene.home.serve();
        std::thread::sleep(Duration::from_secs(1));
        bot.stop(STOP);
    });
    scene.judged(&expected);
}

/// A group, a bot that works, and an account of the staff that it is about to promote while no call is answered.
fn promotion_under_way(scene: &Scene) -> crate::bot::Bot {
    scene.chat.must("group", &json!({ "id": "cats", "type": "Public", "owner": "olga" }));
    let bot = scene.home.serve();
    scene.chat.fault(&json!({ "on": "*", "kind": "hang" }));
    scene.chat.must("join", &json!({ "group": "cats", "account": "staff_lin" }));
    let told = || format!("{:#}", bot.get("/api/v1/outbox"));
    let hangs = || scene.chat.calls().iter().any(|call| call["fault"] != json!(null));
    wait_until(LIMIT, told, || scene.line.waiting() == 0 && hangs());
    bot
}

fn is_promoted_by_the_next(scene: &Scene) {
    scene.chat.clear_faults();
    let bot = scene.home.serve();
    let told = || format!("{:#}", bot.get("/api/v1/outbox"));
    wait_until(LIMIT, told, || scene.chat.role("cats", "staff_lin") == "admin");
    bot.stop(STOP);
    scene.home.fsck().unwrap();
}

#[test]
fn sigterm_while_chat_hangs_is_obeyed_in_time_and_the_next_start_goes_on() {
    let scene = Scene::with_mutes_of("5s");
    let bot = promotion_under_way(&scene);
    bot.signal("TERM");
    let took = bot.stop(STOP);
    eprintln!("stopped while Chat hung: {} ms", took.as_millis());
    is_promoted_by_the_next(&scene);
}

/// Clients that hold on: half a request, half a body, a connection that says nothing, an answer that nobody reads.
fn holding_on(callback: SocketAddr, admin: SocketAddr) -> Vec<TcpStream> {
    let command = "Group.CallbackAfterSendMsg";
    let path = format!(
        "/callback?SdkAppid={SDK_APP_ID}&CallbackCommand={command}&contenttype=json&{}",
        signature()
    );
    let half_a_body = format!(
        "POST {path} HTTP/1.1\r\nHost: bot\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{{"
    );
    let said = [
        (callback, ""),
        (callback, "POST /callback?Sdk"),
        (callback, &half_a_body),
        (admin, "GET /api/v1/journal HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        (admin, "GET /metr"),
    ];
    said.map(|(address, text)| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    })
    .into()
}

#[test]
fn sigterm_is_obeyed_in_time_however_clients_hold_on() {
    let scene = Scene::with_mutes_of("5s");
    let bot = promotion_under_way(&scene);
    let mut clients = holding_on(scene.home.callback, scene.home.admin);
    // Both listeners have taken what came before this.
    assert_eq!(bot.admin.get("/healthz").unwrap().0, 200);
    let took = bot.stop(STOP);
    eprintln!("stopped with clients that held on: {} ms", took.as_millis());
    for client in &mut clients {
        client.set_read_timeout(Some(LIMIT)).unwrap();
        // It is closed, in order or not: nobody is left waiting.
        let _ = client.read_to_end(&mut Vec::new());
    }
    is_promoted_by_the_next(&scene);
}
