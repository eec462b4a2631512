//! A home host that answers a protocol of industrial equipment.

use std::collections::BTreeMap;

use crate::addr::Addr;
use crate::attribute::Country;

/// One service of one home host, as far as it showed itself.
#[derive(Clone, Debug)]
pub struct Asset {
    pub addr: Addr,
    pub transport: &'static str,
    pub port: u16,
    pub protocol: &'static str,
    pub sector: String,
    /// The sector is the protocol's usual one.
    pub guess: bool,
    pub site: Option<String>,
    /// What it told of itself: the first word on each subject.
    pub disclosed: BTreeMap<&'static str, String>,
    /// When it first answered and last.
    pub first_ns: u64,
    pub last_ns: u64,
    /// Contacts that it answered.
    pub contacts: u64,
    /// Of these, from home.
    pub internal: u64,
    /// Of these, from abroad, by country.
    pub countries: BTreeMap<Country, u64>,
}
