//! A case: traffic with its labels.

use wherefrom::addr::Addr;

use super::frames::{Random, SECOND, Trace};
use super::world::{START, World};

/// One attack that must be found.
pub struct Expected {
    pub kind: &'static str,
    /// Where one source did it.
    pub source: Option<Addr>,
    pub target: Option<Addr>,
    /// Names and values as they stand in the record: `method`, `shape`, `tool`, `protocol`, `slow`.
    pub attributes: Vec<(&'static str, String)>,
    /// Whether the sources are forged, where there are enough of them to tell.
    pub forged: Option<bool>,
}

impl Expected {
    pub fn new(kind: &'static str) -> Self {
        Expected { kind, source: None, target: None, attributes: Vec::new(), forged: None }
    }

    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }

    pub fn of(mut self, source: Addr) -> Self {
        self.source = Some(source);
        self
    }

    pub fn on(mut self, target: Addr) -> Self {
        self.target = Some(target);
        self
    }

    pub fn forged(mut self, forged: bool) -> Self {
        self.forged = Some(forged);
        self
    }
}

/// What a case comes to.
pub struct Scene {
    pub trace: Trace,
    /// `Frame::attack` n belongs to the n-th of these.
    pub expected: Vec<Expected>,
    /// Kinds that may be reported beside them.
    pub allowed: &'static [&'static str],
}

impl Scene {
    /// A network with ordinary traffic for so many seconds.
    pub fn begin(world: &World, random: &mut Random, seconds: u64) -> Self {
        let mut scene = Scene { trace: Trace::default(), expected: Vec::new(), allowed: &[] };
        background(&mut scene.trace, world, random, seconds);
        scene
    }

    /// Frames from here on belong to this attack.
    pub fn attack(&mut self, expected: Expected) {
        self.expected.push(expected);
        self.trace.attack = self.expected.len() as u8;
    }
}

/// Conversations a second beside the attack: enough to be a network, few enough to be quick.
const BACKGROUND_PER_S: u64 = 12;

fn background(trace: &mut Trace, world: &World, random: &mut Random, seconds: u64) {
    super::world::background(trace, world, random, seconds, BACKGROUND_PER_S);
}

/// When an attack begins: after twenty seconds of ordinary traffic.
pub const ATTACK: u64 = START + 20 * SECOND;

type Make = Box<dyn Fn(&World, &mut Random) -> Scene>;

/// A named recipe.
pub struct Case {
    pub name: String,
    make: Make,
}

impl Case {
    pub fn new(name: impl Into<String>, make: impl Fn(&World, &mut Random) -> Scene + 'static) -> Self {
        Case { name: name.into(), make: Box::new(make) }
    }

    /// Makes the traffic: the name is the seed.
    pub fn scene(&self, world: &World) -> Scene {
        let mut scene = (self.make)(world, &mut Random::named(&self.name));
        scene.trace.frames.sort_by_key(|frame| frame.time_ns);
        scene
    }
}
