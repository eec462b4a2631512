//! Function tables: code, how far it goes, and the name to print.

use super::protocol::Intent;

/// A function table's line: code, how far it goes, and the name to print.
pub type Line = (u32, Intent, &'static str);

/// The line of a code, if the table has one.
pub fn find(table: &'static [Line], code: u32) -> Option<(Intent, &'static str)> {
    table.iter().find(|line| line.0 == code).map(|line| (line.1, line.2))
}

/// The line of a code. A code that no table has is a read without a name: its number is printed, it is never dropped.
pub fn grade(table: &'static [Line], code: u32) -> (Intent, &'static str) {
    find(table, code).unwrap_or((Intent::Read, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[Line] = &[(1, Intent::Identify, "status"), (5, Intent::Write, "write")];

    #[test]
    fn what_no_table_has_is_a_read_without_a_name() {
        assert_eq!((find(TABLE, 5), find(TABLE, 6)), (Some((Intent::Write, "write")), None));
        assert_eq!((grade(TABLE, 1), grade(TABLE, 6)), ((Intent::Identify, "status"), (Intent::Read, "")));
    }
}
