//! Lists of lines: bare values, columns under the heads that publishers give them, and what resolvers and firewalls load. No bytes make a panic, neither while they are read nor when they are asked for.

#![no_main]

mod support;

use libfuzzer_sys::fuzz_target;

/// Heads, after which come rows of the fuzzer's.
const HEADS: [&str; 14] = [
    "",
    "# Last updated: 2026-11-23 15:59:41 (UTC)\n",
    "# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\n",
    "\"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\",\"last_online\",\"malware\"\n",
    "# \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\",\"threat_type\",\"malware_printable\",\"last_seen_utc\",\"confidence_level\",\"is_compromised\"\n",
    "# \"first_seen_utc\",\"sha256_hash\",\"md5_hash\",\"sha1_hash\",\"signature\"\n",
    "# Listingdate,SHA1,Listingreason\n",
    "||evil.example^\n",
    "address=/evil.example/0.0.0.0\n",
    "server:\n",
    "$ORIGIN rpz.test.\n",
    "create bad hash:net\n",
    "*filter\n",
    "table inet filter {\nset bad {\nelements = {",
];

fuzz_target!(|input: (u8, &[u8])| {
    let (head, rows) = input;
    support::ask([HEADS[usize::from(head) % HEADS.len()].as_bytes(), rows].concat());
});
