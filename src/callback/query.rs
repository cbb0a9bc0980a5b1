//! The query of a callback's URL. Names are compared without case: Tencent's own pages disagree
//! about them (34354 prints `SdkAppid`, 64412 `SdkAppId`).

use std::borrow::Cow;

use axum::http::Uri;

/// What Chat appends to the URL (34354). Texts are empty where the parameter is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query<'u> {
    /// `SdkAppid`
    pub sdk_app_id: Cow<'u, str>,
    /// `CallbackCommand`
    pub command: Cow<'u, str>,
    /// `OptPlatform`: `RESTAPI`, `Web`, `Android`, …
    pub platform: Cow<'u, str>,
    /// `Sign`: 64 hex digits
    pub sign: Cow<'u, str>,
    /// `RequestTime`: unix seconds, in decimal
    pub request_time: Cow<'u, str>,
}

impl<'u> Query<'u> {
    /// Reads the query of a URL. Of a parameter that is given twice, the first counts.
    pub fn of(uri: &'u Uri) -> Self {
        let mut query = Self::default();
        for pair in uri.query().unwrap_or_default().split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            let place = if is("SdkAppid") {
                &mut query.sdk_app_id
            } else if is("CallbackCommand") || is("WebhookCommand") {
                // The table of 64412 has the newer word, its samples the old one.
                &mut query.command
            } else if is("OptPlatform") {
                &mut query.platform
            } else if is("Sign") {
                &mut query.sign
            } else if is("RequestTime") {
                &mut query.request_time
            } else {
                continue;
            };
            if place.is_empty() {
                *place = decoded(value);
            }
        }
        query
    }
}

/// Hardly any value has something to decode.
fn decoded(value: &str) -> Cow<'_, str> {
    if !value.contains(['%', '+']) {
        return value.into();
    }
    let pair = format!("={value}");
    let decoded = form_urlencoded::parse(pair.as_bytes()).next();
    decoded.map(|(_, value)| value.into_owned()).unwrap_or_default().into()
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
