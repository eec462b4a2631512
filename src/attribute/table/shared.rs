//! A table that all share, made while others do what needs no countries yet.

use std::ops::Deref;
use std::sync::{Arc, LazyLock};
use std::thread;

use super::GeoTable;

type Build = Box<dyn FnOnce() -> GeoTable + Send>;

/// A table that may still be in the making: whoever needs it first waits for it.
#[derive(Clone)]
pub struct SharedTable(Arc<LazyLock<GeoTable, Build>>);

impl SharedTable {
    /// Makes a table in a thread of its own, which is half of what a short run takes to start. Without a thread to be had, whoever needs the
    /// table makes it.
    pub fn in_background(build: impl FnOnce() -> GeoTable + Send + 'static) -> Self {
        let table = SharedTable(Arc::new(LazyLock::new(Box::new(build))));
        let making = table.clone();
        let _ = thread::Builder::new().name("countries".into()).spawn(move || {
            LazyLock::force(&making.0);
        });
        table
    }
}

impl From<GeoTable> for SharedTable {
    fn from(table: GeoTable) -> Self {
        SharedTable(Arc::new(LazyLock::new(Box::new(move || table))))
    }
}

impl Deref for SharedTable {
    type Target = GeoTable;

    #[inline]
    fn deref(&self) -> &GeoTable {
        &self.0
    }
}
