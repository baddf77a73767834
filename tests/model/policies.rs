//! The policy of the dependency, and that of the tenant's own.

use super::rules::Rules;

/// Rules, and the number of the way in which they count: it differs from that of all others before, unless they
/// count like those that they follow.
#[derive(Clone, Debug)]
pub(crate) struct Numbered {
    pub(crate) rules: Rules,
    pub(crate) counting: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Policies {
    common: Numbered,
    own: Option<Numbered>,
    /// How many ways to count there have been, but for the first.
    pub(crate) countings: u64,
}

impl Policies {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            common: Numbered { rules, counting: 0 },
            own: None,
            countings: 0,
        }
    }

    pub(crate) fn in_force(&self) -> &Numbered {
        self.own.as_ref().unwrap_or(&self.common)
    }

    pub(crate) fn is_own(&self) -> bool {
        self.own.is_some()
    }

    fn following(&mut self, before: &Numbered, rules: Rules) -> Numbered {
        let counting = if rules.count_like(&before.rules) {
            before.counting
        } else {
            self.countings += 1;
            self.countings
        };
        Numbered { rules, counting }
    }

    pub(crate) fn set(&mut self, rules: Rules) {
        self.common = self.following(&self.common.clone(), rules);
    }

    pub(crate) fn set_own(&mut self, rules: Rules) {
        self.own = Some(self.following(&self.in_force().clone(), rules));
    }

    pub(crate) fn clear_own(&mut self) {
        self.own = None;
    }
}
