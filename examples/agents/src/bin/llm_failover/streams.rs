//! Streams that break after the first token: no failover of the call, but of those after it.

use std::time::Duration;

use tower::BoxError;
use tower_tenant_breaker::CircuitState;

use crate::agent::listen;
use crate::models::Models;
use crate::promises::Promises;
use crate::provider::{Mode, Provider, TOKENS, TOKENS_BEFORE_BREAK};
use crate::report;

/// Longer than this lasts.
const OPEN_FOR: Duration = Duration::from_secs(60);

/// More broken streams than it takes to open a circuit.
const PATIENCE: u64 = 10;

const TENANT: &str = "acme";

pub(crate) async fn play(promises: &mut Promises) -> Result<(), BoxError> {
    report::begin_streams();
    for (mode, how) in [
        (Mode::FailsInStreams, "an `error` event"),
        (Mode::BreaksStreams, "a broken connection"),
    ] {
        let (primary, standby) = (Provider::primary().await?, Provider::standby().await?);
        let models = Models::guarded(&primary.account, &standby.account, OPEN_FOR)?;
        let whole = listen(&models.client, TENANT).await?;
        promises.expect(
            whole.error.is_none() && whole.tokens == TOKENS,
            "a stream of the primary's comes whole",
        );

        primary.set(mode);
        let mut broken = 0;
        let after = loop {
            let heard = listen(&models.client, TENANT).await?;
            if heard.model.as_deref() != Some(primary.model) || broken == PATIENCE {
                break heard;
            }
            broken += 1;
            promises.expect(
                heard.error.is_some() && heard.tokens == TOKENS[..TOKENS_BEFORE_BREAK],
                format!("{how} after two tokens reaches the caller, after these two"),
            );
            promises.expect(
                standby.counts().asked() == 0,
                format!("{how} after a token sends the call to nobody else"),
            );
            promises.expect(
                models.primary.snapshot().totals.failures == broken,
                format!("the circuit counts {how} as a failure"),
            );
        };
        report::print_stream(how, broken, &after);
        promises.expect(
            models.primary.state(TENANT) == CircuitState::Open,
            format!("enough of {how} opens the circuit"),
        );
        promises.expect(
            after.model.as_deref() == Some(standby.model)
                && after.error.is_none()
                && after.tokens == TOKENS,
            format!("after enough of {how} the standby streams the next answer, whole"),
        );
        promises.expect_no_stray_key([&primary, &standby]);
    }
    Ok(())
}
