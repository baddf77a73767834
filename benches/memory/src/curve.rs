//! The bytes that are live while tenants come, one after another.

use std::cmp::Ordering;
use std::error::Error;
use std::fmt::Write;

use gauge::heap;

use crate::child;
use crate::ids;
use crate::subject::Subject;

/// Each point has at least one per cent more tenants than the one before.
const STEP: f64 = 1.01;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) tenants: usize,
    /// In all, what there is without a tenant among them.
    pub(crate) bytes: usize,
}

impl Point {
    pub(crate) fn each(self) -> f64 {
        self.bytes as f64 / self.tenants as f64
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Curve {
    /// The bytes without a tenant.
    pub(crate) empty: usize,
    pub(crate) points: Vec<Point>,
}

impl Curve {
    /// In this process.
    pub(crate) fn measure<S: Subject>(most: usize) -> Result<Self, Box<dyn Error>> {
        let mut points = Vec::with_capacity(4_096);
        let mut id = String::with_capacity(64);
        let before = heap::live();
        let live = || usize::try_from(heap::live() - before);
        let subject = S::new(most)?;
        let empty = live()?;
        let mut next = 1;
        for tenants in 1..=most {
            ids::write(&mut id, tenants - 1);
            subject.call(&id)?;
            if tenants == next || tenants == most {
                let bytes = live()?;
                points.push(Point { tenants, bytes });
                next = (tenants + 1).max((tenants as f64 * STEP) as usize);
            }
        }
        Ok(Self { empty, points })
    }

    /// In a process of its own, which knows the subject by this name.
    pub(crate) fn ask(subject: &str, most: usize) -> Result<Self, Box<dyn Error>> {
        Self::read(&child::ask(&["--curve", subject, &most.to_string()])?)
    }

    pub(crate) fn written(&self) -> String {
        let mut text = format!("0 {}\n", self.empty);
        for Point { tenants, bytes } in &self.points {
            writeln!(text, "{tenants} {bytes}").expect("a string takes what is written");
        }
        text
    }

    fn read(text: &str) -> Result<Self, Box<dyn Error>> {
        let mut points = Vec::new();
        for line in text.lines() {
            let (tenants, bytes) = line.split_once(' ').ok_or("not a point of a curve")?;
            points.push(Point {
                tenants: tenants.parse()?,
                bytes: bytes.parse()?,
            });
        }
        if points.len() < 2 {
            return Err("a curve without points".into());
        }
        let empty = points.remove(0).bytes;
        Ok(Self { empty, points })
    }

    /// How many bytes a tenant costs beyond what there is without one.
    pub(crate) fn beyond_empty(&self, point: Point) -> f64 {
        (point.bytes - self.empty) as f64 / point.tenants as f64
    }

    /// The first point with so many tenants.
    pub(crate) fn at(&self, tenants: usize) -> Option<Point> {
        let is_there = |point: &&Point| point.tenants >= tenants;
        self.points.iter().find(is_there).copied()
    }

    /// Where tenants are dearest, of those points that have more than half as many as the last: the tables double at
    /// least once from one half to the other, and right after they are at their emptiest.
    pub(crate) fn worst(&self) -> Option<Point> {
        self.upper_half().max_by(dearer)
    }

    /// Where they are cheapest, of those of these points that come before that one.
    pub(crate) fn best_before(&self, worst: Point) -> Option<Point> {
        let earlier = |point: &Point| point.tenants < worst.tenants;
        self.upper_half().filter(earlier).min_by(dearer)
    }

    fn upper_half(&self) -> impl Iterator<Item = Point> {
        let most = self.points.last().map_or(0, |point| point.tenants);
        let points = self.points.iter().copied();
        points.filter(move |point| point.tenants > most / 2)
    }
}

fn dearer(one: &Point, other: &Point) -> Ordering {
    one.each().total_cmp(&other.each())
}

#[cfg(test)]
mod tests {
    use super::{Curve, Point};

    fn point(tenants: usize, bytes: usize) -> Point {
        Point { tenants, bytes }
    }

    #[test]
    fn the_worst_and_the_best_are_right_after_and_right_before_a_doubling() {
        let points = [
            point(40, 9_000),
            point(60, 660),
            point(70, 700),
            point(75, 1_500),
            point(100, 1_700),
        ];
        let curve = Curve {
            empty: 8,
            points: points.to_vec(),
        };
        let worst = curve.worst().unwrap();
        assert_eq!(worst, point(75, 1_500));
        assert_eq!(curve.best_before(worst), Some(point(70, 700)));
        assert_eq!(curve.best_before(point(60, 660)), None);
        assert_eq!(Curve::read(&curve.written()).unwrap(), curve);
        assert_eq!(curve.at(61), Some(point(70, 700)));
        assert_eq!(curve.at(101), None);
    }
}
