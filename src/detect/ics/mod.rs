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
}
