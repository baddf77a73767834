//! The report of a dry run as JSON.

use serde::ser::{Serialize, Serializer};

use super::ago;
use crate::{DryRunReport, DryRunTenant};

#[derive(serde::Serialize)]
struct Report<'a> {
    dependency: &'a str,
    since_ago_ms: Option<f64>,
    calls: u64,
    would_open: u64,
    would_declare_outage: u64,
    would_reject: u64,
    would_reject_by_outage: u64,
    share_rejected: f64,
    tenants: usize,
    most_affected: &'a [DryRunTenant],
}

#[derive(serde::Serialize)]
struct Tenant<'a> {
    tenant: &'a str,
    calls: u64,
    would_open: u64,
    would_reject: u64,
    share_rejected: f64,
}

impl Serialize for DryRunReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            taken_at,
            dependency,
            since,
            calls,
            would_open,
            would_declare_outage,
            would_reject,
            would_reject_by_outage,
            tenants,
            most_affected,
        } = self;
        let report = Report {
            dependency,
            since_ago_ms: since.map(|since| ago(*taken_at, since)),
            calls: *calls,
            would_open: *would_open,
            would_declare_outage: *would_declare_outage,
            would_reject: *would_reject,
            would_reject_by_outage: *would_reject_by_outage,
            share_rejected: self.share_rejected(),
            tenants: *tenants,
            most_affected,
        };
        report.serialize(serializer)
    }
}

impl Serialize for DryRunTenant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            tenant,
            calls,
            would_open,
            would_reject,
        } = self;
        let row = Tenant {
            tenant,
            calls: *calls,
            would_open: *would_open,
            would_reject: *would_reject,
            share_rejected: self.share_rejected(),
        };
        row.serialize(serializer)
    }
}
