//! wherefrom: a packet capture sensor that says where attacks come from.

pub mod addr;
pub mod attribute;
pub mod decode;
pub mod detect;
pub mod source;
