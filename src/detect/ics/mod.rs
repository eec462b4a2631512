//! Industrial protocols: one file each, one line in the table.

mod ber;
mod cip;
pub mod crc;
pub mod protocol;
pub mod stray;
mod text;
mod tpkt;
mod umas;
#[cfg(test)]
mod vectors;
mod fields;
mod trial;

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
}
