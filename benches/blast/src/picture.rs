//! What the healthy tenants lose, as a picture.

use std::error::Error;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::breakers::Breaker;
use crate::fault::{Fault, Trouble};
use crate::report::Report;
use crate::row::Row;
use crate::scenario::{HIT, TENANTS};

const SIZE: (u32, u32) = (960, 660);
/// Above for the legend, below for the machine.
const HEAD: u32 = 68;
const FOOT: u32 = 28;

const INK: RGBColor = RGBColor(36, 41, 47);
const GRID: RGBColor = RGBColor(226, 229, 233);

/// Up to which a p99 is not told in figures: no more than runs without a fault differ in.
const UNTOLD: f64 = 1.25;

/// What is drawn of a row.
#[derive(Clone, Copy)]
enum Figure {
    Lost,
    P99,
}

/// Told apart by those who do not see red or green, too.
const fn color(breaker: Breaker) -> RGBColor {
    match breaker {
        Breaker::None => RGBColor(120, 126, 133),
        Breaker::Shared => RGBColor(194, 86, 0),
        Breaker::PerDependency => RGBColor(240, 173, 78),
        Breaker::OursUnbounded => RGBColor(133, 183, 232),
        Breaker::Ours => RGBColor(0, 90, 181),
    }
}

/// The picture as SVG. Its background is a colour of its own, so it is read on dark pages as on light ones.
pub(crate) fn svg(report: &Report) -> Result<String, Box<dyn Error>> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let (head, rest) = area.split_vertically(HEAD);
        let (charts, foot) = rest.split_vertically(SIZE.1 - HEAD - FOOT);
        legend(&head, &report.breakers())?;
        let hit: Vec<usize> = HIT.into_iter().filter(|hit| *hit > 0).collect();
        let panels = charts.split_evenly((2, Fault::ALL.len()));
        let (above, below) = panels.split_at(Fault::ALL.len());
        for (figure, panels) in [(Figure::Lost, above), (Figure::P99, below)] {
            for (panel, fault) in panels.iter().zip(Fault::ALL) {
                chart(panel, report, figure, fault, &hit)?;
            }
        }
        foot.draw(&Text::new(
            format!(
                "Below the bars: tenants hit. Each bar is {} runs from the fault on, beside as many without. {}",
                report.runs(),
                report.machine
            ),
            (12, 6),
            ("sans-serif", 11).into_font().color(&INK.mix(0.75)),
        ))?;
        area.present()?;
    }
    Ok(svg)
}

fn legend(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    breakers: &[Breaker],
) -> Result<(), Box<dyn Error>> {
    let title =
        format!("What healthy tenants lose while search is sick for 1, 10 or 50 of {TENANTS}");
    let text = ("sans-serif", 18).into_font().color(&INK);
    area.draw(&Text::new(title, (16, 12), text))?;
    let mut left = 16;
    for breaker in breakers {
        let name = breaker.in_short();
        let square = [(left, 44), (left + 14, 58)];
        area.draw(&Rectangle::new(square, color(*breaker).filled()))?;
        let text = ("sans-serif", 14).into_font().color(&INK);
        area.draw(&Text::new(name, (left + 20, 44), text))?;
        left += 48 + 7 * name.len() as i32;
    }
    Ok(())
}

