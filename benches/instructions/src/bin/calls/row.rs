//! The rows of the table.

use gauge::callgrind;

use crate::load::{Calls, Load};
use crate::state::State;
use crate::world::Worlds;

/// The rows of one heading.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    pub group: &'static str,
    /// Said before the name of each row.
    pub prefix: &'static str,
    pub worlds: &'a Worlds,
}

impl Rows<'_> {
    /// Counts one kind of call under several loads: each once, and again with twice as many calls. What one warm call
    /// costs is the difference; whatever is paid once, as the making of a service, falls out.
    pub fn row(&self, name: &str, loads: &[Load], state: State, count: impl Fn(&Calls<'_>)) {
        for load in loads {
            let world = self.worlds.of(*load, state.policy());
            state.prepare(&world);
            for times in [1, 2] {
                count(&Calls {
                    search: &world.search,
                    callers: &world.callers,
                    calls: load.calls,
                    times,
                });
                self.tell(name, load.name, load.calls * times);
            }
        }
    }

    /// Tells what was counted since the last telling.
    pub fn tell(&self, name: &str, column: &str, calls: usize) {
        let Self { group, prefix, .. } = self;
        callgrind::tell(&format!("{group}\t{prefix}{name}\t{column}\t{calls}")).unwrap();
    }
}
