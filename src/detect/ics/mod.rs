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
}
