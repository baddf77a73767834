//! The growth as a picture.

use std::error::Error;

use gauge::thousands;
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::curve::Curve;
use crate::growth::Growth;
use crate::machine;

const SIZE: (u32, u32) = (860, 896);

/// How high what is said beneath the charts is.
const FOOT: u32 = 46;

/// The same for a subject in both charts. Told apart by those who do not see red or green, too.
const OURS: RGBColor = RGBColor(0, 90, 181);
const FLOOR: RGBColor = RGBColor(194, 86, 0);
const INK: RGBColor = RGBColor(36, 41, 47);
const GRID: RGBColor = RGBColor(226, 229, 233);

/// The budget of an idle tenant.
const BUDGET: f64 = 220.0;

struct Line {
    name: &'static str,
    color: RGBColor,
    is_dashed: bool,
    points: Vec<(f64, f64)>,
}

/// The picture as SVG. Its background is a colour of its own, so it is read on dark pages as on light ones.
pub(crate) fn svg(growth: &Growth) -> Result<String, Box<dyn Error>> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let (charts, foot) = area.split_vertically(SIZE.1 - FOOT);
        let said = ["Idle tenants with ids of 27 bytes.", &machine::line()];
        for (said, at) in said.into_iter().zip([6, 22]) {
            let style = ("sans-serif", 11).into_font().color(&INK.mix(0.75));
            foot.draw(&Text::new(said, (12, at), style))?;
        }
        let (above, below) = charts.split_vertically((SIZE.1 - FOOT) / 2);
        chart(&above, "CPU time of a call, in ns", &times(growth))?;
        chart(
            &below,
            "Bytes of a tenant, beyond those of an empty map",
            &bytes(growth),
        )?;
        area.present()?;
    }
    Ok(svg)
}

fn times(growth: &Growth) -> [Line; 4] {
    let line = |name, color, is_dashed, figure: usize| Line {
        name,
        color,
        is_dashed,
        points: growth
            .paces
            .iter()
            .map(|(tenants, pace)| (*tenants as f64, pace[figure].median))
            .collect(),
    };
    [
        line("a closed call, tenants at random", OURS, false, 0),
        line("a closed call, tenants in turn", OURS, true, 1),
        line("DashMap with an AtomicU64, at random", FLOOR, false, 2),
        line("DashMap with an AtomicU64, in turn", FLOOR, true, 3),
    ]
}

fn bytes(growth: &Growth) -> [Line; 3] {
    let line = |name, color, curve: &Curve| Line {
        name,
        color,
        is_dashed: false,
        points: curve
            .points
            .iter()
            .map(|point| (point.tenants as f64, curve.beyond_empty(*point)))
            .collect(),
    };
    let most = growth.paces.last().map_or(1, |(tenants, _)| *tenants) as f64;
    [
        line("an idle tenant", OURS, &growth.ours),
        line("DashMap with an AtomicU64", FLOOR, &growth.floor),
        Line {
            name: "budget of an idle tenant, 220 bytes",
            color: INK,
            is_dashed: true,
            points: vec![(1.0, BUDGET), (most, BUDGET)],
        },
    ]
}

fn chart(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    caption: &str,
    lines: &[Line],
) -> Result<(), Box<dyn Error>> {
    let all = lines.iter().flat_map(|line| &line.points);
    let (most, highest) = all.fold((1.0_f64, 1.0_f64), |(most, highest), (x, y)| {
        (most.max(*x), highest.max(*y))
    });
    let powers: Vec<f64> = (0..10).map(|power| 10_f64.powi(power)).collect();
    let ticks: Vec<f64> = powers.into_iter().filter(|tick| *tick <= most).collect();
    let text = |size: u32| ("sans-serif", size).into_font().color(&INK);
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .margin_right(36)
        .caption(caption, text(18))
        .x_label_area_size(44)
        .y_label_area_size(56)
        // Room above the lines, for the legend.
        .build_cartesian_2d(
            (1.0..most).log_scale().with_key_points(ticks),
            0.0..highest * 1.4,
        )?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK.mix(0.5))
        .label_style(text(13))
        .axis_desc_style(text(14))
        .x_desc("tenants")
        .x_label_formatter(&|tenants| thousands(*tenants as usize))
        .y_labels(8)
        .y_label_formatter(&|figure| format!("{figure:.0}"))
        .draw()?;
    for line in lines {
        let style = line.color.stroke_width(2);
        let points = line.points.iter().copied();
        let series = if line.is_dashed {
            chart.draw_series(DashedLineSeries::new(points, 6, 4, style))?
        } else {
            chart.draw_series(LineSeries::new(points, style))?
        };
        let is_dashed = line.is_dashed;
        series.label(line.name).legend(move |(x, y)| {
            let end = if is_dashed { x + 10 } else { x + 26 };
            let first = PathElement::new([(x, y), (end, y)], style);
            let second = PathElement::new([(x + 16, y), (x + 26, y)], style);
            EmptyElement::at((0, 0)) + first + second
        });
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .legend_area_size(34)
        .margin(8)
        .background_style(WHITE)
        .border_style(GRID)
        .label_font(text(13))
        .draw()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use gauge::Quartiles;

    use super::svg;
    use crate::curve::{Curve, Point};
    use crate::growth::Growth;

    #[test]
    fn it_says_what_its_lines_and_axes_are() {
        let curve = |bytes| Curve {
            empty: 0,
            points: [1, 10_000]
                .map(|tenants| Point {
                    tenants,
                    bytes: bytes * tenants,
                })
                .to_vec(),
        };
        let pace = [1.0, 2.0, 3.0, 4.0].map(|median| Quartiles {
            lower: median,
            median,
            upper: median,
        });
        let growth = Growth {
            ours: curve(200),
            floor: curve(100),
            paces: vec![(1, pace), (10_000, pace)],
        };
        let drawn = svg(&growth).unwrap();
        for words in [
            "CPU time of a call, in ns",
            "a closed call, tenants at random",
            "DashMap with an AtomicU64, in turn",
            "Bytes of a tenant, beyond those of an empty map",
            "budget of an idle tenant, 220 bytes",
            "10,000",
            "tenants",
        ] {
            assert!(drawn.contains(words), "{words}");
        }
    }
}
