//! One circuit by hand.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::circuit::Circuit;
use crate::dependency::Dependency;
use crate::event::{Origin, OverrideChange, OverrideLevel};
use crate::overrides::{self, EffectiveState, Standing, override_methods};
use crate::policy::{Policy, PolicyError};
use crate::rejection::InvalidTenant;
use crate::sync::Arc;
use crate::time::{Clock, DAY, nanos};
use crate::{CircuitSnapshot, CircuitState, Probing};

/// The circuit of one tenant, for people and programs that change it by hand.
///
/// Holds the tenant's id, not the circuit: it neither makes one nor keeps one from being evicted, and the
/// tenant need not have called yet.
///
/// ```
/// use std::time::Duration;
/// use tower_tenant_breaker::{CircuitBreakerRegistry, CircuitState, Override, Policy};
///
/// let registry = CircuitBreakerRegistry::builder().build()?;
/// let search = registry.dependency_with("search", Policy::default())?;
/// let acme = search.circuit("acme");
///
/// acme.open_for(Duration::from_secs(60))?;
/// assert_eq!(acme.state(), CircuitState::Open);
/// acme.set(Override::Disabled);
/// assert!(acme.would_admit());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct CircuitHandle {
    dependency: Dependency,
    tenant: Box<str>,
}

/// Why a circuit could not be changed by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ByHandError {
    /// The tenant has no circuit, and there is no room for one.
    NoRoom,
    /// A closed circuit cannot go half-open.
    Closed,
    /// The period is out of its bounds: over 0 and up to 24 h.
    Period(PolicyError),
    /// The tenant's id is not one.
    InvalidTenant(InvalidTenant),
}

impl fmt::Display for ByHandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoom => f.write_str("there is no room for the tenant's circuit"),
            Self::Closed => f.write_str("a closed circuit cannot go half-open"),
            Self::Period(_) => f.write_str("the open period is out of its bounds"),
            Self::InvalidTenant(_) => f.write_str("the tenant's id is invalid"),
        }
    }
}

impl Error for ByHandError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Period(error) => Some(error),
            Self::InvalidTenant(error) => Some(error),
            Self::NoRoom | Self::Closed => None,
        }
    }
}

impl CircuitHandle {
    pub(crate) fn new(dependency: Dependency, tenant: &str) -> Self {
        Self {
            dependency,
            tenant: tenant.into(),
        }
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Opens the circuit for the policy's next open period. Probes begin at its end, or at the instant that
    /// the dependency named while the circuit was closed, whichever is later. A circuit that is open already
    /// begins a new period, whatever was left of the one before.
    ///
    /// # Errors
    ///
    /// [`ByHandError::NoRoom`] where the tenant has no circuit and there is no room for one, and
    /// [`ByHandError::InvalidTenant`].
    pub fn open(&self) -> Result<(), ByHandError> {
        self.get_or_insert()?.open_by_hand(None);
        Ok(())
    }

    /// As [`open`](Self::open), for this long, from now on. To hold a circuit open against probes,
    /// [`set`](Self::set) [`Override::ForcedOpen`](crate::Override::ForcedOpen).
    ///
    /// # Errors
    ///
    /// [`ByHandError::Period`] where the period is 0 or over 24 h; otherwise as `open`.
    pub fn open_for(&self, period: Duration) -> Result<(), ByHandError> {
        if period.is_zero() || period > DAY {
            let error = PolicyError::new("open_for", period, "over 0 and up to 24 h");
            return Err(ByHandError::Period(error));
        }
        self.get_or_insert()?.open_by_hand(Some(nanos(period)));
        Ok(())
    }

    /// Lets probes begin now.
    ///
    /// # Errors
    ///
    /// [`ByHandError::Closed`] where the circuit is closed, and so where there is none; where the policy has
    /// circuits begin otherwise, one is made, with the errors of [`open`](Self::open).
    pub fn half_open(&self) -> Result<(), ByHandError> {
        let circuit = match self.get() {
            None if self.policy().initial_state != CircuitState::Closed => {
                Some(self.get_or_insert()?)
            }
            circuit => circuit,
        };
        match circuit {
            Some(circuit) if circuit.half_open_by_hand() => Ok(()),
            _ => Err(ByHandError::Closed),
        }
    }

    /// Closes the circuit, with an empty window, and forgets how often it opened. Does nothing where there is no
    /// circuit.
    ///
    /// Lifts no override that somebody set, but the one by which the circuit is held open since
    /// [a quota is used up](crate::Outcome::QuotaExhausted). Calls that were admitted before it are late, so that none of
    /// them brings that back. [`clear`](Self::clear) lifts it too, but leaves such calls current.
    pub fn reset(&self) {
        if let Some(circuit) = self.get() {
            circuit.reset();
        }
    }

    /// Whether a call would be admitted now, if it may probe. Changes nothing: where the answer is yes, the
    /// next call can still be rejected, since another took the last place, or since a ramp spaces calls. Of a tenant
    /// without a circuit it is said as if there were room for one.
    #[must_use]
    pub fn would_admit(&self) -> bool {
        self.would_admit_as(Probing::Yes)
    }

    /// As [`would_admit`](Self::would_admit), of a call that may be barred from probing.
    pub(crate) fn would_admit_as(&self, probing: Probing) -> bool {
        self.dependency.would_admit_as(&self.tenant, probing)
    }

    /// The state of the automatic machine, overrides aside.
    #[must_use]
    pub fn state(&self) -> CircuitState {
        self.dependency.state(&self.tenant)
    }

    /// What decides over calls: an override, or the automatic machine.
    #[must_use]
    pub fn effective_state(&self) -> EffectiveState {
        let context = self.dependency.context();
        if let Some(circuit) = self.get() {
            return circuit.effective_state(context.now());
        }
        match self.override_without_circuit() {
            None if context.is_in_outage(context.now()) => EffectiveState::Outage(self.state()),
            standing => EffectiveState::new(standing.as_ref(), self.state()),
        }
    }

    /// The share of calls that is admitted, over 0 and below 1, while it grows after the circuit closed; see
    /// [`PolicyBuilder::ramp`](crate::PolicyBuilder::ramp).
    #[must_use]
    pub fn ramp(&self) -> Option<f64> {
        self.get()?.ramp()
    }

    /// The policy that holds for the tenant: its own, or that of the dependency.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        self.dependency.policy_of(&self.tenant)
    }

