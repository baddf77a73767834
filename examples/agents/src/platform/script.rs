//! What the agents set out to do: drawn once, by the seed, and the same with the breaker and without.

use std::time::Duration;

use fastrand::Rng;

use super::catalog::TENANTS;

/// Turns begin until then, so that all of them end within the hour.
const LAST_BEGINS: Duration = Duration::from_secs(55 * 60);
/// The mean time between two turns of a tenant, whose users do not wait for each other.
const BETWEEN_TURNS: f64 = 30.0;
const MOST_STEPS: usize = 8;

/// A turn: what one user asks of an agent.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) tenant: usize,
    pub(super) begins: Duration,
    pub(super) steps: Vec<Step>,
}

/// What the model does between two answers: it thinks, and wants tools, all at once.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) thinks: Duration,
    pub(super) wants: Vec<Want>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Want {
    pub(super) tool: &'static str,
    /// How long the tool takes over it where it is well.
    pub(super) takes: Duration,
    /// Models make names up, now and then.
    pub(super) is_misspelt: bool,
}

/// The turns of the hour, those of a tenant one after another.
pub(super) fn draw(seed: u64) -> Vec<Script> {
    let mut random = Rng::with_seed(seed);
    let mut scripts = Vec::new();
    for tenant in 0..TENANTS {
        let mut begins = Duration::ZERO;
        loop {
            begins += Duration::from_secs_f64(-(1.0 - random.f64()).ln() * BETWEEN_TURNS);
            if begins >= LAST_BEGINS {
                break;
            }
            let steps = 1 + random.usize(0..MOST_STEPS).min(random.usize(0..MOST_STEPS));
            scripts.push(Script {
                tenant,
                begins,
                steps: (0..steps).map(|_| step(&mut random)).collect(),
            });
        }
    }
    scripts
}

fn step(random: &mut Rng) -> Step {
    let wants = match random.u8(0..100) {
        0..60 => 1,
        60..85 => 2,
        _ => random.usize(3..=4),
    };
    Step {
        thinks: Duration::from_millis(random.u64(500..2_000)),
        wants: (0..wants).map(|_| want(random)).collect(),
    }
}

fn want(random: &mut Rng) -> Want {
    let tool = match random.u8(0..100) {
        0..35 => "search",
        35..55 => "calendar",
        55..70 => "code_runner",
        70..80 => "billing",
        80..90 => "encyclopedia",
        _ => "mail",
    };
    Want {
        tool,
        takes: Duration::from_millis(random.u64(200..1_500)),
        is_misspelt: random.u8(0..100) == 0,
    }
}
