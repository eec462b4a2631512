//! Industrial protocols: one file each, one line in the table.

mod crc;
mod fields;
pub mod protocol;
#[cfg(test)]
mod testing;

macro_rules! protocols {
    ($($module:ident),+ $(,)?) => {
        $(pub mod $module;)+

        /// Every protocol, in the order in which they are tried.
        pub static PROTOCOLS: &[&protocol::Protocol] = &[$(&$module::PROTOCOL),+];
    };
}

protocols! {
    modbus,
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
