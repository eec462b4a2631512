//! Whole conversations of tools, and of ordinary programs that look like them, through the program as a user runs it: what each comes to. Each
//! has hosts of its own, and no name or address decides anything.

#[path = "../support"]
mod support {
    pub mod program;
    pub mod records;
    pub mod talk;
}

mod channels;
mod droppers;
mod injections;
mod messages;
mod ordinary;
mod shells;
mod stores;
mod table;
mod uses;
