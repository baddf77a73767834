//! Sequences of operations on a registry, with the laws asked after each.

use crate::paused;
use crate::play::{Play, Script, TENANTS};

pub fn check(data: &[u8]) {
    let script = Script::read(data);
    let names = (0..TENANTS)
        .map(|tenant| format!("tenant {tenant}"))
        .collect();
    paused::play(async {
        let mut play = Play::new(&script, names);
        for operation in script.operations {
            play.step(operation).await;
        }
        play.finish().await;
    });
}
