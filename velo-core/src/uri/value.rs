//! One option's text as the type that its field wants.

use std::fmt::Display;
use std::str::FromStr;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, SeqAccess, Visitor};

use super::query::Failure;

/// The text of one option; lists are separated by commas.
pub(super) struct Value<'v>(pub(super) &'v str);

impl Value<'_> {
    fn number<T: FromStr>(&self, what: impl Display) -> Result<T, Failure> {
        let digits = self.0.replace('_', "");
        digits
            .parse()
            .map_err(|_| de::Error::custom(format_args!("expected {what}")))
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $what:literal,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            visitor.$visit(self.number($what)?)
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Value<'de> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.0 {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(de::Error::custom("expected true or false")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_seq(List(self.0.split(',')))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        if !variants.contains(&self.0) {
            let choices = variants.join(", ");
            return Err(match crate::nearest(self.0, variants.iter().copied()) {
                Some(name) => de::Error::custom(format_args!(
                    "expected one of {choices}; did you mean `{name}`?"
                )),
                None => de::Error::custom(format_args!("expected one of {choices}")),
            });
        }
        let name: StrDeserializer<'de, Failure> = self.0.into_deserializer();
        visitor.visit_enum(name)
    }

    numbers! {
        deserialize_i8 visit_i8 "a whole number from -128 to 127",
        deserialize_i16 visit_i16 "a whole number from -32768 to 32767",
        deserialize_i32 visit_i32 "a whole number",
        deserialize_i64 visit_i64 "a whole number",
        deserialize_u8 visit_u8 "a whole number from 0 to 255",
        deserialize_u16 visit_u16 "a whole number from 0 to 65535",
        deserialize_u32 visit_u32 "a whole number from 0 up",
        deserialize_u64 visit_u64 "a whole number from 0 up",
        deserialize_f32 visit_f32 "a number",
        deserialize_f64 visit_f64 "a number",
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct
        identifier ignored_any
    }
}

struct List<'v>(std::str::Split<'v, char>);

impl<'de> SeqAccess<'de> for List<'de> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        self.0
            .next()
            .map(|item| seed.deserialize(Value(item.trim())))
            .transpose()
    }
}
