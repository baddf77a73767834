//! A provider limits some tenants: their circuits open, and nobody else's.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tower::BoxError;
use tower_tenant_breaker::{CircuitOpen, Reason, Rejection};

use crate::agent::ask;
use crate::models::Models;
use crate::promises::Promises;
use crate::provider::{Limit, Provider};
use crate::report;

const LIMITED_FOR: Duration = Duration::from_secs(2);

/// Shorter, so that it is the provider's word that holds.
const OPEN_FOR: Duration = Duration::from_secs(1);

/// What each tenant asks while some are limited.
const CALLS: usize = 5;

const TENANTS: [&str; 6] = ["acme", "birch", "cedar", "dune", "elm", "fern"];

pub(crate) async fn play(promises: &mut Promises) -> Result<(), BoxError> {
    let (primary, standby) = (Provider::primary().await?, Provider::standby().await?);
    let models = Models::guarded(&primary.account, &standby.account, OPEN_FOR)?;
    for tenant in TENANTS {
        promises.expect(
            served_by(&models, &primary, tenant).await,
            "as long as nobody is limited, the primary serves",
        );
    }
    let until = Instant::now() + LIMITED_FOR;
    let limited = [
        ("acme", Limit::RetryAfterMs(until)),
        ("birch", Limit::ResetRequests(until)),
        ("cedar", Limit::Quota),
    ];
    for (tenant, limit) in limited {
        primary.limit(tenant, limit);
    }

    report::begin_limits();
    for tenant in TENANTS {
        let refused = primary.counts().refused;
        let mut by = [0, 0];
        for _ in 0..CALLS {
            let answer = ask(&models.client, tenant).await?;
            by[usize::from(answer.model == standby.model)] += 1;
        }
        let refused = primary.counts().refused - refused;
        report::print_limited(tenant, refused, by);
        let is_limited = limited.iter().any(|(limited, _)| *limited == tenant);
        promises.expect(
            by == if is_limited { [0, CALLS] } else { [CALLS, 0] },
            format!("{tenant} is served by the standby exactly if it is limited"),
        );
        promises.expect(
            refused == u64::from(is_limited),
            format!("{tenant} is refused once if it is limited, and never if it is not"),
        );
        promises.expect(
            models.primary.circuit(tenant).would_admit() != is_limited,
            format!("the circuit of {tenant} is open exactly if it is limited"),
        );
    }
    promises.expect(
        models.primary.snapshot().outage.is_none(),
        "limits of tenants are no outage of the provider",
    );
    for tenant in ["acme", "birch"] {
        promises.expect(
            is_back(&models, &primary, tenant).await,
            format!("{tenant} is back at the primary when its limit is over"),
        );
    }
    quota(&models, &primary, promises).await;
    promises.expect_no_stray_key([&primary, &standby]);
    Ok(())
}

/// A quota that is used up does not come back by waiting.
async fn quota(models: &Models, primary: &Provider, promises: &mut Promises) {
    const TENANT: &str = "cedar";
    let rejection = models.primary.acquire(TENANT).err();
    promises.expect(
        rejection.is_some_and(|rejection| is_of_quota(&rejection)),
        "a quota that is used up holds the circuit open, without an end",
    );
    primary.lift_limit(TENANT);
    promises.expect(
        !served_by(models, primary, TENANT).await,
        "a quota that is used up is not asked about again",
    );
    models.primary.circuit(TENANT).reset();
    promises.expect(
        served_by(models, primary, TENANT).await,
        "a circuit that is reset after its quota was raised admits calls",
    );
    report::print_quota(TENANT);
}

fn is_of_quota(rejection: &Rejection) -> bool {
    CircuitOpen::find(rejection)
        .is_some_and(|open| open.reason() == Reason::QuotaExhausted && open.retry_after().is_none())
}

async fn served_by(models: &Models, provider: &Provider, tenant: &str) -> bool {
    let answer = ask(&models.client, tenant).await;
    answer.is_ok_and(|answer| answer.model == provider.model)
}

/// Whether the primary serves this tenant before long.
async fn is_back(models: &Models, primary: &Provider, tenant: &str) -> bool {
    let back = async {
        loop {
            if served_by(models, primary, tenant).await {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), back).await.is_ok()
}
