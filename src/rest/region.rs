//! The hosts of the REST API, one per region of an app (34620; Tokyo from 34966).

/// Region as configurations write it, and its host.
pub const HOSTS: [(&str, &str); 8] = [
    ("china", "console.tim.qq.com"),
    ("singapore", "adminapisgp.im.qcloud.com"),
    ("seoul", "adminapikr.im.qcloud.com"),
    ("tokyo", "adminapijpn.im.qcloud.com"),
    ("frankfurt", "adminapiger.im.qcloud.com"),
    ("silicon_valley", "adminapiusa.im.qcloud.com"),
    ("jakarta", "adminapiidn.im.qcloud.com"),
    // Only in older lists; apps that were created there still live there.
    ("mumbai", "adminapiind.im.qcloud.com"),
];

/// The base URL of a region, without a slash at its end; `None` for a region that nobody knows.
pub fn base_url(region: &str) -> Option<String> {
    let (_, host) = HOSTS.iter().find(|(name, _)| *name == region)?;
    Some(format!("https://{host}"))
}

/// Whether apps behind this base URL live in China, where Chat calls back from other addresses (36742).
pub fn is_in_china(base: &str) -> bool {
    base_url("china").is_some_and(|china| base == china)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_found_by_the_name_that_configurations_write() {
        assert_eq!(base_url("singapore").as_deref(), Some("https://adminapisgp.im.qcloud.com"));
        assert_eq!(
            base_url("silicon_valley").as_deref(),
            Some("https://adminapiusa.im.qcloud.com")
        );
        assert_eq!(base_url("Singapore"), None);
    }

    #[test]
    fn no_two_regions_share_a_host() {
        for (i, (region, host)) in HOSTS.iter().enumerate() {
            for (other, other_host) in &HOSTS[..i] {
                assert_ne!(region, other);
                assert_ne!(host, other_host, "{region} and {other}");
            }
        }
    }
}
