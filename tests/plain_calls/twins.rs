//! Random histories of two tenants, of which one takes the short path and one the long.

use std::time::Duration;

use proptest::prelude::*;
use tokio::runtime::Builder;
use tokio::time::{Instant, advance};
use tower_tenant_breaker::{CircuitBreakerRegistry, Dependency, Outcome, Override, Permit, Policy};

use super::{NANO, SECOND, WINDOW, ms, policy, registry};

/// Two tenants do the same: one by the dependency's policy, and one by a policy of its own that is equal to it, whose
/// calls never take the short path.
struct Twins {
    registry: CircuitBreakerRegistry,
    search: Dependency,
    created: Instant,
    /// Which of the policies holds, and whether it is still the first.
    policy: usize,
    is_first: bool,
    in_the_air: Vec<[Permit; 2]>,
    /// Whose calls have a thread forget what it knows of the dependency.
    others: Vec<Dependency>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Begin,
    End(usize, Outcome),
    Cancel(usize),
    Good(usize),
    Wait(u64),
    /// Until so many nanoseconds before or after the end of the slot, or of a part in eighths of the threshold.
    UntilSlotEnd(i64),
    EighthsOfThreshold(u32, i64),
    SetPolicy(usize),
    /// To all others that have the policy of this number.
    Elsewhere(usize),
    Disable,
    Enable,
}

/// More dependencies than a thread knows the slots of, so that one of them has the place of the twins'.
const OTHERS: usize = 20;

const WINDOWS: [Duration; 5] = [WINDOW, WINDOW, Duration::from_secs(86_400), ms(10), SECOND];

fn policies() -> [Policy; 5] {
    let [first, second, longest, shortest, last] = WINDOWS;
    [
        policy(SECOND).window(first),
        policy(ms(100)).window(second),
        policy(NANO).window(longest),
        policy(ms(2)).window(shortest),
        policy(SECOND).window(last).without_latency(),
    ]
    .map(|policy| policy.build().unwrap())
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        8 => Just(Outcome::Success),
        2 => Just(Outcome::failure()),
        1 => Just(Outcome::throttled()),
        1 => Just(Outcome::Ignored),
    ];
    prop_oneof![
        6 => Just(Step::Begin),
        8 => (0_usize..8, outcome).prop_map(|(call, outcome)| Step::End(call, outcome)),
        1 => (0_usize..8).prop_map(Step::Cancel),
        8 => (1_usize..40).prop_map(Step::Good),
        3 => (0_u32..36).prop_map(|bits| Step::Wait(1 << bits)),
        3 => (-1_i64..=1).prop_map(Step::UntilSlotEnd),
        4 => (1_u32..=8, -1_i64..=1).prop_map(|(eighths, off)| Step::EighthsOfThreshold(eighths, off)),
        1 => (0_usize..5).prop_map(Step::SetPolicy),
        2 => (0_usize..5).prop_map(Step::Elsewhere),
        1 => Just(Step::Disable),
        2 => Just(Step::Enable),
    ]
}

impl Twins {
    fn new() -> Self {
        let registry = registry();
        let created = Instant::now();
        let [first, ..] = policies();
        let search = registry.dependency_with("search", first.clone()).unwrap();
        let elsewhere = CircuitBreakerRegistry::builder().build().unwrap();
        let others = policies().into_iter().cycle().take(OTHERS).enumerate();
        let others = others.map(|(n, policy)| {
            let name = n.to_string();
            elsewhere.dependency_with(&name, policy).unwrap()
        });
        let twins = Self {
            others: others.collect(),
            policy: 0,
            is_first: true,
            registry,
            search,
            created,
            in_the_air: Vec::new(),
        };
        twins.set_policy(first);
        twins
    }

    fn set_policy(&self, policy: Policy) {
        self.search.set_policy(policy.clone());
        self.search.circuit("own").set_policy(policy).unwrap();
    }

    fn acquire(&self) -> Option<[Permit; 2]> {
        let [common, own] = ["common", "own"].map(|tenant| self.search.acquire(tenant).ok());
        assert_eq!(common.is_some(), own.is_some());
        Some([common?, own?])
    }

    async fn wait(&self, nanos: i64) {
        advance(Duration::from_nanos(nanos.max(0) as u64)).await;
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Begin => self.in_the_air.extend(self.acquire()),
            Step::End(call, outcome) if call < self.in_the_air.len() => {
                let permits = self.in_the_air.remove(call);
                permits
                    .into_iter()
                    .for_each(|permit| permit.record(outcome));
            }
            Step::Cancel(call) if call < self.in_the_air.len() => {
                drop(self.in_the_air.remove(call));
            }
            Step::Good(calls) => {
                let acquired = (0..calls).filter_map(|_| self.acquire());
                acquired
                    .flatten()
                    .for_each(|permit| permit.record(Outcome::Success));
            }
            Step::Wait(nanos) => self.wait(nanos as i64).await,
            Step::UntilSlotEnd(off) => {
                let slot = WINDOWS[self.policy].as_nanos() as i64 / 10;
                let since = Instant::now()
                    .saturating_duration_since(self.created)
                    .as_nanos() as i64;
                self.wait(slot - since % slot + off).await;
            }
            Step::EighthsOfThreshold(eighths, off) => {
                if let Some(threshold) = policies()[self.policy].latency_threshold(0) {
                    let nanos = threshold.as_nanos() as i64 * i64::from(eighths) / 8;
                    self.wait(nanos + off).await;
                }
            }
            Step::SetPolicy(n) => {
                self.policy = n;
                // A tenant's own policy tells of earlier successes by its own slots, the dependency's by those they were in.
                self.is_first = false;
                self.set_policy(policies()[n].clone());
            }
            Step::Elsewhere(n) => {
                for other in self.others.iter().skip(n).step_by(WINDOWS.len()) {
                    other.acquire("common").unwrap().record(Outcome::Success);
                }
            }
            Step::Disable => self.registry.set(Override::Disabled),
            Step::Enable => self.registry.clear(),
            Step::End(..) | Step::Cancel(_) => {}
        }
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        let [common, own] = ["common", "own"].map(|tenant| {
            let snapshot = self.search.circuit(tenant).snapshot();
            snapshot.map(|it| {
                let seen = (
                    it.state,
                    it.generation,
                    it.retry_after,
                    it.window,
                    it.latency,
                );
                let last_success = it.last_success.filter(|_| self.is_first);
                (seen, it.totals, last_success, it.last_failure)
            })
        });
        prop_assert_eq!(common, own);
        Ok(())
    }
}

fn cases() -> u32 {
    let cases = std::env::var("PROPTEST_CASES").ok();
    cases.and_then(|cases| cases.parse().ok()).unwrap_or(300)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_short_path_and_the_long_one_come_to_the_same_in_random_histories(
        steps in proptest::collection::vec(step(), 1..80),
    ) {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut twins = Twins::new();
            for step in steps {
                twins.step(step).await;
                twins.compare()?;
            }
            Ok::<_, TestCaseError>(())
        })?;
    }
}
