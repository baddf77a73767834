//! One call's way along the list: who is asked next, and who said no.

use super::NoneAdmitted;
use super::service::Provider;
use crate::circuit::Credit;
use crate::{CircuitOpen, OnMissingTenant, Permit, Probing, Reason, Rejection, Tenant};

pub(super) struct Walk {
    /// None where a call without one is admitted all the same.
    tenant: Option<Tenant<'static>>,
    /// The next to be asked.
    next: usize,
    /// From here on, those that barred the call are asked once more.
    again: usize,
    rejections: Rejections,
    /// Of those who rejected or failed the call; none where no ledger is kept.
    credits: Vec<Credit>,
}

impl Walk {
    pub(super) fn new(tenant: Option<Tenant<'static>>) -> Self {
        Self {
            tenant,
            next: 0,
            again: 0,
            rejections: Rejections::default(),
            credits: Vec::new(),
        }
    }

    pub(super) fn tenant(&self) -> Option<&str> {
        self.tenant.as_ref().map(Tenant::as_str)
    }

    /// The next provider that admits the call.
    pub(super) fn next<S>(
        &mut self,
        providers: &[Provider<S>],
        on_missing_tenant: OnMissingTenant,
        probing: Probing,
    ) -> Option<(usize, Permit)> {
        let tenant = self.tenant.as_ref().map(Tenant::as_str);
        let acquire = |provider: &Provider<S>, probing| match tenant {
            Some(tenant) => provider.dependency.acquire_barred(tenant, probing),
            None => on_missing_tenant.acquire(&provider.dependency, probing),
        };
        while let Some(provider) = providers.get(self.next) {
            let index = self.next;
            self.next += 1;
            // A call is barred in favour of those who are yet to be asked, so not where there are none.
            let is_alone = self.next == providers.len() && !self.rejections.any_barred();
            let probing = if is_alone { Probing::Yes } else { probing };
            match acquire(provider, probing) {
                Ok(permit) => return Some((index, permit)),
                Err(Rejection::Open(open)) => {
                    self.credits.extend(open.credit());
                    self.rejections.push(Rejected { index, open });
                }
                // Its length was looked at before the walk began.
                Err(Rejection::InvalidTenant(_)) => {}
            }
        }
        // Nobody else takes it. Better a probe than no answer.
        while let Some(barred) = self.rejections.barred_from(self.again) {
            let index = barred.index;
            self.again = index + 1;
            match acquire(&providers[index], Probing::Yes) {
                Ok(permit) => return Some((index, permit)),
                Err(Rejection::Open(open)) => {
                    self.credits.extend(open.credit());
                    barred.open = open;
                }
                Err(Rejection::InvalidTenant(_)) => {}
            }
        }
        None
    }

    /// One more who did not serve the call.
    pub(super) fn unserved_by(&mut self, credit: Option<Credit>) {
        self.credits.extend(credit);
    }

    /// Somebody has served the call, in the place of all who did not.
    pub(super) fn serve(&self) {
        self.credits.iter().for_each(Credit::serve);
    }

    /// Whether somebody could be asked after this one.
    pub(super) fn goes_on<S>(&self, providers: &[Provider<S>]) -> bool {
        self.next < providers.len()
    }

    /// The rejections so far; none where nobody rejected the call.
    pub(super) fn none_admitted(&mut self) -> Option<NoneAdmitted> {
        let Rejections { first, rest } = std::mem::take(&mut self.rejections);
        first.map(|first| NoneAdmitted::new(first.open, rest.into_iter().map(|other| other.open)))
    }
}

/// In the order of the list. The first has a place of its own: while the primary is open, and the standby
/// serves, nothing is allocated.
#[derive(Default)]
struct Rejections {
    first: Option<Rejected>,
    rest: Vec<Rejected>,
}

struct Rejected {
    index: usize,
    open: CircuitOpen,
}

impl Rejections {
    fn push(&mut self, rejected: Rejected) {
        if self.first.is_none() {
            self.first = Some(rejected);
        } else {
            self.rest.push(rejected);
        }
    }

    fn any_barred(&mut self) -> bool {
        self.barred_from(0).is_some()
    }

    fn barred_from(&mut self, index: usize) -> Option<&mut Rejected> {
        let mut all = self.first.iter_mut().chain(&mut self.rest);
        all.find(|rejected| rejected.index >= index && rejected.open.reason() == Reason::Barred)
    }
}
