//! When to look for events that silence has ended.

/// Seconds between two looks. Events end by minutes of silence: a look a second would cost more than it tells.
const LOOK_EVERY_S: u32 = 5;

/// Remembers the last look.
#[derive(Default)]
pub struct Silence {
    looked_s: u32,
}

impl Silence {
    /// Whether it is time to look again; if so, that is the look.
    pub fn is_due(&mut self, now_s: u32) -> bool {
        let due = now_s.saturating_sub(self.looked_s) >= LOOK_EVERY_S;
        if due {
            self.looked_s = now_s;
        }
        due
    }
}
