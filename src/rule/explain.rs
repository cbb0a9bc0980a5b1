//! What a code means: the pages of `docs/errors`, built into the program.

/// Lists codes and their pages.
macro_rules! pages {
    ($($code:ident)*) => {
        &[$((stringify!($code), include_str!(concat!("../../docs/errors/", stringify!($code), ".md"))),)*]
    };
}

/// In the order of the codes.
const PAGES: &[(&str, &str)] = pages! {
    R001 R002 R003 R004 R005 R006 R007 R008 R010 R012 R014 R016 R017 R018 R019 R020 R022 R024
    R026 R028 R030 R032 R040 R041 R042 R043 R044 R050 R051 R052 R053 R054 R055 R056 R058
    R059 R060 R061 R062 R063 R064 R065 R066 R070 R071 R101 R102 R103 R104 R105 R106 R107 R108 R109
    R110 R111 R112 R113 R114 R115 R116 R117 R118 R119 R201 R202 R203 R204 R205 R220 R301 R302
    T001 T002 T003 T004 T005 T006 T007 T008 T009 T010 T011 T012 T013 T014 T015 T016 T017 T018
};

/// The page of a code, in Markdown; upper and lower case are the same.
pub fn explain(code: &str) -> Option<&'static str> {
    PAGES.iter().find(|(known, _)| known.eq_ignore_ascii_case(code)).map(|(_, page)| *page)
}

/// All codes that have a page.
pub fn codes() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(code, _)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    fn root() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR"))
    }

    fn collect(folder: &Path, codes: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, codes);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let declared = text.lines().filter(|line| line.contains("const "));
            let quoted = declared.filter_map(|line| line.split("Code(\"").nth(1));
            codes.extend(quoted.filter_map(|rest| rest.get(..4)).map(str::to_owned));
        }
    }

    #[test]
    fn every_code_has_a_page_and_every_page_a_code() {
        let mut used = BTreeSet::new();
        collect(&root().join("src/rule"), &mut used);
        collect(&root().join("src/authoring"), &mut used);
        let pages: BTreeSet<_> = codes().map(str::to_owned).collect();
        assert_eq!(used, pages);
        assert!(used.len() > 50, "{used:?}");
    }

    #[test]
    fn no_page_is_left_out_of_the_program() {
        let entries = std::fs::read_dir(root().join("docs/errors")).unwrap();
        let files: BTreeSet<_> = entries
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(files, codes().map(str::to_owned).collect());
    }

    #[test]
    fn a_code_is_explained_in_any_case_and_an_unknown_one_is_not() {
        assert!(explain("r012").unwrap().starts_with("# R012: "));
        assert_eq!(explain("R999"), None);
    }
}
