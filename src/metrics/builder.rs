use ::metrics::Recorder;

use super::MetricsExporter;
use super::recorder::Told;
use crate::CircuitBreakerRegistry;
use crate::policy::{PolicyError, check};
use crate::survey::TenantSeries;
use crate::sync::Arc;

/// So many tenants, and twice as many series, are as much as anybody looks at.
const MOST_TENANTS: usize = 1_000;

/// Builds a [`MetricsExporter`].
///
/// | field | meaning | default | bounds |
/// |---|---|---|---|
/// | [`tenants`](Self::tenants) | tenants that have series of their own, in all dependencies together | 0 | up to 1,000 |
/// | [`credential_tenants`](Self::credential_tenants) | whether those too whose ids are made of credentials | no | |
/// | [`recorder`](Self::recorder) | who is told | the recorder in force | |
#[must_use = "a builder does nothing until it is built"]
#[derive(Clone, Debug)]
pub struct MetricsExporterBuilder {
    registry: CircuitBreakerRegistry,
    tenants: usize,
    of_credentials: bool,
    told: Told,
}

impl MetricsExporterBuilder {
    pub(super) fn new(registry: CircuitBreakerRegistry) -> Self {
        Self {
            registry,
            tenants: 0,
            of_credentials: false,
            told: Told::InForce,
        }
    }

    /// How many tenants have series of their own, in all dependencies together: those that are worst off. None by
    /// default, since nobody can take a series back from the facade;
    /// [the module](crate::metrics#tenants) says what has to be set in the exporter.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, metrics::MetricsExporter};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let exporter = MetricsExporter::builder(&registry).tenants(20).build()?;
    ///
    /// let error = MetricsExporter::builder(&registry).tenants(5_000).build().unwrap_err();
    /// assert_eq!(error.to_string(), "tenants is 5000, but must be from 0 to 1000");
    /// # drop(exporter);
    /// # Ok::<(), tower_tenant_breaker::PolicyError>(())
    /// ```
    pub fn tenants(mut self, most: usize) -> Self {
        self.tenants = most;
        self
    }

    /// Whether tenants have series too whose ids have the form of those that are made of credentials: 32 lower-case
    /// hexadecimal digits. Otherwise they are counted among those that are left out.
    ///
    /// ```
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, metrics::MetricsExporter};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let builder = MetricsExporter::builder(&registry).tenants(20).credential_tenants(true);
    /// # builder.build()?;
    /// # Ok::<(), tower_tenant_breaker::PolicyError>(())
    /// ```
    pub fn credential_tenants(mut self, told: bool) -> Self {
        self.of_credentials = told;
        self
    }

    /// The recorder that is told, in place of the one in force. An `Arc` of a recorder is a recorder.
    ///
    /// Where it is not given, each handle is made by the recorder that is in force on that thread at that moment: the
    /// global one, once it is set. A *local* recorder of the facade is seen by that only while it is in force, and so
    /// is given here rather.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use metrics_exporter_prometheus::PrometheusBuilder;
    /// use tower_tenant_breaker::{CircuitBreakerRegistry, metrics::MetricsExporter};
    ///
    /// let registry = CircuitBreakerRegistry::builder().build()?;
    /// let recorder = Arc::new(PrometheusBuilder::new().build_recorder());
    /// let exporter = MetricsExporter::builder(&registry).recorder(Arc::clone(&recorder)).build()?;
    /// # drop(exporter);
    /// # Ok::<(), tower_tenant_breaker::PolicyError>(())
    /// ```
    pub fn recorder(mut self, recorder: impl Recorder + Send + Sync + 'static) -> Self {
        self.told = Told::Given(Arc::new(recorder));
        self
    }

    /// Describes the metrics, and brings all of them to what they are: those of known dependencies start at zero.
    ///
    /// # Errors
    ///
    /// [`PolicyError`], where there are more than 1,000 tenants.
    ///
    /// # Panics
    ///
    /// Where the recorder does.
    pub fn build(self) -> Result<MetricsExporter, PolicyError> {
        let is_bounded = self.tenants <= MOST_TENANTS;
        check(is_bounded, "tenants", self.tenants, "from 0 to 1000")?;
        let tenants = TenantSeries {
            most: self.tenants,
            of_credentials: self.of_credentials,
        };
        Ok(MetricsExporter::new(&self.registry, tenants, self.told))
    }
}
