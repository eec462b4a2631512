//! HTTP/1: heads, where messages end, transfer and content codings, and multipart bodies (RFC 9110, RFC 9112, RFC 7578).
//!
//! Everything here takes bytes in order and in pieces of any size, keeps no more than its bounds, and says where receivers would disagree:
//! such a message is ambiguous, and is read as browsers read it.

pub mod chunked;
pub mod coding;
pub mod framing;
pub mod head;
pub mod multipart;
