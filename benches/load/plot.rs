//! Plots with a logarithmic axis across, as SVG.

use std::fmt::Write;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 110.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 48.0;
const COLOURS: [&str; 4] = ["#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad"];

/// One line: what it is, and its points.
pub struct Line {
    pub name: &'static str,
    pub points: Vec<(f64, f64)>,
}

pub struct Plot<'p> {
    pub title: &'p str,
    /// What stands below the axis.
    pub across: &'p str,
    pub lines: Vec<Line>,
}

impl Plot<'_> {
    /// The whole file. The upright axis begins at zero, so that flat looks flat.
    pub fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let right = points().map(|(x, _)| *x).fold(1.0, f64::max);
        let step = step(points().map(|(_, y)| *y).fold(0.0, f64::max));
        let top = (points().map(|(_, y)| *y).fold(0.0, f64::max) / step).ceil() * step;
        let x = |value: f64| LEFT + value.ln() / right.ln() * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
             <text x=\"{LEFT}\" y=\"24\" font-size=\"15\">{}</text>\n",
            self.title
        );
        for number in 0..=(top / step).round() as usize {
            let (value, end) = (number as f64 * step, WIDTH - RIGHT);
            // Writing into a String cannot fail.
            let _ = writeln!(
                svg,
                "<path d=\"M{LEFT} {0:.1}H{end}\" stroke=\"#ddd\"/>\
                 <text x=\"{1}\" y=\"{2:.1}\" text-anchor=\"end\">{value}</text>",
                y(value),
                LEFT - 8.0,
                y(value) + 4.0,
            );
        }
        for value in [1.0, 3.0, 10.0, 30.0, 100.0].into_iter().filter(|value| *value <= right) {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{value}×</text>",
                x(value),
                HEIGHT - BOTTOM + 18.0,
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            f64::midpoint(LEFT, WIDTH - RIGHT),
            HEIGHT - 10.0,
            self.across,
        );
        let mut labels = Labels::default();
        for (line, colour) in self.lines.iter().zip(COLOURS) {
            let places = line.points.iter().map(|(px, py)| format!("{:.1},{:.1}", x(*px), y(*py)));
            let _ = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                places.collect::<Vec<_>>().join(" ")
            );
            let end = line.points.last().map_or(0.0, |(_, value)| y(*value));
            let _ = writeln!(
                svg,
                "<text x=\"{}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
                WIDTH - RIGHT + 8.0,
                labels.place(end) + 4.0,
                line.name,
            );
        }
        svg + "</svg>\n"
    }
}

/// Names at the ends of lines, none upon another.
#[derive(Default)]
struct Labels(Vec<f64>);

impl Labels {
    fn place(&mut self, wanted: f64) -> f64 {
        let mut place = wanted;
        while self.0.iter().any(|taken| (taken - place).abs() < 14.0) {
            place -= 1.0;
        }
        self.0.push(place);
        place
    }
}

/// A round distance between about five lines up to `most`.
fn step(most: f64) -> f64 {
    let rough = (most / 5.0).max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(rough.log10().floor());
    let round = [1.0, 2.0, 5.0, 10.0].into_iter().find(|round| round * power >= rough);
    round.unwrap_or(10.0) * power
}
