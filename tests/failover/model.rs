//! Random histories against a slow, obvious model of who serves, who is asked, and what comes of it.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::Config;
use tokio::time::advance;
use tower::Service;
use tower_tenant_breaker::{CircuitBreakerRegistry, NoneAdmitted};

use crate::job::{OPEN, two_strikes};
use crate::stage::{Failing, Model, Well, list, read, write};

const PROVIDERS: usize = 3;
const TENANTS: [&str; 2] = ["acme", "globex"];

#[derive(Clone, Copy, Debug)]
enum Step {
    /// From now on the provider is well for the tenant, or not.
    Is {
        provider: usize,
        tenant: usize,
        well: bool,
    },
    Call {
        tenant: usize,
        safe: bool,
    },
    Wait {
        seconds: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..PROVIDERS, 0..TENANTS.len(), any::<bool>())
            .prop_map(|(provider, tenant, well)| Step::Is { provider, tenant, well }),
        6 => (0..TENANTS.len(), any::<bool>()).prop_map(|(tenant, safe)| Step::Call { tenant, safe }),
        2 => prop_oneof![1..12_u64, Just(10), Just(30), Just(40)]
            .prop_map(|seconds| Step::Wait { seconds }),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    ServedBy(usize),
    Failed,
    /// No circuit admitted the call; this one is the closest to recovery.
    ClosestIs(usize),
}

/// A circuit of one tenant and one provider, where no two calls overlap.
#[derive(Clone, Copy, Debug)]
struct Circuit {
    well: bool,
    failures: u32,
    open_until: Option<u64>,
    asked: usize,
}

struct Obvious {
    now: u64,
    of: [[Circuit; PROVIDERS]; TENANTS.len()],
}

impl Circuit {
    /// Asks the provider. Two failures in a row open the circuit, and a failed probe does.
    fn ask(&mut self, now: u64) -> bool {
        self.asked += 1;
        if self.well {
            (self.failures, self.open_until) = (0, None);
        } else {
            self.failures += 1;
            if self.failures == 2 || self.open_until.is_some() {
                (self.failures, self.open_until) = (0, Some(now + OPEN.as_secs()));
            }
        }
        self.well
    }
}

impl Obvious {
    fn call(&mut self, tenant: usize, safe: bool) -> End {
        let now = self.now;
        let circuits = &mut self.of[tenant];
        let mut barred = Vec::new();
        let mut failed = false;
        for (index, circuit) in circuits.iter_mut().enumerate() {
            let are_others = index + 1 < PROVIDERS || !barred.is_empty();
            let may_be_barred = !safe && are_others;
            match circuit.open_until {
                Some(until) if now < until => continue,
                Some(until) if may_be_barred && now < until + 3 * OPEN.as_secs() => {
                    barred.push(index);
                    continue;
                }
                _ => {}
            }
            if circuit.ask(now) {
                return End::ServedBy(index);
            }
            failed = true;
            if !safe {
                return End::Failed;
            }
        }
        if let Some(&index) = barred.first() {
            let well = circuits[index].ask(now);
            return if well {
                End::ServedBy(index)
            } else {
                End::Failed
            };
        }
        if failed {
            return End::Failed;
        }
        let until = |index: &usize| circuits[*index].open_until;
        End::ClosestIs((0..PROVIDERS).min_by_key(until).unwrap())
    }
}

async fn compare(steps: Vec<Step>) {
    let policy = two_strikes()
        .window(Duration::from_secs(86_400))
        .build()
        .unwrap();
    let registry = CircuitBreakerRegistry::builder()
        .default_policy(policy)
        .build()
        .unwrap();
    let names = ["a", "b", "c"];
    let models = names.map(|name| Model::of(&registry, name));
    let mut service = list(&models.each_ref()).build().unwrap();
    let new = Circuit {
        well: true,
        failures: 0,
        open_until: None,
        asked: 0,
    };
    let mut obvious = Obvious {
        now: 0,
        of: [[new; PROVIDERS]; TENANTS.len()],
    };

    for (number, step) in steps.iter().enumerate() {
        match *step {
            Step::Is {
                provider,
                tenant,
                well,
            } => {
                models[provider].is_for(TENANTS[tenant], if well { Well } else { Failing });
                obvious.of[tenant][provider].well = well;
            }
            Step::Wait { seconds } => {
                advance(Duration::from_secs(seconds)).await;
                obvious.now += seconds;
            }
            Step::Call { tenant, safe } => {
                let id = TENANTS[tenant];
                let prompt = if safe { read(id) } else { write(id) };
                let end = match service.call(prompt).await {
                    Ok(served) => End::ServedBy(served.by().index().unwrap()),
                    Err(error) => match error.downcast_ref::<NoneAdmitted>() {
                        None => End::Failed,
                        Some(none) => {
                            let closest = none.closest().dependency();
                            End::ClosestIs(names.iter().position(|name| *name == closest).unwrap())
                        }
                    },
                };
                assert_eq!(
                    end,
                    obvious.call(tenant, safe),
                    "step {number} of {steps:?}"
                );
            }
        }
        for (provider, model) in models.iter().enumerate() {
            let asked: usize = obvious
                .of
                .iter()
                .map(|circuits| circuits[provider].asked)
                .sum();
            assert_eq!(
                model.received(),
                asked,
                "provider {provider}, step {number} of {steps:?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(256) })]

    #[test]
    fn failover_does_what_the_model_does_in_random_histories(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(compare(steps));
    }
}
