//! Numbers, and what can be switched off.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{
    Error as ValueError, MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer,
};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// What switches off, wherever something can be.
pub(super) const OFF: &str = "off";

/// A value, or the word `off`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Setting<T> {
    Off,
    On(T),
}

impl<T> Setting<T> {
    pub(super) fn on(self) -> Option<T> {
        match self {
            Self::Off => None,
            Self::On(value) => Some(value),
        }
    }
}

impl<T> From<Option<T>> for Setting<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Off, Self::On)
    }
}

impl<T: Serialize> Serialize for Setting<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Off => serializer.serialize_str(OFF),
            Self::On(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Setting<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OrOff(PhantomData))
    }
}

struct OrOff<T>(PhantomData<T>);

/// Hands on to the value's own type what is not the word.
macro_rules! hand_on {
    ($($visit:ident: $type:ty),*) => {
        $(fn $visit<E: Error>(self, value: $type) -> Result<Self::Value, E> {
            use serde::de::IntoDeserializer;
            T::deserialize(value.into_deserializer()).map(Setting::On)
        })*
    };
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for OrOff<T> {
    type Value = Setting<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value, or {OFF:?}")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text == OFF {
            return Ok(Setting::Off);
        }
        // With serde's own error: that of a format may end its text in a line break.
        T::deserialize(StrDeserializer::<ValueError>::new(text))
            .map(Setting::On)
            .map_err(|error| E::custom(format_args!("{error}, or {OFF:?}")))
    }

    hand_on!(visit_bool: bool, visit_u64: u64, visit_i64: i64, visit_f64: f64);

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Setting::On)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        T::deserialize(SeqAccessDeserializer::new(seq)).map(Setting::On)
    }
}

/// A number of things. The bounds are said of numbers that it cannot hold at all; the others are the builder's to check,
/// which knows the field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Count<const LEAST: u32, const MOST: u32>(pub(super) u32);

/// Of calls in a window.
pub(super) type Calls = Count<1, 65_535>;
/// Of probes.
pub(super) type Probes = Count<1, 255>;

impl<const LEAST: u32, const MOST: u32> Serialize for Count<LEAST, MOST> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

impl<'de, const LEAST: u32, const MOST: u32> Deserialize<'de> for Count<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u32(Whole::<LEAST, MOST>)
    }
}

struct Whole<const LEAST: u32, const MOST: u32>;

impl<const LEAST: u32, const MOST: u32> Whole<LEAST, MOST> {
    fn read<N, E>(number: N) -> Result<Count<LEAST, MOST>, E>
    where
        N: Copy + fmt::Display + TryInto<u32>,
        E: Error,
    {
        let beyond = |_| E::custom(format_args!("{number} is not from {LEAST} to {MOST}"));
        number.try_into().map(Count).map_err(beyond)
    }
}

impl<const LEAST: u32, const MOST: u32> Visitor<'_> for Whole<LEAST, MOST> {
    type Value = Count<LEAST, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Self::read(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Self::read(number)
    }
}
