//! "Did you mean": the known word that is closest to an unknown one.

/// The candidate that the word was probably meant to be: few edits away, or the one contained in the
/// other. `None` when nothing is close.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    if length < 2 {
        return None;
    }
    let edits = (length / 3).max(1);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let known = candidate.to_lowercase();
            let distance = strsim::damerau_levenshtein(&word, &known);
            if distance <= edits {
                return Some((distance, candidate));
            }
            let contained = length >= 4 && known.contains(&word)
                || known.len() >= 4 && word.contains(known.as_str());
            // Behind everything that is a few edits away.
            contained.then_some((100 + distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [&str; 4] = ["id", "role", "joined_at", "name_card"];

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        assert_eq!(closest("roles", FIELDS), Some("role"));
        assert_eq!(closest("Role", FIELDS), Some("role"));
        assert_eq!(closest("name_crad", FIELDS), Some("name_card"));
    }

    #[test]
    fn a_part_of_a_name_is_understood() {
        assert_eq!(closest("joined", FIELDS), Some("joined_at"));
    }

    #[test]
    fn a_word_that_is_like_nothing_suggests_nothing() {
        assert_eq!(closest("level", FIELDS), None);
        assert_eq!(closest("x", FIELDS), None);
    }
}
