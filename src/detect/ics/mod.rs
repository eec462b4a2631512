//! Industrial protocols: one file each, one line in the table.

mod fields;
pub mod protocol;
#[cfg(test)]
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
