//! Chat's warning that a REST command is called too often (60256).

use super::fields::Fields;

/// `Alert.RequestOverLimit`: a command has used more than 80 % of what Chat allows in a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverLimit {
    /// `ServiceName`, for instance `group_open_http_svc`; empty where absent.
    pub service: String,
    /// The command's name, for instance `send_group_msg`.
    pub command: String,
    /// Calls in a second.
    pub requests: Option<i64>,
    /// What Chat allows in a second.
    pub limit: Option<i64>,
}

/// Reads the warning, if this is one and names a command. The page has the name by itself; a path
/// before it (`v4/openim/sendmsg`) is taken off.
pub(super) fn read(command: &str, fields: Fields<'_>) -> Option<OverLimit> {
    if command != "Alert.RequestOverLimit" {
        return None;
    }
    let written = fields.word("Command")?;
    let last =
        |path: &str| path.trim_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
    let service = last(&fields.word("ServiceName").unwrap_or_default());
    let over = OverLimit {
        service,
        command: last(&written),
        requests: fields.int("Request"),
        limit: fields.int("Limit"),
    };
    (!over.command.is_empty()).then_some(over)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_command(command: &str, json: &str) -> Option<OverLimit> {
        read(command, Fields::of(&serde_json::from_str(json).unwrap()).unwrap())
    }

    fn of(json: &str) -> Option<OverLimit> {
        of_command("Alert.RequestOverLimit", json)
    }

    #[test]
    fn the_warning_is_read_with_and_without_a_path_and_with_numbers_as_texts() {
        let expected = Some(OverLimit {
            service: "openim".into(),
            command: "batchsendmsg".into(),
            requests: Some(510),
            limit: Some(200),
        });
        for json in [
            r#"{"ServiceName":"openim","Command":"batchsendmsg","Request":510,"Limit":200}"#,
            r#"{"ServiceName":"v4/openim","Command":"/v4/openim/batchsendmsg","Request":"510","Limit":"200"}"#,
        ] {
            assert_eq!(of(json), expected, "{json}");
        }
    }

    #[test]
    fn a_warning_about_no_command_is_none() {
        for json in ["{}", r#"{"Command":""}"#, r#"{"Command":"/"}"#, r#"{"Command":["a"]}"#] {
            assert_eq!(of(json), None, "{json}");
        }
        let named = r#"{"Command":"sendmsg"}"#;
        assert_eq!(of_command("State.StateChange", named), None);
    }
}
