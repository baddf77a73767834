//! Tables: some fields, each of which may be named once, and no others.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor,
};

use crate::policy::PolicyError;

/// What a table says.
pub(crate) trait Table: Default {
    const FIELDS: &'static [&'static str];

    /// Reads the value of a field of this name; tells whether there is such a field.
    fn read<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error>;
}

/// Reads a table.
pub(crate) struct TableVisitor<T>(PhantomData<T>);

impl<T> TableVisitor<T> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'de, T: Table> Visitor<'de> for TableVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a table with {}", T::FIELDS.join(", "))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut table = T::default();
        while let Some(name) = map.next_key::<String>()? {
            if !table.read(&name, &mut map)? {
                map.next_value_seed(Unknown(&name, T::FIELDS))?;
            }
        }
        Ok(table)
    }
}

/// Refuses a value, in whose place the error then stands.
struct Unknown<'a>(&'a str, &'static [&'static str]);

impl<'de> DeserializeSeed<'de> for Unknown<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self(name, fields) = self;
        IgnoredAny::deserialize(deserializer)?;
        Err(D::Error::custom(format_args!(
            "unknown field {name:?}, but must be one of {}",
            fields.join(", ")
        )))
    }
}

/// Reads the value of a field that was not named before, and asks whether it is in its bounds: here, so that the
/// error stands where the value does.
pub(super) struct Checked<'a, T, F> {
    pub(super) place: &'a mut Option<T>,
    pub(super) name: &'static str,
    pub(super) check: F,
}

impl<'de, T, F> DeserializeSeed<'de> for Checked<'_, T, F>
where
    T: Deserialize<'de>,
    F: FnOnce(&T) -> Result<(), PolicyError>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.place.is_some() {
            return Err(D::Error::duplicate_field(self.name));
        }
        let value = T::deserialize(deserializer)?;
        (self.check)(&value).map_err(D::Error::custom)?;
        *self.place = Some(value);
        Ok(())
    }
}

/// Reads the value of a field that was not named before.
pub(crate) fn put<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    place: &mut Option<T>,
    name: &'static str,
    map: &mut A,
) -> Result<(), A::Error> {
    let check = |_: &T| Ok(());
    map.next_value_seed(Checked { place, name, check })
}

/// A table as a struct of options, with the check of each field.
macro_rules! table {
    ($(#[$doc:meta])* struct $table:ident { $($field:ident: $type:ty => $check:expr,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub(crate) struct $table {
            $(pub(in crate::policy::written) $field: Option<$type>,)*
        }

        impl $crate::policy::written::table::Table for $table {
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];

            fn read<'de, A: serde::de::MapAccess<'de>>(
                &mut self,
                name: &str,
                map: &mut A,
            ) -> Result<bool, A::Error> {
                match name {
                    $(stringify!($field) => map.next_value_seed($crate::policy::written::table::Checked {
                        place: &mut self.$field,
                        name: stringify!($field),
                        check: |value: &$type| ($check)(value.clone()),
                    })?,)*
                    _ => return Ok(false),
                }
                Ok(true)
            }
        }

        impl<'de> serde::de::Deserialize<'de> for $table {
            fn deserialize<D: serde::de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_map($crate::policy::written::table::TableVisitor::new())
            }
        }
    };
}
pub(super) use table;
