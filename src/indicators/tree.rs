//! JSON values that borrow their texts from where they were read: two million objects are too many for a copy of each name.
//!
//! `serde_json` reads them; its own values are a copy of each text and a tree of each object's members.

use std::borrow::Cow;
use std::fmt::{self, Formatter};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

/// Members for which an object has room at once: most have no more.
const MEMBERS: usize = 16;

/// Names and values, in the order in which they are written.
pub(super) type Members<'a> = Vec<(Cow<'a, [u8]>, Json<'a>)>;

/// A JSON value.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Members<'a>),
}

impl<'a> Json<'a> {
    /// A text that is one value and nothing else.
    ///
    /// # Errors
    /// What `serde_json` says of it.
    pub fn whole(bytes: &'a [u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(bytes)
    }

    /// A member of an object; of several with one name, the last.
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        let Json::Object(members) = self else { return None };
        members.iter().rev().find(|(key, _)| **key == *name.as_bytes()).map(|(_, value)| value)
    }

    /// What stands under names and numbers of places.
    pub fn at(&self, path: &[&str]) -> Option<&Json<'a>> {
        path.iter().try_fold(self, |value, step| match value {
            Json::Array(values) => values.get(step.parse::<usize>().ok()?),
            value => value.get(step),
        })
    }

    pub fn as_bytes(&self) -> Option<&[u8]> {
        self.as_str().map(str::as_bytes)
    }

    pub fn as_str(&self) -> Option<&str> {
        if let Json::Text(text) = self { Some(text) } else { None }
    }

    /// A member's text; empty if there is none.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).and_then(Json::as_str).unwrap_or_default()
    }

    /// The values of a member that is an array.
    pub fn array(&self, name: &str) -> &[Json<'a>] {
        if let Some(Json::Array(values)) = self.get(name) { values } else { &[] }
    }

    pub fn as_u64(&self) -> Option<u64> {
        if let Json::Number(number) = self { number.as_u64() } else { None }
    }

    pub fn is_array(&self) -> bool {
        matches!(self, Json::Array(_))
    }

    pub fn is_object(&self) -> bool {
        matches!(self, Json::Object(_))
    }

    /// The same with texts of its own.
    pub fn into_owned(self) -> Json<'static> {
        let owned = |text: Cow<'_, [u8]>| Cow::Owned(text.into_owned());
        match self {
            Json::Null => Json::Null,
            Json::Bool(is_so) => Json::Bool(is_so),
            Json::Number(number) => Json::Number(number),
            Json::Text(text) => Json::Text(Cow::Owned(text.into_owned())),
            Json::Array(values) => Json::Array(values.into_iter().map(Json::into_owned).collect()),
            Json::Object(members) => Json::Object(members.into_iter().map(|(name, value)| (owned(name), value.into_owned())).collect()),
        }
    }

    /// In one line, members in the order of their names.
    pub fn written(&self) -> String {
        self.to_value().to_string()
    }

    fn to_value(&self) -> Value {
        let string = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
        match self {
            Json::Null => Value::Null,
            Json::Bool(is_so) => Value::Bool(*is_so),
            Json::Number(number) => Value::Number(number.clone()),
            Json::Text(text) => Value::String(text.to_string()),
            Json::Array(values) => values.iter().map(Json::to_value).collect(),
            Json::Object(members) => Value::Object(members.iter().map(|(name, value)| (string(name), value.to_value())).collect()),
        }
    }
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Building)
    }
}

struct Building;

impl<'de> Visitor<'de> for Building {
    type Value = Json<'de>;

    fn expecting(&self, to: &mut Formatter<'_>) -> fmt::Result {
        to.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, is_so: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(is_so))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json<'de>, E> {
        Ok(Number::from_f64(number).map_or(Json::Null, Json::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Json<'de>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = from.next_element()? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Json<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(Name(name)) = from.next_key()? {
            if members.is_empty() {
                members.reserve(MEMBERS);
            }
            members.push((name, from.next_value()?));
        }
        Ok(Json::Object(members))
    }
}

/// A member's name.
struct Name<'a>(Cow<'a, [u8]>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Naming;
        impl<'de> Visitor<'de> for Naming {
            type Value = Name<'de>;

            fn expecting(&self, to: &mut Formatter<'_>) -> fmt::Result {
                to.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name.as_bytes())))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.as_bytes().to_vec())))
            }
        }
        from.deserialize_str(Naming)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(text: &[u8]) {
        match (Json::whole(text), serde_json::from_slice::<Value>(text)) {
            (Ok(json), Ok(value)) => assert_eq!(json.to_value(), value),
            (Err(_), Err(_)) => {}
            (json, value) => panic!("{}: {json:?}, {value:?}", text.escape_ascii()),
        }
    }

    #[test]
    fn it_reads_what_serde_json_reads() {
        for text in [
            r#" {"a": [1, -1, 0, 1.5, 1e3, true, false, null, "x", {}, []], "b": "\"\\\/\n\u00fc\ud83d\ude00"} "#,
            r#"{"a": 1, "a": 2}"#,
            "[1,]",
            "{\"a\" 1}",
            "{\"a\": 01}",
            "[1] x",
            "\"\\ud83d\"",
            "\"\\u12\"",
            "\"a\nb\"",
            "\"\u{fc}\"",
            "123456789012345678901234567890",
            "-0",
            "1e999",
            "tru",
            "",
        ] {
            same(text.as_bytes());
            for bytes in 0..text.len() {
                same(&text.as_bytes()[..bytes]);
            }
        }
        same(b"\"\xff\"");
        same(format!("{}{}", "[".repeat(127), "]".repeat(127)).as_bytes());
        same(format!("{}{}", "[".repeat(129), "]".repeat(129)).as_bytes());
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "\\PC{0,30}", name in "[a-z\"\\\\\\n]{0,12}") {
            let value = serde_json::json!({ &name: [&text], "z": { "y": text.len() } });
            prop_assert_eq!(Json::whole(value.to_string().as_bytes()).unwrap().to_value(), value);
        }
    }
}