fn chart(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    report: &Report,
    figure: Figure,
    fault: Fault,
    hit: &[usize],
) -> Result<(), Box<dyn Error>> {
    let breakers = report.breakers();
    let value = |breaker, hit| {
        let trouble = Some(Trouble { fault, hit });
        report.row(breaker, trouble).map(|row| figure.of(row))
    };
    let text = |size: u32| ("sans-serif", size).into_font().color(&INK);
    let mut builder = ChartBuilder::on(area);
    builder
        .margin(10)
        .caption(figure.caption(fault), text(15))
        .x_label_area_size(26)
        .y_label_area_size(40);
    let width = 1.0 / (breakers.len() as f64 + 1.2);
    let bars = hit.iter().enumerate().flat_map(|(group, hit)| {
        let value = &value;
        breakers.iter().enumerate().map(move |(at, breaker)| {
            let left = group as f64 + width * (0.6 + at as f64);
            (left, *breaker, value(*breaker, *hit))
        })
    });
    let bars: Vec<_> = bars.collect();
    macro_rules! draw {
        ($chart:expr, $floor:expr) => {{
            let mut chart = $chart;
            chart
                .configure_mesh()
                .disable_x_mesh()
                .light_line_style(TRANSPARENT)
                .bold_line_style(GRID)
                .axis_style(INK.mix(0.5))
                .label_style(text(12))
                .x_labels(0)
                .y_labels(5)
                .y_label_formatter(&|value| figure.tick(*value))
                .draw()?;
            let floor: f64 = $floor;
            for (left, breaker, value) in &bars {
                let top = match value {
                    Some(Some(value)) => value.max(floor),
                    // Nobody was served: there is nothing that took long.
                    _ => floor,
                };
                let bar = [(*left, floor), (left + width * 0.86, top)];
                chart.draw_series([Rectangle::new(bar, color(*breaker).filled())])?;
                let told = figure.label(value.flatten());
                let above = chart.backend_coord(&(left + width * 0.43, top));
                let size = ("sans-serif", 10).into_font().color(&INK);
                let (x, y) = above;
                let root = area.get_base_pixel();
                let at = (x - root.0 - 3 * told.len() as i32, y - root.1 - 12);
                area.draw(&Text::new(told, at, size))?;
            }
            for (group, hit) in hit.iter().enumerate() {
                let told = hit.to_string();
                let (x, y) = chart.backend_coord(&(group as f64 + 0.5, floor));
                let root = area.get_base_pixel();
                let at = (x - root.0 - 4 * told.len() as i32, y - root.1 + 8);
                area.draw(&Text::new(told, at, text(13)))?;
            }
        }};
    }
    let groups = 0.0..hit.len() as f64;
    let highest = figure.highest(report);
    match figure {
        Figure::Lost => draw!(builder.build_cartesian_2d(groups, 0.0..highest)?, 0.0),
        // From 1 on: below, healthy tenants wait no longer than without a fault.
        Figure::P99 => draw!(
            builder.build_cartesian_2d(groups, (1.0..highest).log_scale())?,
            1.0
        ),
    }
    Ok(())
}

impl Figure {
    fn of(self, row: &Row) -> Option<f64> {
        match self {
            Self::Lost => Some((1.0 - row.served()) * 100.0),
            Self::P99 => row.p99_ratio().filter(|_| row.tells_quantiles()),
        }
    }

    /// What the axes of all faults reach up to, with room for the figure above the highest bar.
    fn highest(self, report: &Report) -> f64 {
        match self {
            Self::Lost => 115.0,
            Self::P99 => {
                let all = report.rows.iter().filter_map(|row| self.of(row));
                all.fold(100.0, f64::max) * 2.5
            }
        }
    }

    fn caption(self, fault: Fault) -> String {
        let sick = match fault {
            Fault::Fails => "fails at once",
            Fault::Slow => "is slow",
            Fault::Hangs => "hangs",
        };
        match self {
            Self::Lost => format!("{sick}: healthy calls lost, %"),
            Self::P99 => format!("{sick}: p99, times that without"),
        }
    }

    fn tick(self, value: f64) -> String {
        match self {
            Self::Lost => format!("{value:.0}"),
            Self::P99 => format!("{value:.0}"),
        }
    }

    /// What is written above a bar.
    fn label(self, value: Option<f64>) -> String {
        match (self, value) {
            (_, None) => "-".to_owned(),
            (Self::Lost, Some(0.0)) => "0".to_owned(),
            (Self::P99, Some(..=UNTOLD)) => String::new(),
            (_, Some(value)) if value < 9.95 => format!("{value:.1}"),
            (_, Some(value)) => format!("{value:.0}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::svg;
    use crate::breakers::Breaker;
    use crate::report::Report;
    use crate::row::Row;
    use crate::row::tests::{row, run};

    #[test]
    fn it_says_whose_bars_they_are_and_of_what() {
        let report = Report {
            machine: "a machine".to_owned(),
            share: 0.1,
            seconds: 2.0,
            again: 0,
            unanswered: 0,
            rows: vec![
                row(vec![run(1_000, 50, 100)]),
                Row {
                    breaker: Breaker::Shared,
                    ..row(vec![run(0, 50, 100)])
                },
            ],
        };
        let drawn = svg(&report).unwrap();
        for words in [
            "hangs: healthy calls lost, %",
            "is slow: p99, times that without",
            "one shared breaker",
            "a machine",
            "50",
        ] {
            assert!(drawn.contains(words), "{words}");
        }
    }
}
