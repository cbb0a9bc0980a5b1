//! A thousand rules for one event, in this process, beside the same comparisons as closures.

use std::time::Duration;

use crate::Scale;
use crate::mixes::MIXES;
use crate::table::Row;

/// As operators write: the last of the mixes.
const USUAL: usize = MIXES.len() - 1;

pub fn rows(scale: &Scale) -> Vec<Row> {
    let time = if scale.short { Duration::from_millis(20) } else { Duration::from_millis(400) };
    let mix = &MIXES[USUAL];
    let cost = mix.measure(time);
    let (ratio, growth) = (cost.thousand / cost.closures, cost.thousand / cost.ten);
    vec![
        Row::new(
            format!("1,000 rules for one event, {}", mix.name),
            format!("{:.0} µs", cost.thousand),
        )
        .beside(format!("1,000 Rust closures: {:.0} µs", cost.closures), ratio)
        .goal("< 1 ms", cost.thousand < 1_000.0),
        Row::new("… beside 10 rules", format!("{:.0} µs", cost.thousand))
            .beside(format!("10 rules: {:.1} µs", cost.ten), growth)
            .goal("< 3", growth < 3.0),
    ]
}
