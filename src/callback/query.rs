//! The query of a callback's URL. Names are compared without case: Tencent's own pages disagree
//! about them (34354 prints `SdkAppid`, 64412 `SdkAppId`).

use axum::extract::Query as Pairs;
use axum::http::Uri;

/// What Chat appends to the URL (34354). Texts are empty where the parameter is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// `SdkAppid`
    pub sdk_app_id: String,
    /// `CallbackCommand`
    pub command: String,
    /// `OptPlatform`: `RESTAPI`, `Web`, `Android`, …
    pub platform: String,
    /// `Sign`: 64 hex digits
    pub sign: String,
    /// `RequestTime`: unix seconds, in decimal
    pub request_time: String,
}

impl Query {
    /// Reads the query of a URL. Of a parameter that is given twice, the first counts.
    pub fn of(uri: &Uri) -> Self {
        let mut query = Self::default();
        let Ok(Pairs(pairs)) = Pairs::<Vec<(String, String)>>::try_from_uri(uri) else {
            return query;
        };
        for (name, value) in pairs {
            let place = match name.to_ascii_lowercase().as_str() {
                "sdkappid" => &mut query.sdk_app_id,
                // The table of 64412 has the newer word, its samples the old one.
                "callbackcommand" | "webhookcommand" => &mut query.command,
                "optplatform" => &mut query.platform,
                "sign" => &mut query.sign,
                "requesttime" => &mut query.request_time,
                _ => continue,
            };
            if place.is_empty() {
                *place = value;
            }
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_and_values_are_decoded() {
        let uri = Uri::from_static(
            "/callback?sdkAPPid=14&CALLBACKCOMMAND=State.StateChange&Sign=a%62&x=%ff",
        );
        let expected = Query {
            sdk_app_id: "14".into(),
            command: "State.StateChange".into(),
            sign: "ab".into(),
            ..Query::default()
        };
        assert_eq!(Query::of(&uri), expected);
    }

    #[test]
    fn the_first_of_two_values_counts() {
        let uri = Uri::from_static("/callback?Sign=first&sign=second");
        assert_eq!(Query::of(&uri).sign, "first");
    }

    #[test]
    fn a_url_without_query_leaves_everything_empty() {
        assert_eq!(Query::of(&Uri::from_static("/callback")), Query::default());
    }
}
