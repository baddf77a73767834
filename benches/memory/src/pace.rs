//! What a call costs by how many tenants there are.

use std::error::Error;
use std::fmt::Write;
use std::hint::black_box;
use std::time::Duration;

use gauge::{Quartiles, cpu};

use crate::child;
use crate::ids::{self, Order};
use crate::subject::{Breaker, Floor, Subject};

/// Readings of each figure, by turns.
const READINGS: usize = 15;

/// The calls of a reading.
const CALLS: usize = 100_000;

/// Calls whose ids are written before the clock is read.
const BATCH: usize = 500;

/// How many calls a tenant has made, on average, when all begins anew: from 100 in a window on a circuit has histograms,
/// and this is about those that have none.
const CALLS_OF_A_TENANT: usize = 40;

/// The figures, in the order in which they are measured, written and read.
pub(crate) const FIGURES: usize = 4;

/// CPU time per call in nanoseconds, with the calls of all tenants at random and in turn, of this crate; then of the
/// floor.
pub(crate) type Pace = [Quartiles; FIGURES];

/// A subject with so many tenants, made anew where it has had its calls.
struct Called<S> {
    tenants: usize,
    subject: S,
    left: usize,
    ids: Vec<String>,
}

impl<S: Subject> Called<S> {
    fn new(tenants: usize) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            tenants,
            subject: Self::filled(tenants)?,
            left: tenants * CALLS_OF_A_TENANT,
            ids: vec![String::new(); BATCH.min(tenants * CALLS_OF_A_TENANT)],
        })
    }

    fn filled(tenants: usize) -> Result<S, Box<dyn Error>> {
        let subject = S::new(tenants)?;
        let mut id = String::new();
        for number in 0..tenants {
            ids::write(&mut id, number);
            subject.call(&id)?;
        }
        Ok(subject)
    }

    /// Nanoseconds per call, without those of the loop around it.
    fn read(&mut self, order: &mut Order) -> Result<f64, Box<dyn Error>> {
        let (mut calls, mut spent, mut spent_alone) = (0, Duration::ZERO, Duration::ZERO);
        while calls < CALLS {
            if self.left < self.ids.len() {
                self.subject = Self::filled(self.tenants)?;
                self.left = self.tenants * CALLS_OF_A_TENANT;
            }
            for id in &mut self.ids {
                ids::write(id, order.next(self.tenants));
            }
            let begun = cpu::spent();
            for id in &self.ids {
                black_box(id.as_str());
            }
            let between = cpu::spent();
            for id in &self.ids {
                self.subject.call(black_box(id))?;
            }
            spent += cpu::spent().saturating_sub(between);
            spent_alone += between.saturating_sub(begun);
            calls += self.ids.len();
            self.left -= self.ids.len();
        }
        Ok((spent.as_nanos() as f64 - spent_alone.as_nanos() as f64) / calls as f64)
    }
}

/// In this process.
pub(crate) fn measure(tenants: usize) -> Result<Pace, Box<dyn Error>> {
    let mut breaker = Called::<Breaker>::new(tenants)?;
    let mut floor = Called::<Floor>::new(tenants)?;
    let [mut at_random, mut in_turn] = [Order::AtRandom(1), Order::InTurn(0)];
    let mut readings: [Vec<f64>; FIGURES] = Default::default();
    for _ in 0..READINGS {
        readings[0].push(breaker.read(&mut at_random)?);
        readings[1].push(breaker.read(&mut in_turn)?);
        readings[2].push(floor.read(&mut at_random)?);
        readings[3].push(floor.read(&mut in_turn)?);
    }
    let quartiles = readings.map(|readings| Quartiles::of(readings).expect("there are readings"));
    Ok(quartiles)
}

/// In a process of its own.
pub(crate) fn ask(tenants: usize) -> Result<Pace, Box<dyn Error>> {
    read(&child::ask(&["--pace", &tenants.to_string()])?)
}

pub(crate) fn written(pace: &Pace) -> String {
    let mut text = String::new();
    for quartiles in pace {
        let Quartiles {
            lower,
            median,
            upper,
        } = quartiles;
        writeln!(text, "{lower} {median} {upper}").expect("a string takes what is written");
    }
    text
}

fn read(text: &str) -> Result<Pace, Box<dyn Error>> {
    let quartiles = text.lines().map(|line| {
        let figures: Result<Vec<f64>, _> = line.split(' ').map(str::parse).collect();
        match figures?[..] {
            [lower, median, upper] => Ok(Quartiles {
                lower,
                median,
                upper,
            }),
            _ => Err(format!("not quartiles: {line:?}").into()),
        }
    });
    let quartiles: Result<Vec<Quartiles>, Box<dyn Error>> = quartiles.collect();
    let read = <Pace>::try_from(quartiles?);
    read.map_err(|read| format!("{} figures of {FIGURES}", read.len()).into())
}

#[cfg(test)]
mod tests {
    use gauge::Quartiles;

    use super::{read, written};

    #[test]
    fn a_pace_is_read_as_it_was_written() {
        let pace = [1.5, 2.0, 3.25, 1e-3].map(|median| Quartiles {
            lower: median / 2.0,
            median,
            upper: median * 2.0,
        });
        assert_eq!(read(&written(&pace)).unwrap(), pace);
        assert!(read("1 2 3\n").is_err());
        assert!(read("1 2\n1 2\n1 2\n1 2\n").is_err());
    }
}
