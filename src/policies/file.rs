//! What a file says, as it is written.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::policy::written::Fields;
use crate::policy::written::table::{Table, TableVisitor, put};

/// A whole file.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) default: Option<Fields>,
    pub(super) dependencies: Option<Named<DependencyTable>>,
}

/// What it says of a dependency.
#[derive(Debug, Default)]
pub(super) struct DependencyTable {
    pub(super) fields: Fields,
    pub(super) mode: Option<Mode>,
    pub(super) tenants: Option<Named<TenantTable>>,
}

/// What it says of a tenant in a dependency.
#[derive(Debug, Default)]
pub(super) struct TenantTable(pub(super) Fields);

/// Whether the circuits decide over calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    Enforce,
    DryRun,
}

impl Table for File {
    const FIELDS: &'static [&'static str] = &["default", "dependencies"];

    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "default" => put(&mut self.default, "default", map)?,
            "dependencies" => put(&mut self.dependencies, "dependencies", map)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

const OF_POLICY: usize = Fields::FIELDS.len();

impl Table for DependencyTable {
    const FIELDS: &'static [&'static str] = &{
        let mut fields = ["mode"; OF_POLICY + 2];
        let mut next = 0;
        while next < OF_POLICY {
            fields[next] = Fields::FIELDS[next];
            next += 1;
        }
        fields[OF_POLICY] = "tenants";
        fields
    };

    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "mode" => put(&mut self.mode, "mode", map)?,
            "tenants" => put(&mut self.tenants, "tenants", map)?,
            _ => return self.fields.read(name, map),
        }
        Ok(true)
    }
}

impl Table for TenantTable {
    const FIELDS: &'static [&'static str] = Fields::FIELDS
        .split_at(OF_POLICY - Fields::OF_DEPENDENCY.len())
        .0;

    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        if Fields::OF_DEPENDENCY.contains(&name) {
            return Ok(false);
        }
        self.0.read(name, map)
    }
}

impl<'de> Deserialize<'de> for File {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TableVisitor::new())
    }
}

impl<'de> Deserialize<'de> for DependencyTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TableVisitor::new())
    }
}

impl<'de> Deserialize<'de> for TenantTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TableVisitor::new())
    }
}

/// Tables by name, none of them twice: JSON lets a key come again, and the map of the standard library takes the last.
#[derive(Debug)]
pub(super) struct Named<T>(pub(super) BTreeMap<Box<str>, T>);

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ByName(PhantomData))
    }
}

struct ByName<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ByName<T> {
    type Value = Named<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tables by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<T>, A::Error> {
        let mut named = BTreeMap::new();
        while let Some(name) = map.next_key::<Box<str>>()? {
            let table = map.next_value()?;
            if named.contains_key(&name) {
                return Err(A::Error::custom(format_args!("{name:?} is there twice")));
            }
            named.insert(name, table);
        }
        Ok(Named(named))
    }
}
