//! Contacts of sources with too few to be followed, for scans that many sources share.
//!
//! A source is handed over at its fourth failed contact. Where hundreds of sources share a scan and each touches two or three services, none
//! is; so each contact that nobody has answered in time goes to the reporter by itself, and there only to what is shared. How many may wait
//! is bounded, and contacts with services that home answers don't wait at all.

use super::memory::Record;
use crate::conclude::SLICE_NS;
use crate::decode::Transport;

/// Seconds in which a contact may be answered: as many as the reporter gives (`scan.answer_s`).
const WAIT_S: u32 = 5;
/// Contacts of one lane that may begin to wait in a second: 64 lanes tell of 1,024 a second at most.
const PER_S: usize = 16;
/// Contacts of one lane that wait.
const WAITING: usize = PER_S * (WAIT_S as usize + 2);
/// Cells for services in which somebody said something, per lane.
const CELLS: usize = 256;
/// Conversations within the last minutes that make a service one that home offers.
const SERVED: u8 = 4;
/// Seconds after which half of them are forgotten.
const HALVE_S: u32 = 60;

/// What a lane has waiting.
pub struct Alone {
    waiting: std::collections::VecDeque<(u64, Record)>,
    begun: usize,
    second: u32,
    served: Box<[u8; CELLS]>,
    halved_s: u32,
}

impl Default for Alone {
    fn default() -> Self {
        Alone {
            waiting: std::collections::VecDeque::with_capacity(WAITING),
            begun: 0,
            second: 0,
            served: Box::new([0; CELLS]),
            halved_s: 0,
        }
    }
}

fn cell(transport: Transport, port: u16) -> usize {
    (usize::from(port ^ port >> 8) ^ (transport as usize) << 6) % CELLS
}

impl Alone {
    /// A contact of a source, by the hash of its site, that has begun to wait for an answer.
    pub fn wait(&mut self, now_s: u32, site: u64, record: &Record) {
        if self.second != now_s {
            (self.second, self.begun) = (now_s, 0);
        }
        let served = self.served[cell(record.transport, record.port)] >= SERVED;
        if served || self.begun == PER_S || self.waiting.len() == WAITING {
            return;
        }
        self.begun += 1;
        self.waiting.push_back((site, *record));
    }

    /// Somebody had a conversation with this service.
    pub fn served(&mut self, now_s: u32, transport: Transport, port: u16) {
        if now_s.saturating_sub(self.halved_s) >= HALVE_S {
            self.halved_s = now_s;
            self.served.iter_mut().for_each(|count| *count /= 2);
        }
        let count = &mut self.served[cell(transport, port)];
        *count = count.saturating_add(1);
    }

    /// The next contact whose time is over by this second, taken out.
    pub fn due(&mut self, now_s: u32) -> Option<(u64, Record)> {
        let (_, record) = self.waiting.front()?;
        let over = ((record.time_ns / SLICE_NS) as u32).saturating_add(WAIT_S) <= now_s;
        if over { self.waiting.pop_front() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::Addr;

    fn due(alone: &mut Alone, now_s: u32) -> Vec<u64> {
        std::iter::from_fn(|| alone.due(now_s)).map(|(site, _)| site).collect()
    }

    fn contact(second: u32, port: u16) -> Record {
        Record { time_ns: u64::from(second) * 1_000_000_000, port, ..Record::of_test(Addr::v4(1), Addr::v4(2)) }
    }

    #[test]
    fn contacts_wait_for_an_answer_and_no_longer() {
        let mut alone = Alone::default();
        alone.wait(10, 1, &contact(10, 23));
        alone.wait(12, 2, &contact(12, 23));
        assert!(due(&mut alone, 14).is_empty());
        assert_eq!(due(&mut alone, 15), [1]);
        assert_eq!(due(&mut alone, u32::MAX), [2]);
    }

    #[test]
    fn services_that_home_offers_and_floods_of_contacts_do_not_wait() {
        let mut alone = Alone::default();
        for _ in 0..SERVED {
            alone.served(10, Transport::Tcp, 443);
        }
        alone.wait(10, 1, &contact(10, 443));
        assert!(due(&mut alone, u32::MAX).is_empty());
        for second in 0..100 {
            for n in 0..100 {
                alone.wait(second, n, &contact(second, 23));
            }
        }
        assert_eq!(due(&mut alone, u32::MAX).len(), WAITING);
    }
}
