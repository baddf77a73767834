//! All series that a recorder was told of.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use ::metrics::{Recorder, Unit as FacadeUnit};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use tokio::time::Instant;

use super::series::{METADATA, Series, key};
use crate::survey::{Kind, Metric, OPEN_DURATION, Survey, Unit};

/// How long a handle is used. A recorder that has forgotten its series keeps it alive, and shows it to nobody.
const RENEWED_AFTER: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Board {
    metrics: Vec<(Metric, HashTable<Series>)>,
    /// How many dependencies have a histogram.
    histograms: usize,
    hasher: RandomState,
    round: u64,
    renewed: Option<Instant>,
}

impl Board {
    pub(super) fn new() -> Self {
        let metrics = Metric::ALL.map(|metric| (metric, HashTable::new()));
        Self {
            metrics: metrics.into(),
            histograms: 0,
            hasher: RandomState::new(),
            round: 0,
            renewed: None,
        }
    }

    /// Brings every series to the survey.
    pub(super) fn show(&mut self, survey: &Survey, recorder: &dyn Recorder) {
        let now = Instant::now();
        let is_due = |renewed| now.saturating_duration_since(renewed) >= RENEWED_AFTER;
        let renews = self.renewed.is_none_or(is_due);
        if renews {
            describe(recorder);
        }
        if renews || self.histograms != survey.dependencies.len() {
            for dependency in &survey.dependencies {
                // So that it is there, with no closing in it, before the first.
                let _ = open_duration(&dependency.name, recorder);
            }
            self.histograms = survey.dependencies.len();
        }
        self.round += 1;
        let (round, hasher) = (self.round, &self.hasher);
        for (metric, all) in &mut self.metrics {
            let metric = *metric;
            if renews {
                all.iter_mut().for_each(|series| series.renew(recorder));
            }
            survey.each(metric, |attributes, value| {
                let hash = hasher.hash_one(attributes);
                let entry = all.entry(hash, |series| series.has(attributes), |series| series.hash);
                let mut entry = match entry {
                    Entry::Occupied(entry) => entry,
                    Entry::Vacant(entry) => {
                        entry.insert(Series::new(metric, attributes, hash, recorder))
                    }
                };
                entry.get_mut().round = round;
                entry.get().tell(value);
            });
            all.retain(|series| {
                let is_told = series.round == round;
                if !is_told {
                    series.rest(metric);
                }
                is_told
            });
        }
        // At the end, so that a recorder that panics half-way is asked again.
        if renews {
            self.renewed = Some(now);
        }
    }

    /// There is nothing to tell of any more.
    pub(super) fn clear(&mut self) {
        for (metric, all) in &mut self.metrics {
            all.iter().for_each(|series| series.rest(*metric));
            all.clear();
        }
    }
}

fn describe(recorder: &dyn Recorder) {
    for metric in Metric::ALL {
        let described = metric.described();
        let unit = described.unit.map(|unit| match unit {
            Unit::Seconds => FacadeUnit::Seconds,
            Unit::Bytes => FacadeUnit::Bytes,
        });
        let (name, description) = (described.name.into(), described.description.into());
        match described.kind {
            Kind::Counter => recorder.describe_counter(name, unit, description),
            Kind::Gauge => recorder.describe_gauge(name, unit, description),
        }
    }
    let (name, description) = OPEN_DURATION;
    recorder.describe_histogram(name.into(), Some(FacadeUnit::Seconds), description.into());
}

/// The histogram of a dependency, as the recorder has it now.
pub(super) fn open_duration(dependency: &str, recorder: &dyn Recorder) -> ::metrics::Histogram {
    let key = key(OPEN_DURATION.0, &[(crate::survey::DEPENDENCY, dependency)]);
    recorder.register_histogram(&key, &METADATA)
}
