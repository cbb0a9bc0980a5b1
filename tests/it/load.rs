//! What `benches/load` counts with: that a stall is seen by all who should have been sent meanwhile, that a
//! sliding second is looked at wherever it begins, and that its callbacks are signed as Chat signs them.

#![expect(clippy::disallowed_methods, reason = "the load is sent by the machine's clock")]
#![expect(dead_code, reason = "the rest is for the benchmark")]

#[path = "../../benches/load/callbacks.rs"]
mod callbacks;
#[path = "../../benches/load/generate.rs"]
mod generate;
#[path = "../../benches/load/http.rs"]
mod http;
#[path = "../../benches/load/windows.rs"]
mod windows;

use std::time::{Duration, Instant};

use axum::http::Uri;
use groupkeeper::callback::{Gate, Query};
use groupkeeper::clock::{Clock, SystemClock};
use secrecy::SecretString;
use tokio::net::TcpListener;

use callbacks::{APP, Kind, TOKEN, Template};
use generate::{Callbacks, beside, on_one_thread};
use http::Connection;
use windows::{Sliding, sliding};

#[test]
fn a_server_that_stands_still_is_seen_by_everything_that_was_due_meanwhile() {
    const STALL: Duration = Duration::from_millis(400);
    on_one_thread(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        beside(async move {
            let mut connection = Connection::new(listener.accept().await.unwrap().0).unwrap();
            // The first answer comes late, all others at once.
            tokio::time::sleep(STALL).await;
            while let Ok(Some(_)) = connection.read().await {
                connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            }
        });
        let callbacks = Callbacks::new(Kind::Message);
        let (run, intended) = callbacks.open(address, 1, 100.0, Duration::from_millis(500)).await;
        assert_eq!((run.sent, run.failed, intended.len()), (50, 0, 50));
        // Those that were due within the first 200 ms waited at least the 200 ms that were left; a
        // closed loop would have seen one slow request.
        let late = run.latencies.count_between(200_000, 120_000_000);
        assert!(late >= 15, "{late} of 50 saw the stall");
    });
}

#[test]
fn a_second_is_looked_at_wherever_it_begins() {
    let begin = Instant::now();
    let at = |millis: &[u64]| {
        let times: Vec<_> = millis.iter().map(|m| begin + Duration::from_millis(*m)).collect();
        sliding(&times)
    };
    // Two in each second of the clock; three in the one from 600 ms on, one in that behind 1,400 ms.
    let told = at(&[0, 600, 1_000, 1_400, 2_000, 2_600]);
    assert_eq!((told.fewest, told.most), (1, 3));
    // The call exactly a second later is in the next one.
    let told = at(&[0, 1_000, 2_000]);
    assert_eq!(told, Sliding { fewest: 1, most: 1, mean: 1.0 });
}

#[test]
fn the_callbacks_of_the_load_are_signed_as_chat_signs_them() {
    let mut request = Vec::new();
    Template::new(Kind::Join, 10).render(7, &mut request);
    let text = String::from_utf8(request).unwrap();
    let target = text.split(' ').nth(1).unwrap().parse::<Uri>().unwrap();
    let gate = Gate {
        sdk_app_id: APP,
        tokens: vec![SecretString::from(TOKEN)],
        window: groupkeeper::callback::authenticate::DEFAULT_WINDOW,
    };
    assert_eq!(gate.check(&Query::of(&target), SystemClock::default().now()), Ok(()));
    assert!(text.contains("\"Member_Account\":\"staff_1000000007\""), "{text}");
    assert_eq!(callbacks::number_in(text.as_bytes()), Some(7));
}
