//! Industrial protocols: one file each, one line in the table.

mod ber;
mod board;
mod cip;
mod crc;
mod fields;
mod lookup;
mod memory;
pub mod protocol;
mod readings;
mod stray;
#[cfg(test)]
mod testing;
mod text;
mod tpkt;
#[cfg(test)]
mod trial;
mod umas;
#[cfg(test)]
mod vectors;

pub use board::{IcsBoard, IcsDetail};
pub use lookup::Lookup;
pub use memory::{IcsMemory, IcsTally};

macro_rules! protocols {
    ($($module:ident),+ $(,)?) => {
        $(pub mod $module;)+

        /// Every protocol, in the order in which they are tried.
        pub static PROTOCOLS: &[&protocol::Protocol] = &[$(&$module::PROTOCOL),+];
    };
}

protocols! {
    modbus,
    s7comm,
    s7comm_plus,
    mms,
    iec104,
    dnp3,
    enip,
    cip_io,
    cspv4,
    bacnet,
    opcua,
    fins,
    hart_ip,
    ge_srtp,
    egd,
    melsec,
    melsoft,
    pcworx,
    proconos,
    codesys_v2,
    codesys_v3,
    crimson,
    fox,
    coap,
    mqtt,
    tristation,
    knxnet_ip,
    c37_118,
    ads,
    profinet,
    ethercat,
    atg,
    roc,
    hse,
    moxa,
    lantronix,
    ether_s_bus,
    dlms,
    wdb_rpc,
    bsap,
    c12_22,
    genisys,
    lontalk,
}

pub mod goose;
pub mod profinet_dcp;
pub mod sv;

/// Protocols that stand directly in an Ethernet frame, by Ethertype. Never routed: they are seen inside a network only.
pub static LINK_PROTOCOLS: &[(u16, &protocol::Protocol)] = &[
    (goose::ETHERTYPE, &goose::PROTOCOL),
    (sv::ETHERTYPE, &sv::PROTOCOL),
    (profinet_dcp::ETHERTYPE, &profinet_dcp::PROTOCOL),
    (ethercat::ETHERTYPE, &ethercat::PROTOCOL),
];
