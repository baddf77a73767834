//! A provider limits some tenants: their circuits open, and nobody else's.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tower::BoxError;

use crate::agent::ask;
use crate::models::Models;
use crate::promises::Promises;
use crate::provider::{Limit, Provider};
use crate::report;

const LIMITED_FOR: Duration = Duration::from_millis(1_200);

/// What each tenant asks while some are limited.
const CALLS: usize = 5;

const OTHERS: [&str; 3] = ["dune", "elm", "fern"];

pub(crate) async fn play(promises: &mut Promises) -> Result<(), BoxError> {
    let (primary, standby) = (Provider::primary().await?, Provider::standby().await?);
    let models = Models::guarded(&primary.account, &standby.account)?;
    let until = Instant::now() + LIMITED_FOR;
    let limited = [("acme", Limit::RetryAfterMs(until))];
    for (tenant, limit) in limited {
        primary.limit(tenant, limit);
    }

    report::begin_limits();
    let tenants = limited.iter().map(|(tenant, _)| *tenant).chain(OTHERS);
    for tenant in tenants {
        let refused = primary.counts().refused;
        let mut by = [0, 0];
        for _ in 0..CALLS {
            let answer = ask(&models.client, tenant).await?;
            by[usize::from(answer.model == standby.model)] += 1;
        }
        let refused = primary.counts().refused - refused;
        report::print_limited(tenant, refused, by);
        let is_limited = !OTHERS.contains(&tenant);
        promises.expect(
            by == if is_limited { [0, CALLS] } else { [CALLS, 0] },
            format!("{tenant} is served by the standby exactly if it is limited"),
        );
        promises.expect(
            refused == u64::from(is_limited),
            format!("{tenant} is refused once if it is limited, and never if it is not"),
        );
    }
    let open = models.primary.open_circuits();
    promises.expect(
        open == limited.map(|(tenant, _)| tenant),
        "the limited tenants' circuits are open, and no others",
    );
    promises.expect(
        models.primary.snapshot().outage.is_none(),
        "limits of tenants are no outage of the provider",
    );
    promises.expect(
        is_back(&models, &primary, "acme").await,
        "a tenant is back at the primary when its limit is over",
    );
    promises.expect_no_stray_key([&primary, &standby]);
    Ok(())
}

/// Whether the primary serves this tenant before long.
async fn is_back(models: &Models, primary: &Provider, tenant: &str) -> bool {
    let back = async {
        loop {
            let answer = ask(&models.client, tenant).await;
            if answer.is_ok_and(|answer| answer.model == primary.model) {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), back).await.is_ok()
}
