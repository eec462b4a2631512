//! wherefrom: a packet capture sensor that says where attacks come from.

#![deny(unsafe_code)]

pub mod addr;
pub mod app;
pub mod attribute;
pub mod cli;
pub mod conclude;
pub mod config;
pub mod decode;
pub mod detect;
pub mod dispatch;
pub mod health;
mod huge;
pub mod keyed;
pub mod pipeline;
pub mod report;
pub mod settings;
pub mod source;
pub mod tally;
