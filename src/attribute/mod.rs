//! One gets a place: from an address to a country, and how far that can be trusted.
