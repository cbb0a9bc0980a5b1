//! The query of a REST call.

use super::super::settings::Refusal;

/// The parameters of 34620, and the one of `GetIPList` (36742); their names are case-sensitive.
const NAMES: [&str; 6] = ["sdkappid", "identifier", "usersig", "random", "contenttype", "nettype"];

/// Decoded names and values, each name once.
#[derive(Default)]
pub(in crate::simulator) struct Query(Vec<(String, String)>);

impl Query {
    /// Refuses with 60002 what is no query, a name that is not documented, and one that comes twice.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name)?;
            if !NAMES.contains(&name.as_str()) || pairs.iter().any(|(known, _)| *known == name) {
                return Err(Refusal::new(60002, format!("unexpected query parameter {name}")));
            }
            pairs.push((name, decode(value)?));
        }
        Ok(Self(pairs))
    }

    /// The value, or an empty text.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

fn decode(text: &str) -> Result<String, Refusal> {
    let wrong = || Refusal::new(60002, "the query is not percent-encoded UTF-8");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut digit = || rest.next().and_then(|d| char::from(d).to_digit(16));
                let (high, low) = (digit().ok_or_else(wrong)?, digit().ok_or_else(wrong)?);
                bytes.push(u8::try_from(high * 16 + low).map_err(|_| wrong())?);
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_percent_decoded() {
        let query = Query::parse("identifier=a%40b%20c&usersig=eJ*-_").unwrap();
        assert_eq!(
            (query.get("identifier"), query.get("usersig"), query.get("random")),
            ("a@b c", "eJ*-_", "")
        );
    }

    #[test]
    fn wrong_queries_are_refused() {
        for text in ["SdkAppid=1", "random=1&random=2", "identifier=%4", "identifier=%ff", "x"] {
            assert_eq!(Query::parse(text).map_or_else(|r| r.code, |_| 0), 60002, "{text}");
        }
    }
}
