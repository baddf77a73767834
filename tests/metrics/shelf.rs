//! A recorder that can be read without a change, forgets when it is told to, and counts the handles that are held.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

#[derive(Clone, Default)]
pub struct Shelf(Arc<Inner>);

#[derive(Default)]
struct Inner {
    series: Mutex<BTreeMap<String, Arc<Slot>>>,
    made: AtomicUsize,
    held: AtomicUsize,
    panics: AtomicBool,
}

#[derive(Default)]
struct Slot {
    figure: Mutex<f64>,
    told: AtomicUsize,
}

/// What a handle holds.
struct Held {
    slot: Arc<Slot>,
    shelf: Arc<Inner>,
}

impl Shelf {
    /// The figures of all series, as `name{label=value}`; of a histogram their sum.
    pub fn figures(&self) -> BTreeMap<String, f64> {
        let series = self.0.series.lock().unwrap();
        let figure = |slot: &Slot| *slot.figure.lock().unwrap();
        let figures = series.iter();
        figures
            .map(|(name, slot)| (name.clone(), figure(slot)))
            .collect()
    }

    /// How often a series was told.
    pub fn told(&self, series: &str) -> usize {
        self.0.series.lock().unwrap()[series].told.load(Relaxed)
    }

    /// Forgets every series, as an exporter does with idle ones: handles go on, and nobody sees it.
    pub fn forget(&self) {
        self.0.series.lock().unwrap().clear();
    }

    /// How many handles were made.
    pub fn made(&self) -> usize {
        self.0.made.load(Relaxed)
    }

    /// How many handles somebody holds.
    pub fn held(&self) -> usize {
        self.0.held.load(Relaxed)
    }

    /// Whether it panics from now on, whatever it is asked or told.
    pub fn panic(&self, panics: bool) {
        self.0.panics.store(panics, Relaxed);
    }

    fn handle(&self, key: &Key) -> Arc<Held> {
        self.0.may_panic();
        let labels = key.labels();
        let labels: Vec<_> = labels
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        let slot = self
            .0
            .series
            .lock()
            .unwrap()
            .entry(name)
            .or_default()
            .clone();
        self.0.made.fetch_add(1, Relaxed);
        self.0.held.fetch_add(1, Relaxed);
        let shelf = Arc::clone(&self.0);
        Arc::new(Held { slot, shelf })
    }
}

impl Inner {
    fn may_panic(&self) {
        assert!(
            !self.panics.load(Relaxed),
            "a recorder that panics on purpose"
        );
    }
}

impl Held {
    fn tell(&self, change: impl FnOnce(f64) -> f64) {
        self.shelf.may_panic();
        let mut figure = self.slot.figure.lock().unwrap();
        *figure = change(*figure);
        self.slot.told.fetch_add(1, Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shelf.held.fetch_sub(1, Relaxed);
    }
}

impl CounterFn for Held {
    fn increment(&self, value: u64) {
        self.tell(|figure| figure + value as f64);
    }

    /// Takes also a count that fell, which recorders do not, so that a test can see it.
    fn absolute(&self, value: u64) {
        self.tell(|_| value as f64);
    }
}

impl GaugeFn for Held {
    fn increment(&self, value: f64) {
        self.tell(|figure| figure + value);
    }

    fn decrement(&self, value: f64) {
        self.tell(|figure| figure - value);
    }

    fn set(&self, value: f64) {
        self.tell(|_| value);
    }
}

impl HistogramFn for Held {
    fn record(&self, value: f64) {
        self.tell(|figure| figure + value);
    }
}

impl Recorder for Shelf {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {
        self.0.may_panic();
    }

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {
        self.0.may_panic();
    }

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {
        self.0.may_panic();
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.handle(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.handle(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.handle(key))
    }
}
