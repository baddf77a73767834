//! Dependencies with tenants.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tower_tenant_breaker::{CircuitBreakerRegistry, Dependency, Outcome, Policy};

use crate::load::Load;
use crate::watched::{self, By, Watcher};

pub fn id(tenant: usize) -> String {
    format!("tenant-{tenant:020}")
}

/// A dependency with circuits, and somebody who watches them, outside of what is counted.
#[derive(Debug)]
pub struct World {
    _watcher: Watcher,
    pub search: Dependency,
    pub callers: Vec<&'static str>,
}

/// Makes them, and lends the large ones again: to fill one with 100,000 tenants takes longer than to count.
#[derive(Debug)]
pub struct Worlds {
    by: By,
    ids: Vec<&'static str>,
    large: RefCell<Vec<(Policy, Rc<Filled>)>>,
}

#[derive(Debug)]
struct Filled {
    registry: CircuitBreakerRegistry,
    search: Dependency,
    /// Tenants that have been callers.
    lent: Cell<usize>,
}

impl Worlds {
    pub fn new(by: By) -> Self {
        let ids = (0..100_000).map(|tenant| &*id(tenant).leak()).collect();
        Self {
            by,
            ids,
            large: RefCell::default(),
        }
    }

    /// A world whose callers have each made their calls before.
    pub fn of(&self, load: Load, policy: Policy) -> World {
        let filled = self.filled(load, policy);
        let lent = filled.lent.get();
        let callers = self.ids[..load.tenants][lent..][..load.callers].to_vec();
        filled.lent.set(lent + load.callers);
        for _ in 0..load.warm {
            callers
                .iter()
                .for_each(|caller| succeed(&filled.search, caller));
        }
        World {
            _watcher: watched::watch(self.by, &filled.registry),
            search: filled.search.clone(),
            callers,
        }
    }

    fn filled(&self, load: Load, policy: Policy) -> Rc<Filled> {
        let mut large = self.large.borrow_mut();
        if let Some((_, filled)) = large.iter().find(|(of, _)| *of == policy)
            && load.tenants == self.ids.len()
        {
            return Rc::clone(filled);
        }
        let registry = CircuitBreakerRegistry::builder().build().unwrap();
        let search = registry.dependency_with("search", policy.clone()).unwrap();
        let tenants = &self.ids[..load.tenants];
        tenants.iter().for_each(|tenant| succeed(&search, tenant));
        assert_eq!(search.len(), load.tenants, "every tenant has its circuit");
        let filled = Rc::new(Filled {
            registry,
            search,
            lent: Cell::new(0),
        });
        if load.tenants == self.ids.len() {
            large.push((policy, Rc::clone(&filled)));
        }
        filled
    }
}

pub fn succeed(search: &Dependency, tenant: &str) {
    search.acquire(tenant).unwrap().record(Outcome::Success);
}
