//! The last samples of a dependency.

use std::collections::VecDeque;

use serde::Serialize;

/// Two minutes, at two seconds each.
const POINTS: usize = 60;

/// What is kept of one sample.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) rate: f64,
    pub(super) rejected_rate: f64,
    pub(super) share_open: f64,
}

/// The oldest first.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct History {
    rate: Line,
    rejected_rate: Line,
    share_open: Line,
}

impl History {
    pub(super) fn push(&mut self, point: Point) {
        self.rate.push(point.rate);
        self.rejected_rate.push(point.rejected_rate);
        self.share_open.push(point.share_open);
    }
}

#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
struct Line(VecDeque<f32>);

impl Line {
    fn push(&mut self, value: f64) {
        if self.0.len() == POINTS {
            self.0.pop_front();
        }
        // A line of a few dozen pixels shows no more than four digits after the point.
        self.0.push_back((value * 1e4).round() as f32 / 1e4);
    }
}

#[cfg(test)]
mod tests {
    use super::{History, Point};

    #[test]
    fn the_last_sixty_points_are_kept_the_oldest_first() {
        let mut history = History::default();
        for n in 0..100 {
            history.push(Point {
                rate: f64::from(n),
                rejected_rate: f64::from(n) / 4.0,
                share_open: 1.0 / 3.0,
            });
        }
        let written = serde_json::to_value(&history).unwrap();
        let [rate, rejected, share] =
            ["rate", "rejected_rate", "share_open"].map(|line| written[line].as_array().unwrap());
        assert_eq!([rate.len(), rejected.len(), share.len()], [60; 3]);
        assert_eq!(
            [rate[0].as_f64(), rate[59].as_f64()],
            [Some(40.0), Some(99.0)]
        );
        assert_eq!(rejected[59].as_f64(), Some(24.75));
        assert_eq!(
            serde_json::to_string(&share[0]).unwrap(),
            "0.33329999446868896"
        );
    }
}
