//! A retry policy that retries every error, a budget that keeps a ledger, and a service whose attempts follow
//! a script. Shared by the tests of retries; each uses a part of it.

#![allow(dead_code, unreachable_pub)]

use std::collections::VecDeque;
use std::fmt::Display;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Sleep, sleep};
use tower::retry::Policy;
use tower::retry::budget::{Budget, TpsBudget};
use tower::{Service, service_fn};

use crate::job::{Job, Order, OutOfPaper, work};

pub const BACKOFF: Duration = Duration::from_millis(100);

/// Retries every error after a pause, so many times and as long as the budget lasts.
#[derive(Clone, Debug)]
pub struct Stubborn {
    retries: u32,
    budget: Option<Arc<Ledger>>,
    shown: Arc<Mutex<Vec<String>>>,
}

impl Stubborn {
    pub fn new(retries: u32) -> Self {
        Self {
            retries,
            budget: None,
            shown: Arc::default(),
        }
    }

    pub fn with_budget(budget: &Arc<Ledger>) -> Self {
        Self {
            budget: Some(Arc::clone(budget)),
            ..Self::new(u32::MAX)
        }
    }

    /// The results that it was shown, also as a clone.
    pub fn shown(&self) -> Vec<String> {
        self.shown.lock().unwrap().clone()
    }
}

impl<Res, E> Policy<Job, Res, E> for Stubborn
where
    Res: Display,
    E: Display,
{
    type Future = Sleep;

    fn retry(&mut self, _job: &mut Job, result: &mut Result<Res, E>) -> Option<Sleep> {
        let shown = match result {
            Ok(response) => response.to_string(),
            Err(error) => error.to_string(),
        };
        self.shown.lock().unwrap().push(shown);

        if result.is_ok() {
            if let Some(budget) = &self.budget {
                budget.deposit();
            }
            return None;
        }
        self.retries = self.retries.checked_sub(1)?;
        let may = self.budget.as_ref().is_none_or(|budget| budget.withdraw());
        may.then(|| sleep(BACKOFF))
    }

    fn clone_request(&mut self, job: &Job) -> Option<Job> {
        Some(job.clone())
    }
}

/// tower's budget, with a note of what is paid in and out.
#[derive(Debug)]
pub struct Ledger {
    budget: TpsBudget,
    deposits: AtomicUsize,
    withdrawals: AtomicUsize,
    refusals: AtomicUsize,
}

impl Ledger {
    /// Ten retries in ten seconds, and no more for calls that succeed.
    pub fn of_ten() -> Arc<Self> {
        Arc::new(Self {
            budget: TpsBudget::new(Duration::from_secs(10), 1, 0.0),
            deposits: AtomicUsize::new(0),
            withdrawals: AtomicUsize::new(0),
            refusals: AtomicUsize::new(0),
        })
    }

    pub fn deposits(&self) -> usize {
        self.deposits.load(Relaxed)
    }

    pub fn withdrawals(&self) -> usize {
        self.withdrawals.load(Relaxed)
    }

    pub fn refusals(&self) -> usize {
        self.refusals.load(Relaxed)
    }
}

impl Budget for Ledger {
    fn deposit(&self) {
        self.deposits.fetch_add(1, Relaxed);
        self.budget.deposit();
    }

    fn withdraw(&self) -> bool {
        let may = self.budget.withdraw();
        let counter = if may {
            &self.withdrawals
        } else {
            &self.refusals
        };
        counter.fetch_add(1, Relaxed);
        may
    }
}

/// What the next attempts come to, whatever their jobs say; after these, they do as told.
#[derive(Clone, Debug, Default)]
pub struct Script {
    orders: Arc<Mutex<VecDeque<Order>>>,
    attempts: Arc<AtomicUsize>,
}

impl Script {
    pub fn of(orders: impl IntoIterator<Item = Order>) -> Self {
        Self {
            orders: Arc::new(Mutex::new(orders.into_iter().collect())),
            attempts: Arc::default(),
        }
    }

    /// The attempts that were made.
    pub fn attempts(&self) -> usize {
        self.attempts.load(Relaxed)
    }

    /// A service that plays it; each attempt takes so long.
    pub fn play(
        &self,
        takes: Duration,
    ) -> impl Service<Job, Response = String, Error = OutOfPaper, Future: Send> + Clone + Send + 'static
    {
        let script = self.clone();
        service_fn(move |mut job: Job| {
            script.attempts.fetch_add(1, Relaxed);
            if let Some(order) = script.orders.lock().unwrap().pop_front() {
                job.order = order;
            }
            async move {
                if !takes.is_zero() {
                    sleep(takes).await;
                }
                work(job).await
            }
        })
    }
}
