//! What a conversation carries, read: one protocol a file or folder. Readers take bytes in order and give views; they judge nothing.
//!
//! [`carried`] holds the views that every detector of payload sees, whatever protocol brought them, [`digits`] what codings share.

pub mod carried;
pub mod cursor;
pub mod digits;
pub mod dns;
pub mod ftp;
pub mod http;
pub mod imap;
pub mod pop3;
pub mod quic;
pub mod smtp;
pub mod telnet;
pub mod tftp;
pub mod tls;
