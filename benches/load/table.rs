//! What came out: one table, for people, for a page, or for programs.

use serde::Serialize;

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub what: String,
    /// What stands beside it, measured in the same run; empty where nothing does.
    pub beside: String,
    pub measured: String,
    /// To what stands beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    pub goal: String,
    /// Absent where there is no goal, or nothing to hold it against.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub met: Option<bool>,
}

impl Row {
    pub fn new(what: impl Into<String>, measured: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            beside: String::new(),
            measured: measured.into(),
            ratio: None,
            goal: String::new(),
            met: None,
        }
    }

    #[must_use]
    pub fn beside(mut self, beside: impl Into<String>, ratio: f64) -> Self {
        (self.beside, self.ratio) = (beside.into(), Some(ratio));
        self
    }

    #[must_use]
    pub fn goal(mut self, goal: impl Into<String>, met: bool) -> Self {
        (self.goal, self.met) = (goal.into(), Some(met));
        self
    }

    fn cells(&self) -> [String; 6] {
        let met = match self.met {
            Some(true) => "met",
            Some(false) => "missed",
            None => "",
        };
        let ratio = self.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        let [what, beside, measured, goal] =
            [&self.what, &self.beside, &self.measured, &self.goal].map(Clone::clone);
        [what, beside, measured, ratio, goal, met.to_owned()]
    }
}

const HEAD: [&str; 6] = ["what", "beside it", "measured", "ratio", "goal", ""];

/// How the table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Text,
    Markdown,
    Json,
}

/// The whole table; `machine` says where it was measured.
pub fn render(rows: &[Row], machine: &str, form: Form) -> String {
    match form {
        Form::Json => {
            let table = serde_json::json!({ "machine": machine, "rows": rows });
            format!("{table:#}\n")
        }
        Form::Markdown => {
            let mut lines = vec![line(&HEAD.map(str::to_owned)), "|---".repeat(6) + "|"];
            lines.extend(rows.iter().map(|row| line(&row.cells())));
            format!("Measured on {machine}.\n\n{}\n", lines.join("\n"))
        }
        Form::Text => {
            let mut table = vec![HEAD.map(str::to_owned)];
            table.extend(rows.iter().map(Row::cells));
            let widths: Vec<_> = (0..6)
                .map(|column| {
                    table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
                })
                .collect();
            let padded = |row: &[String; 6]| {
                let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
                cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
            };
            let lines: Vec<_> = table.iter().map(padded).collect();
            format!("{machine}\n\n{}\n", lines.join("\n"))
        }
    }
}

fn line(cells: &[String; 6]) -> String {
    format!("| {} |", cells.join(" | "))
}