    /// Gives the tenant a policy of its own for this dependency, also where it has no circuit yet. Of a circuit
    /// that it has, all stays that [`Dependency::set_policy`] says. Fields that concern the dependency as a whole,
    /// `outage` and `overflow`, are not asked.
    ///
    /// # Errors
    ///
    /// [`InvalidTenant`], where the id is not one.
    pub fn set_policy(&self, policy: Policy) -> Result<(), InvalidTenant> {
        InvalidTenant::check(&self.tenant)?;
        self.dependency.put_policy(&self.tenant, Some(policy));
        Ok(())
    }

    /// Takes the policy of the tenant's own away: that of the dependency holds again.
    pub fn clear_policy(&self) {
        self.dependency.put_policy(&self.tenant, None);
    }

    /// The circuit at this moment; none where the tenant has none.
    #[must_use]
    pub fn snapshot(&self) -> Option<CircuitSnapshot> {
        self.get().map(|circuit| circuit.snapshot())
    }

    override_methods!(
        Circuit,
        "the circuit itself, also where the tenant has none yet",
        shows "The override that wins over the circuit, of whatever level; also where the tenant has no circuit."
    );

    fn clock(&self) -> &Clock {
        &self.dependency.context().shared.clock
    }

    fn put(&self, standing: Option<Standing>) {
        let context = self.dependency.context();
        let now = context.now();
        let standing = standing.map(Arc::new);
        let (before, circuit) = {
            let _operator = context.shared.operator.lock();
            // The circuit is looked for under the table's lock; see `Dependency::circuit_or_new`.
            let mut overrides = context.overrides.write();
            let before = overrides::put(&mut overrides, &self.tenant, standing.clone(), now);
            let circuit = self.get();
            let replaced = circuit
                .as_ref()
                .and_then(|circuit| circuit.set_own_override(standing.clone()));
            // One that the circuit set itself is in no table.
            (replaced.or(before), circuit)
        };
        let change = OverrideChange {
            level: OverrideLevel::Circuit,
            origin: Origin::ByHand,
            dependency: Some(&context.name),
            tenant: Some(&self.tenant),
            generation: circuit.map_or(0, |circuit| circuit.generation()),
        };
        change.tell(&context.shared, now, before.as_deref(), standing.as_deref());
    }

    fn standing(&self) -> Option<Standing> {
        match self.get() {
            Some(circuit) => circuit.override_in_force(self.dependency.context().now()),
            None => self.override_without_circuit(),
        }
    }

    fn get(&self) -> Option<Circuit> {
        self.dependency.inner.circuits.get(&self.tenant)
    }

    fn get_or_insert(&self) -> Result<Circuit, ByHandError> {
        InvalidTenant::check(&self.tenant).map_err(ByHandError::InvalidTenant)?;
        let now = self.dependency.context().now();
        self.dependency
            .circuit_or_new(&self.tenant, now)
            .ok_or(ByHandError::NoRoom)
    }

    fn override_without_circuit(&self) -> Option<Standing> {
        let now = self.dependency.context().now();
        self.dependency.override_without_circuit(&self.tenant, now)
    }
}
