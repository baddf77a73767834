//! Which recorder is told.

use std::fmt;

use ::metrics::{Recorder, with_recorder};

use crate::sync::Arc;

/// Where handles are made.
#[derive(Clone, Default)]
pub(super) enum Told {
    /// By whichever recorder is in force when one is made, as the facade's macros do.
    #[default]
    InForce,
    Given(Arc<dyn Recorder + Send + Sync>),
}

impl Told {
    pub(super) fn with<T>(&self, run: impl FnOnce(&dyn Recorder) -> T) -> T {
        match self {
            Self::InForce => with_recorder(run),
            Self::Given(recorder) => run(&**recorder),
        }
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InForce => "InForce",
            Self::Given(_) => "Given",
        })
    }
}
