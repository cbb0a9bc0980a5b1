//! Which addresses callbacks are taken from, where that is limited. A second lock: signatures cover
//! neither the body nor the URL (34354), so whoever sees one could use it for a minute.

use std::net::{IpAddr, SocketAddr};
use std::sync::{PoisonError, RwLock};

use axum::http::HeaderMap;
use ipnet::IpNet;
use tokio::sync::Notify;

/// What proxies add the address to that they were called from.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The addresses from which callbacks are taken.
#[derive(Debug)]
pub struct Sources {
    listed: Vec<IpNet>,
    /// What Chat says it calls from (36742): `None` until it has said so.
    chat: RwLock<Option<Vec<IpNet>>>,
    asks_chat: bool,
    /// Who may say on whose behalf it calls.
    proxies: Vec<IpNet>,
    refused: Notify,
}

impl Sources {
    /// Any address.
    pub fn anywhere() -> Self {
        Self::new(Vec::new(), false, Vec::new())
    }

    /// `listed` addresses, and with `asks_chat` those of Chat; with neither, any address. What
    /// `proxies` say of where a request came from is believed, nobody else's word is.
    pub fn new(listed: Vec<IpNet>, asks_chat: bool, proxies: Vec<IpNet>) -> Self {
        let (chat, refused) = (RwLock::default(), Notify::new());
        Self { listed, chat, asks_chat, proxies, refused }
    }

    /// Sets what Chat says it calls from. An empty list is none: it would lock Chat out.
    pub fn set_chat(&self, networks: Vec<IpNet>) {
        let networks = Some(networks).filter(|networks| !networks.is_empty());
        *self.chat.write().unwrap_or_else(PoisonError::into_inner) = networks;
    }

    /// Whether Chat's list is wanted and there is none: then every address is allowed, because one
    /// that is refused might be Chat's.
    pub fn awaits_chat(&self) -> bool {
        self.asks_chat && self.chat.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Where a request came from: `peer`, or what trusted proxies say, from the nearest one on.
    /// `None` where nobody who is trusted can tell.
    pub fn origin(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let mut address = peer?.ip().to_canonical();
        let lines = headers.get_all(FORWARDED_FOR).iter();
        let hops: Vec<&str> =
            lines.flat_map(|line| line.to_str().unwrap_or_default().split(',')).collect();
        let mut hops = hops.into_iter().rev();
        while within(&self.proxies, address) {
            match hops.next() {
                Some(hop) => address = address_of(hop)?,
                None => break,
            }
        }
        Some(address)
    }

    /// Whether a callback may come from there.
    pub fn allows(&self, origin: Option<IpAddr>) -> bool {
        if (self.listed.is_empty() && !self.asks_chat) || self.awaits_chat() {
            return true;
        }
        let chat = self.chat.read().unwrap_or_else(PoisonError::into_inner);
        let known = chat.as_deref().unwrap_or_default();
        let allowed =
            origin.is_some_and(|origin| within(&self.listed, origin) || within(known, origin));
        if !allowed {
            // Chat may have moved: whoever keeps its list should look.
            self.refused.notify_one();
        }
        allowed
    }

    /// Ends when somebody was refused.
    pub async fn refused(&self) {
        self.refused.notified().await;
    }
}

impl Default for Sources {
    fn default() -> Self {
        Self::anywhere()
    }
}

/// An address, or a network such as `203.0.113.0/24`.
pub fn network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn within(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// One entry of the header: an address, some write a port behind it.
fn address_of(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse().ok();
    address
        .or_else(|| hop.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()))
        .map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| network(text).unwrap()).collect()
    }

    fn origin(sources: &Sources, peer: &str, forwarded: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 40_000);
        sources.origin(Some(peer), &headers).map(|address| address.to_string())
    }

    fn allows(sources: &Sources, address: &str) -> bool {
        sources.allows(Some(address.parse().unwrap()))
    }

    #[test]
    fn without_a_list_everybody_is_allowed_even_who_cannot_be_told() {
        assert!(allows(&Sources::anywhere(), "192.0.2.1"));
        assert!(Sources::anywhere().allows(None));
    }

    #[test]
    fn only_listed_addresses_and_networks_are_allowed() {
        let listed = networks(&["203.0.113.0/24", "198.51.100.7", "2001:db8::/32"]);
        let sources = Sources::new(listed, false, Vec::new());
        for address in ["203.0.113.255", "198.51.100.7", "2001:db8::1"] {
            assert!(allows(&sources, address), "{address}");
        }
        for address in ["203.0.114.0", "198.51.100.8", "2001:db9::1", "::1"] {
            assert!(!allows(&sources, address), "{address}");
        }
        assert!(!sources.allows(None));
    }

    #[test]
    fn until_chat_has_said_where_it_calls_from_nobody_is_locked_out() {
        let sources = Sources::new(networks(&["10.0.0.1"]), true, Vec::new());
        assert!(sources.awaits_chat() && allows(&sources, "192.0.2.1"));
        sources.set_chat(networks(&["192.0.2.128/25"]));
        assert!(!sources.awaits_chat() && !allows(&sources, "192.0.2.1"));
        assert!(allows(&sources, "192.0.2.129") && allows(&sources, "10.0.0.1"));
        sources.set_chat(Vec::new());
        assert!(sources.awaits_chat() && allows(&sources, "192.0.2.1"));
    }

    #[test]
    fn whoever_is_no_trusted_proxy_speaks_for_itself() {
        let sources = Sources::new(Vec::new(), false, networks(&["10.0.0.0/8"]));
        let forged = ["203.0.113.1"];
        assert_eq!(origin(&sources, "192.0.2.1", &forged).as_deref(), Some("192.0.2.1"));
        assert_eq!(origin(&sources, "10.1.2.3", &forged).as_deref(), Some("203.0.113.1"));
        assert_eq!(origin(&sources, "10.1.2.3", &[]).as_deref(), Some("10.1.2.3"));
    }

    #[test]
    fn of_several_hops_the_nearest_that_is_no_proxy_of_ours_counts() {
        let sources = Sources::new(Vec::new(), false, networks(&["10.0.0.0/8"]));
        let of = |lines: &[&str]| origin(&sources, "::ffff:10.0.0.1", lines);
        assert_eq!(of(&["1.1.1.1, 203.0.113.1, 10.0.0.2"]).as_deref(), Some("203.0.113.1"));
        assert_eq!(of(&["1.1.1.1", "203.0.113.1:4711,10.0.0.2"]).as_deref(), Some("203.0.113.1"));
        assert_eq!(of(&["[2001:db8::1]:443"]).as_deref(), Some("2001:db8::1"));
        assert_eq!(of(&["2001:db8::1"]).as_deref(), Some("2001:db8::1"));
        assert_eq!(of(&["203.0.113.1, unknown"]), None);
    }

    #[test]
    fn a_network_is_an_address_or_has_a_length() {
        assert_eq!(network(" 192.0.2.1 "), network("192.0.2.1/32"));
        for wrong in ["", "chat", "192.0.2.1/33", "192.0.2", "192.0.2.1-9"] {
            assert_eq!(network(wrong), None, "{wrong}");
        }
    }
}
