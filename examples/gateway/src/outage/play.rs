//! The acts, one after another. Each waits for what it is about, not for a time: how soon that comes is a
//! figure.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::load::member;
use super::plan::{
    ALONE, ALONE_FOR, BACK_FOR, CLEARED_FOR, DOWN_FOR, FORCED_FOR, MIN_DOWN, NEWCOMER, NOTE,
    PATIENCE, TENANTS, WELL,
};
use super::{Stage, story::ACTS};
use crate::gateways::client;
use crate::load::{Answer, ask};
use crate::upstream::Health;

/// When what happened; none for what did not, within a long time.
#[derive(Clone, Debug)]
pub(crate) struct Marks {
    /// The beginnings of the acts, and the end of the last.
    pub(crate) acts: [Instant; ACTS.len() + 1],
    /// Second act: from when on the tenant was answered again, once its part of the upstream was well.
    pub(crate) alone_well: Instant,
    pub(crate) alone_answered: Option<Instant>,
    /// Fourth act.
    pub(crate) over: Option<Instant>,
    pub(crate) recovered: Option<Instant>,
    /// Fifth act: what a tenant got that had never called.
    pub(crate) newcomer: Answer,
    pub(crate) note: String,
    /// Sixth act.
    pub(crate) answered: Option<Instant>,
}

/// Plays all of them.
pub(crate) async fn all_acts(stage: &Stage) -> Marks {
    let Stage { upstream, log, .. } = stage;
    let well = Instant::now();
    log.heading(ACTS[0].title);
    log.say("upstream", "is well");
    stage.until_answered(well, &TENANTS).await;
    sleep(WELL).await;

    let alone = Instant::now();
    log.heading(ACTS[1].title);
    upstream.set(ALONE, Health::Failing);
    log.say("upstream", &format!("answers 503 to {ALONE}"));
    until(|| stage.dependency.open_circuits() == [ALONE]).await;
    sleep(ALONE_FOR).await;
    if stage.dependency.outage().is_none() {
        let (tenants, all) = (MIN_DOWN, TENANTS.len());
        let told = format!(
            "1 of {all} tenants is down, and it takes {tenants} to be an outage: none declared"
        );
        log.say("monitor", &told);
    }
    let alone_well = Instant::now();
    upstream.set(ALONE, Health::Healthy);
    log.say("upstream", &format!("is well for {ALONE} again"));
    let alone_answered = stage.until_answered(alone_well, &[ALONE]).await;
    until(|| stage.dependency.open_circuits().is_empty()).await;

    let down = Instant::now();
    log.heading(ACTS[2].title);
    upstream.set_all(Health::Failing);
    log.say("upstream", "answers 503 to all");
    until(|| stage.tape.declared(down).is_some()).await;
    sleep(DOWN_FOR).await;

    let back = Instant::now();
    log.heading(ACTS[3].title);
    upstream.set_all(Health::Healthy);
    log.say("upstream", "is well again, and nobody has told the gateway");
    let over = until(|| stage.dependency.outage().is_none()).await;
    let recovered = stage.until_all_recovered(over.unwrap_or(back)).await;
    if recovered.is_some() {
        log.say(
            "monitor",
            "every circuit is closed, and every tenant was answered",
        );
    }
    sleep(BACK_FOR).await;

    log.heading(ACTS[4].title);
    let forced = stage.operator.force_open(NOTE);
    let (newcomer, answer) = ask(&client(), stage.gateway, NEWCOMER).await;
    let got = String::from_utf8_lossy(&answer);
    log.say(
        NEWCOMER,
        &format!("calls for the first time, and gets {got}"),
    );
    if stage
        .until_all(Answer::Rejected, forced, &TENANTS)
        .await
        .is_some()
    {
        log.say("monitor", "every tenant was rejected");
    }
    upstream.set_all(Health::Failing);
    log.say(
        "upstream",
        "is switched off by its vendor, and nobody notices",
    );
    sleep(FORCED_FOR).await;
    upstream.set_all(Health::Healthy);

    log.heading(ACTS[5].title);
    log.say("upstream", "is switched on");
    let clearing = stage.operator.recover();
    let answered = stage.until_answered(clearing, &TENANTS).await;
    if answered.is_some() {
        log.say("monitor", "every tenant was answered");
    }
    sleep(CLEARED_FOR).await;

    Marks {
        acts: [well, alone, down, back, forced, clearing, Instant::now()],
        alone_well,
        alone_answered,
        over,
        recovered,
        newcomer,
        note: member(&answer, "note"),
        answered,
    }
}

impl Stage {
    async fn until_answered(&self, since: Instant, tenants: &[&str]) -> Option<Instant> {
        self.until_all(Answer::Served, since, tenants).await
    }

    async fn until_all(&self, answer: Answer, since: Instant, tenants: &[&str]) -> Option<Instant> {
        until(|| self.tape.all_got(answer, since, tenants)).await
    }

    async fn until_all_recovered(&self, over: Instant) -> Option<Instant> {
        let is_closed = || self.dependency.open_circuits().is_empty();
        until(|| is_closed() && self.tape.all_got(Answer::Served, over, &TENANTS)).await
    }
}

/// Waits until it is so, and returns when; none if it takes too long.
async fn until(mut is_so: impl FnMut() -> bool) -> Option<Instant> {
    let seen = async {
        while !is_so() {
            sleep(Duration::from_millis(10)).await;
        }
        Instant::now()
    };
    timeout(PATIENCE, seen).await.ok()
}
