//! Members of JSON objects whose names are those of columns, and the members that tell what an object is.

use std::borrow::Cow;

use super::collect::Collector;
use super::columns::{Role, Shape, role};
use super::list::Format;
use super::named::Named;
use super::tree::Json;

/// Most places of members for which the last name is kept.
const PLACES_MAX: usize = 64;

/// Which of the members that tell what an object is it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Told(u16);

impl Told {
    pub const EVENT: Told = Told(1);
    pub const ATTRIBUTE: Told = Told(1 << 1);
    pub const ORGC: Told = Told(1 << 2);
    pub const TO_IDS: Told = Told(1 << 3);
    pub const CATEGORY: Told = Told(1 << 4);
    pub const ID: Told = Told(1 << 5);
    pub const MATCHING_ATTRIBUTES: Told = Told(1 << 6);
    pub const LIST: Told = Told(1 << 7);
    pub const INDICATORS: Told = Told(1 << 8);
    pub const THREAT: Told = Told(1 << 9);
    pub const TYPE: Told = Told(1 << 10);

    /// Asks each name once: nearly all objects have none of them.
    pub fn of(value: &Json<'_>) -> Self {
        let Json::Object(members) = value else { return Told(0) };
        members.iter().fold(Told(0), |told, (name, _)| {
            let by = match &**name {
                b"Event" => Self::EVENT,
                b"Attribute" => Self::ATTRIBUTE,
                b"Orgc" => Self::ORGC,
                b"to_ids" => Self::TO_IDS,
                b"category" => Self::CATEGORY,
                b"id" => Self::ID,
                b"matching_attributes" => Self::MATCHING_ATTRIBUTES,
                b"list" => Self::LIST,
                b"indicators" => Self::INDICATORS,
                b"threat" | b"threat.indicator" => Self::THREAT,
                b"type" => Self::TYPE,
                _ => return told,
            };
            Told(told.0 | by.0)
        })
    }

    pub fn has(self, by: Told) -> bool {
        self.0 & by.0 != 0
    }
}

/// What the names of members mean. Objects of a list have the same members in the same order: what a name means is kept by its place.
#[derive(Default)]
pub(super) struct Members {
    places: Vec<Known>,
}

struct Known {
    name: Vec<u8>,
    role: Option<Role>,
    /// With this member alone.
    shape: Shape,
}

impl Known {
    fn new(name: &[u8]) -> Self {
        let role = role(name);
        let mut shape = Shape::default();
        role.into_iter().for_each(|role| shape.add(role, name));
        Known { name: name.to_vec(), role, shape }
    }
}

impl Members {
    fn known(&mut self, place: usize, name: &[u8]) -> &Known {
        let place = place.min(PLACES_MAX - 1);
        while self.places.len() <= place {
            self.places.push(Known::new(b""));
        }
        let known = &mut self.places[place];
        if known.name != name {
            *known = Known::new(name);
        }
        known
    }

    /// Puts an object's values into the list at work. Whether there was a value among its members. `text` is how it is written, if that is at hand.
    pub fn collect(&mut self, value: &Json<'_>, key: &[u8], line: u32, text: &[u8], into: &mut Collector<'_>) -> bool {
        let Json::Object(members) = value else { return false };
        let mut shape = Shape::default();
        let mut texts = Vec::with_capacity(members.len());
        for (place, (name, value)) in members.iter().enumerate() {
            let known = self.known(place, name);
            let Some(role) = known.role else { continue };
            let text = match value {
                Json::Text(text) => Cow::Borrowed(text.as_bytes()),
                Json::Number(number) => Cow::Owned(number.to_string().into_bytes()),
                Json::Bool(is_so) => Cow::Borrowed(if *is_so { &b"true"[..] } else { b"false" }),
                _ => continue,
            };
            shape.join(known.shape);
            texts.push((&**name, role, text));
        }
        if !shape.has_value() {
            return false;
        }
        // Of two members of one role the first stands, whatever their order in the text; of two of one name the last.
        texts.reverse();
        texts.sort_by_key(|(name, ..)| *name);
        texts.dedup_by_key(|(name, ..)| *name);
        let before = into.list().refusals.len();
        // Whom an autonomous system belongs to has a name, which is none the worse for it.
        if texts.iter().all(|(_, role, _)| *role == Role::Domain) && value.get("asn").is_some() && value.get("asname").is_some() {
            into.unsupported(line, "an autonomous system", text);
        } else {
            let mut fields = Named::new();
            for (_, role, text) in &texts {
                fields.set(*role, text);
            }
            fields.set(Role::Number, key);
            if into.begins_list() && into.list().format != Format::Otx {
                into.list().format = shape.format();
            }
            fields.collect(into, line, text);
        }
        if text.is_empty() {
            into.reword(before, || value.written());
        }
        true
    }
}
