//! The primary is overloaded, and says so slowly: with the breaker, and by hand.

use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tower::BoxError;

use crate::agent::ask;
use crate::models::{Models, by_hand, rejection};
use crate::promises::Promises;
use crate::provider::{Mode, Provider, REFUSAL};
use crate::report::{self, Row, quantile};

/// Each tenant asks so often, one call after the other.
const CALLS: usize = 130;

/// What the overloaded providers say in `Retry-After`.
pub(crate) const RETRY_AFTER_SECONDS: u64 = 3;

/// For a demonstration, which has no minutes to wait. Then a call probes, whoever makes it.
const OPEN_FOR: Duration = Duration::from_secs(3);

const OVERLOADED: Mode = Mode::Overloaded {
    retry_after_seconds: RETRY_AFTER_SECONDS,
};

const TENANTS: [&str; 12] = [
    "acme", "birch", "cedar", "dune", "elm", "fern", "globex", "heath", "iris", "jade", "kelp",
    "larch",
];

/// One of the two ways to use two providers, with providers of its own, so that neither feels what the other does.
struct Way {
    client: Client<OpenAIConfig>,
    primary: Provider,
    standby: Provider,
}

pub(crate) async fn play(promises: &mut Promises) -> Result<(), BoxError> {
    let (primary, standby) = (Provider::primary().await?, Provider::standby().await?);
    let models = Models::guarded(&primary.account, &standby.account, OPEN_FOR)?;
    let guarded = Way {
        client: models.client.clone(),
        primary,
        standby,
    };
    let (primary, standby) = (Provider::primary().await?, Provider::standby().await?);
    let plain = Way {
        client: by_hand(&primary.account, &standby.account)?,
        primary,
        standby,
    };

    for way in [&guarded, &plain] {
        promises.expect(
            way.each_is_served_by(way.primary.model).await,
            "as long as the primary is well, it serves",
        );
        way.primary.set(OVERLOADED);
    }
    let warm = TENANTS.len() as u64;
    let with = async {
        let row = guarded.offer("with the breaker", warm).await;
        let newcomers = guarded.newcomers().await;
        guarded.primary.set(Mode::Well);
        (row, newcomers, guarded.first_back().await)
    };
    let (without, (with, newcomers, back)) = tokio::join!(plain.offer("by hand", warm), with);
    let rows = [without, with];
    report::print_overload(&rows, back, newcomers);
    check(promises, &rows);
    promises.expect(
        newcomers <= 1,
        "an overload that many tenants met costs those that come anew one probe at the most",
    );
    promises.expect(
        back.is_some(),
        "calls return to the primary when it is well again",
    );
    nobody_is_left(&guarded, &models, promises).await;
    for way in [&guarded, &plain] {
        promises.expect_no_stray_key([&way.primary, &way.standby]);
    }
    Ok(())
}

fn check(promises: &mut Promises, rows: &[Row; 2]) {
    let calls = TENANTS.len() * CALLS;
    let [without, with] = rows;
    for row in rows {
        promises.expect(
            row.times.len() == calls && row.standby as usize == calls,
            format!(
                "the standby serves every call of the overload, {}",
                row.name
            ),
        );
    }
    promises.expect(
        without.primary as usize == calls,
        "by hand, every call asks the overloaded primary first",
    );
    promises.expect(
        with.primary as usize <= 2 * TENANTS.len(),
        "with the breaker, no tenant asks the overloaded primary more than twice",
    );
    let [slow, quick] = [without, with].map(|row| quantile(&row.times, 0.5));
    promises.expect(
        slow >= REFUSAL && quick < slow,
        "half of the calls wait for a refusal by hand, and not with the breaker",
    );
}

impl Way {
    /// Whether each tenant's call is served by this model.
    async fn each_is_served_by(&self, model: &str) -> bool {
        let mut all = true;
        for tenant in TENANTS {
            let answer = ask(&self.client, tenant).await;
            all &= answer.is_ok_and(|answer| answer.model == model);
        }
        all
    }

    /// Sends every tenant's calls, after so many that the primary has answered.
    async fn offer(&self, name: &'static str, warm: u64) -> Row {
        let mut tenants = JoinSet::new();
        for tenant in TENANTS {
            let (client, standby) = (self.client.clone(), self.standby.model);
            tenants.spawn(async move {
                let mut times = Vec::with_capacity(CALLS);
                for _ in 0..CALLS {
                    let begun = Instant::now();
                    let answer = ask(&client, tenant).await;
                    if answer.is_ok_and(|answer| answer.model == standby) {
                        times.push(Instant::now().saturating_duration_since(begun));
                    }
                }
                times
            });
        }
        let mut times = tenants.join_all().await.concat();
        times.sort_unstable();
        Row {
            name,
            primary: self.primary.counts().asked() - warm,
            standby: self.standby.counts().asked(),
            times,
        }
    }

    /// How often the overloaded primary was asked for tenants that nobody has seen before.
    async fn newcomers(&self) -> u64 {
        let before = self.primary.counts().asked();
        for tenant in ["maple", "nettle", "oak"] {
            // Whoever serves it.
            drop(ask(&self.client, tenant).await);
        }
        self.primary.counts().asked() - before
    }

    /// How long it takes until the primary serves again.
    async fn first_back(&self) -> Option<Duration> {
        let begun = Instant::now();
        let back = async {
            loop {
                let answer = ask(&self.client, TENANTS[0]).await;
                if answer.is_ok_and(|answer| answer.model == self.primary.model) {
                    return Instant::now().saturating_duration_since(begun);
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(15), back).await.ok()
    }
}

/// Both are overloaded: the caller is told for how long, and nobody is asked.
async fn nobody_is_left(way: &Way, models: &Models, promises: &mut Promises) {
    way.primary.set(OVERLOADED);
    way.standby.set(OVERLOADED);
    let asked = || way.primary.counts().asked() + way.standby.counts().asked();
    // Both open this tenant's circuits with it.
    let first = ask(&way.client, "poplar").await;
    let before = asked();
    let second = ask(&way.client, "poplar").await;
    let open = second.as_ref().err().and_then(rejection);
    let hint = open.and_then(|open| Some((open.dependency().to_owned(), open.retry_after()?)));
    report::print_nobody(hint.as_ref());
    promises.expect(first.is_err(), "where both are overloaded, the call fails");
    promises.expect(
        hint.is_some() && asked() == before,
        "where no circuit admits a call, its error says for how long, and nobody is asked",
    );
    let names = [&models.primary, &models.standby].map(|models| models.name().to_owned());
    promises.expect(
        hint.is_none_or(|(name, _)| names.contains(&name)),
        "the error names one of the providers",
    );
}
