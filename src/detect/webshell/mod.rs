//! Webshells: put on a home server, driven from abroad, or looked for.
//!
//! One exchange of HTTP is judged by [`judge()`]: what the request would put on the server (`upload`), which tool's form it has and whether
//! the answer fits (`usage`), or whether its path has a name that others gave their shells (`probe`). A lane's memory knows which scripts were
//! put where, also by a database or as a file (`planted`); the board makes an event of one source's dealings with one path of one server, and of its search on a server.

mod answer;
mod asked;
mod board;
mod cipher;
mod dealing;
mod encoding;
mod judge;
mod memory;
mod name;
mod planted;
mod probe;
mod quoted;
mod record;
mod refusal;
mod script;
mod shell;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod testing;
mod upload;
mod usage;

pub use asked::Room;
pub use board::WebshellBoard;
pub use dealing::WebshellDetail;
pub use judge::{Finding, Stage, judge};
pub use memory::WebshellMemory;
pub use record::WebshellTally;
pub use shell::Shell;
pub use usage::Sure;
