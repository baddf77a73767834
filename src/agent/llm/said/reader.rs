use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::at::At;
use super::{Rank, Said};
use crate::agent::llm::ProviderErrorKind;
use crate::agent::llm::event::StreamEvent;

/// Reads what is at one place of the JSON.
pub(super) struct Reader<'a> {
    pub(super) said: &'a mut Said,
    pub(super) at: At,
}

impl Reader<'_> {
    /// What is no text may say that there is an error, too.
    fn note_truth(self, is: bool) {
        if let At::Error = self.at {
            self.said.has_error |= is;
        }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(at) = map.next_key_seed(Field(self.at))? {
            match self.at {
                At::Error => self.said.has_error = true,
                At::Token => self.said.has_token = Some(true),
                _ => {}
            }
            match at {
                Some(at) => map.next_value_seed(Reader {
                    said: &mut *self.said,
                    at,
                })?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self { said, at } = self;
        if matches!(at, At::Choices) {
            said.has_token.get_or_insert(false);
        }
        while seq
            .next_element_seed(Reader {
                said: &mut *said,
                at,
            })?
            .is_some()
        {
            if matches!(at, At::Token) {
                said.has_token = Some(true);
            }
        }
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        let said = self.said;
        match self.at {
            At::Event => said.event = Some(StreamEvent::of(text)),
            At::Name(rank) => {
                // Amazon's come with a namespace in front.
                let name = text.rsplit_once('#').map_or(text, |(_, name)| name);
                said.note(rank, ProviderErrorKind::of(name));
                if let Ok(status) = text.parse() {
                    said.note_status(status);
                }
            }
            At::Message => said.note(Rank::Quota, ProviderErrorKind::of_message(text)),
            At::Error => {
                said.has_error |= !text.is_empty();
                said.note(Rank::Type, ProviderErrorKind::of(text));
            }
            At::Token if !text.is_empty() => said.has_token = Some(true),
            _ => {}
        }
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        if let At::Name(_) = self.at {
            self.said.note_status(number);
        }
        self.note_truth(number != 0);
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.note_truth(number != 0);
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.note_truth(number != 0.0);
        Ok(())
    }

    fn visit_bool<E>(self, is: bool) -> Result<(), E> {
        self.note_truth(is);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// The name of a field, and where it leads.
struct Field(At);

impl<'de> DeserializeSeed<'de> for Field {
    type Value = Option<At>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Option<At>, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Field {
    type Value = Option<At>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E>(self, field: &str) -> Result<Option<At>, E> {
        Ok(self.0.of_field(field))
    }
}
