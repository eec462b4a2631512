//! Forms in which others write lists, with what in them is bad, and what is there and good.

use super::tests::load;
use super::*;
use proptest::prelude::*;
use std::io::Write;

/// A second of 2026-11-23, 16:00 UTC.
const NOW_S: u32 = 1_795_449_600;
const DAY_S: u32 = 86_400;

/// A list's text; its form; how many entries, how many not understood, how many not supported; what is bad; what is not.
type Case<'a> = (&'a str, Format, (u64, u64, u64), &'a [&'a str], &'a [&'a str]);

fn check(cases: &[Case]) {
    for (text, format, counts, bad, good) in cases {
        let known = load(&[("list", text)]);
        let list = &known.lists()[0];
        assert_eq!((list.format, (list.len(), list.refused, list.unsupported)), (*format, *counts), "{list}");
        for value in *bad {
            assert!(!known.lookup(value).unwrap().is_empty(), "{value} is not found in {text}");
        }
        for value in *good {
            assert!(known.lookup(value).unwrap().is_empty(), "{value} is found in {text}");
        }
    }
}

#[test]
fn resolvers_and_browsers_block_names() {
    let adblock = "[Adblock Plus 2.0]\n! Title: x.example\n||evil.example^\n||evil2.example^$all\n||14.1.1.1^\n|http://a.example/x|\n\
                   ||narrow.example^$third-party\n||path.example/ads/\n@@||good.example^\nsite.example##.ad\n/ads/*.js\nword.example\n";
    let dnsmasq = "# x\naddress=/evil.example/evil2.example/0.0.0.0\naddress=/evil3.example/\naddress=/evil4.example/#\nlocal=/evil5.example/\n\
                   server=/corp.example/10.0.0.1\nserver=/good.example/#\naddress=/printer.example/192.168.1.5\nconf-dir=/etc/dnsmasq.d\n";
    let unbound = "server:\n  local-zone: \"evil.example\" always_nxdomain\n  local-zone: \"evil2.example\" redirect\n\
                   local-data: \"evil2.example A 0.0.0.0\"\n  local-zone: \"good.example\" transparent\n  local-zone: \"corp.example.\" static\n\
                   local-data: \"host.corp.example. IN A 10.0.0.1\"\n";
    let hosts = "127.0.0.1 localhost localhost.localdomain\n::1 ip6-localhost\n255.255.255.255 broadcasthost\n0.0.0.0 0.0.0.0\n\
                 0.0.0.0 evil.example # x.example\n127.0.0.1\tevil2.example evil3.example\n192.168.1.5 printer.example\n14.1.1.1 own.example\n14.1.1.2 # x\n";
    check(&[
        (
            adblock,
            Format::Adblock,
            (4, 0, 6),
            &["evil.example", "a.evil.example", "evil2.example", "14.1.1.1", "http://a.example/x"],
            &["x.example", "narrow.example", "path.example", "good.example", "site.example", "word.example"],
        ),
        (
            dnsmasq,
            Format::Dnsmasq,
            (5, 0, 4),
            &["evil.example", "evil2.example", "evil3.example", "evil4.example", "evil5.example"],
            &["corp.example", "10.0.0.1", "good.example", "printer.example", "192.168.1.5"],
        ),
        (
            unbound,
            Format::Unbound,
            (2, 0, 3),
            &["evil.example", "evil2.example"],
            &["good.example", "corp.example", "host.corp.example", "10.0.0.1"],
        ),
        (
            hosts,
            Format::Hosts,
            (4, 0, 2),
            &["evil.example", "evil2.example", "evil3.example", "14.1.1.2"],
            &["x.example", "printer.example", "192.168.1.5", "own.example", "14.1.1.1"],
        ),
    ]);
}

#[test]
fn a_policy_zone_blocks_some_and_passes_others() {
    let zone = "$TTL 60\n$ORIGIN rpz.test.\n@ IN SOA localhost. root.localhost. (\n 1 ; serial\n 3600 600 86400 60 )\n  IN NS localhost.\n\
                evil.example CNAME .\n*.evil.example CNAME .\nevil2.example.rpz.test. 60 IN CNAME *.\nevil3.example IN A 127.0.0.1\n  IN AAAA ::1\n\
                32.1.1.1.14.rpz-ip CNAME .\n24.0.2.1.14.rpz-ip CNAME rpz-drop.\n128.1.zz.db8.2001.rpz-ip CNAME .\n\
                good.example CNAME rpz-passthru.\nsearch.example CNAME safe.search.example.\nhost.example A 10.0.0.1\n\
                32.9.9.9.14.rpz-client-ip CNAME .\nns.example.rpz-nsdname CNAME .\n";
    check(&[(
        zone,
        Format::Rpz,
        (8, 0, 5),
        &["evil.example", "a.evil.example", "evil2.example", "evil3.example", "14.1.1.1", "14.1.2.9", "2001:db8::1"],
        &["a.evil2.example", "good.example", "search.example", "host.example", "10.0.0.1", "14.9.9.9", "ns.example"],
    )]);
    // What any zone has says nobody is bad.
    check(&[(
        "$ORIGIN own.example.\nwww IN A 14.1.1.1\nmail CNAME www.own.example.\n",
        Format::Rpz,
        (0, 0, 2),
        &[],
        &["14.1.1.1", "www.own.example"],
    )]);
}

#[test]
fn firewalls_turn_some_away_and_let_others_through() {
    let ipset = "create bad hash:net family inet\nadd bad 14.1.1.1 timeout 300 comment \"x y\"\nadd bad 14.1.2.0/24\nadd bad 14.1.2.7 nomatch\n\
                 add ports 14.1.4.1,tcp:443\nadd runs 14.1.3.1-14.1.3.2\nadd allowlist 14.9.9.9\nadd untrusted 14.1.5.1\nadd pairs 14.8.8.8,14.7.7.7\nadd bad 10.0.0.0/8\n";
    let iptables = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 14.1.1.1/32 -m comment --comment \"a b\" -j DROP\n-A OUTPUT -d 14.1.2.0/24 -j REJECT --reject-with icmp-host-prohibited\n\
                    -A INPUT -s 14.9.9.9/32 -j ACCEPT\n-A INPUT -s 14.9.9.8/32 -p tcp --dport 22 -j DROP\n-A INPUT ! -s 14.9.9.7/32 -j DROP\n\
                    -A INPUT -s 192.168.0.0/16 -j DROP\nCOMMIT\n";
    let nft = "table inet filter {\n set bad {\n type ipv4_addr\n flags interval\n elements = { 14.1.1.1, 14.1.2.0/24,\n 14.1.3.1-14.1.3.2 timeout 1h }\n }\n\
               set trusted { type ipv4_addr; }\n set ours {\n type ipv4_addr\n elements = { 14.9.9.9 }\n }\n set both {\n elements = { 14.1.4.1 . 443 }\n }\n\
               chain in {\n ip saddr @bad counter drop\n ip saddr @ours accept\n ip saddr 14.9.9.8 accept\n ip saddr 14.1.5.1 counter packets 0 bytes 0 drop\n\
               ip saddr 14.9.9.7 tcp dport 22 drop\n ip saddr != 14.9.9.6 drop\n }\n}\nadd element inet filter bad { 14.1.6.1 }\n";
    check(&[
        (
            ipset,
            Format::Ipset,
            (6, 0, 4),
            &["14.1.5.1", "14.1.1.1", "14.1.2.9", "14.1.4.1", "14.1.3.2"],
            &["14.9.9.9", "14.8.8.8", "14.7.7.7", "10.1.1.1"],
        ),
        (iptables, Format::Iptables, (2, 0, 4), &["14.1.1.1", "14.1.2.9"], &["14.9.9.9", "14.9.9.8", "14.9.9.7", "192.168.1.1"]),
        (
            nft,
            Format::Nftables,
            (7, 0, 4),
            &["14.1.1.1", "14.1.2.9", "14.1.3.2", "14.1.4.1", "14.1.5.1", "14.1.6.1"],
            &["14.9.9.9", "14.9.9.8", "14.9.9.7", "14.9.9.6"],
        ),
    ]);
    let known = load(&[("ports.save", ipset)]);
    let addr = "14.1.4.1".parse().unwrap();
    assert!(known.address(addr, 443, NOW_S).is_some() && known.address(addr, 80, NOW_S).is_none());
}

#[test]
fn values_come_in_many_notations() {
    let runs = "14.1.1.1-14.1.1.3\n14.1.3.0 - 14.1.3.255 # x\n14.1.4.0 255.255.255.0\n14.1.5.0/255.255.255.0\nSome, org:14.1.6.0-14.1.6.1\n!14.9.9.9\n10.0.0.0/8\n";
    let rows = "14.1.1.1, 14.1.1.2, 14.1.1.3\nevil.example;botnet;2026-11-20\n14.1.1.4|443\na.exe|44d88612fea8a8f36de82e1278abb02e\n\
                evil2.example|14.1.1.5\n- evil3.example\nevil4.example,report.zip\n14.1.1.6\tnote.example\n";
    let alone = "domain\r\nevil.example\r\n";
    check(&[
        (
            runs,
            Format::Plain,
            (6, 0, 2),
            &["14.1.1.1", "14.1.1.3", "14.1.3.200", "14.1.4.9", "14.1.5.9", "14.1.6.1"],
            &["14.9.9.9", "14.1.1.4", "14.1.6.2", "10.1.1.1"],
        ),
        (
            rows,
            Format::Plain,
            (11, 0, 0),
            &[
                "14.1.1.2",
                "14.1.1.3",
                "evil.example",
                "14.1.1.4",
                "44d88612fea8a8f36de82e1278abb02e",
                "evil2.example",
                "14.1.1.5",
                "evil3.example",
                "evil4.example",
            ],
            &["report.zip", "note.example"],
        ),
        (alone, Format::Plain, (1, 0, 0), &["evil.example"], &[]),
        ("# My whitelist\ngood.example\n", Format::Plain, (0, 0, 1), &[], &["good.example"]),
        ("# What is on the whitelist has been removed\nevil.example\n", Format::Plain, (1, 0, 0), &["evil.example"], &[]),
    ]);
}

#[test]
fn columns_of_others_are_read_and_their_verdicts_heeded() {
    let verdicts =
        "indicator,type,verdict,confidence\n14.1.1.1,ip,malicious,high\n14.9.9.9,ip,benign,high\ngood.example,domain,Whitelisted,90\n";
    let otx = "Indicator type,Indicator,Description\r\nIPv4,14.1.1.1,\r\nFileHash-MD5,AB12AB12AB12AB12AB12AB12AB12AB12,\r\nCIDR,14.1.2.0/24,\r\nCVE,CVE-2020-1,\r\n";
    let misp = "type,value,to_ids\nip-dst|port,14.1.1.1|443,1\nfilename|md5,a.exe|ab12ab12ab12ab12ab12ab12ab12ab12,1\nip-dst,14.9.9.9,0\n";
    let defender = "IndicatorType,IndicatorValue,ExpirationTime,Action\nIpAddress,14.1.1.1,2026-12-20T00:00:00Z,Block\nDomainName,good.example,,Allowed\n";
    let dshield = "# updated: 2026-11-20\nStart\tEnd\tNetmask\tAttacks\n14.1.2.0\t14.1.2.255\t24\t3000\n";
    let sheet = "sep=;\r\nindicator;type\r\n14.1.1.1;ip\r\n";
    let words = "#ip,ioc\n14.1.1.1,Possible C2\n";
    check(&[
        (verdicts, Format::Csv, (1, 0, 2), &["14.1.1.1"], &["14.9.9.9", "good.example"]),
        (otx, Format::Csv, (3, 0, 1), &["14.1.1.1", "14.1.2.9", "ab12ab12ab12ab12ab12ab12ab12ab12"], &[]),
        (misp, Format::Csv, (2, 0, 1), &["14.1.1.1", "ab12ab12ab12ab12ab12ab12ab12ab12"], &["14.9.9.9"]),
        (defender, Format::Csv, (1, 0, 1), &["14.1.1.1"], &["good.example"]),
        (dshield, Format::Csv, (1, 0, 0), &["14.1.2.9"], &[]),
        (sheet, Format::Csv, (1, 0, 0), &["14.1.1.1"], &[]),
        (words, Format::Csv, (1, 0, 0), &["14.1.1.1"], &[]),
    ]);
    let known = load(&[("list", misp)]);
    let addr = "14.1.1.1".parse().unwrap();
    assert!(known.address(addr, 443, NOW_S).is_some() && known.address(addr, 80, NOW_S).is_none());
    let hit = load(&[("list", verdicts)]).address(addr, 1, NOW_S).unwrap();
    assert_eq!(hit.confidence, Some(85));
}

#[test]
fn whose_list_it_is_is_told_by_what_only_they_say() {
    // Neither says that the address is a controller.
    for text in [
        "\"ip\";\"port\";\"first_seen\"\n\"14.1.1.1\";\"443\";\"20.11.2026\"\n",
        "ip,first_seen,last_seen\n14.1.1.1,2026-11-20,2026/11/21\n",
    ] {
        let known = load(&[("list", text)]);
        let hit = known.address("14.1.1.1".parse().unwrap(), 443, NOW_S).unwrap();
        assert_eq!((known.lists()[0].format, hit.usage), (Format::Csv, Usage::Unspecified), "{text}");
    }
    let sslbl = load(&[("list", "# Firstseen,DstIP,DstPort\n2026-11-20 00:00:00,14.1.1.1,443\n")]);
    assert_eq!(
        (sslbl.lists()[0].format, sslbl.address("14.1.1.1".parse().unwrap(), 443, NOW_S).unwrap().usage),
        (Format::Sslbl, Usage::Controller)
    );
}

#[test]
fn columns_of_validity_go_before_what_was_seen() {
    let text =
        "ip,first_seen,valid_from,valid_until\n14.1.1.1,2020-01-01,23.11.2026,\"Tue, 24 Nov 2026 00:00:00 GMT\"\n14.1.1.2,2020-01-01,,\n";
    let known = load(&[("list", text)]);
    let holds = |addr: &str, event_s: u32| known.address(addr.parse().unwrap(), 1, event_s).is_some();
    let start_s = NOW_S - 16 * 3600;
    assert!(
        !holds("14.1.1.1", start_s - 1)
            && holds("14.1.1.1", start_s)
            && holds("14.1.1.1", start_s + DAY_S - 1)
            && !holds("14.1.1.1", start_s + DAY_S)
    );
    assert!(!holds("14.1.1.2", NOW_S), "seen long ago");
}

#[test]
fn json_has_an_object_a_line_or_one_text_of_any_shape() {
    let threatfox = "{\"ioc\":\"14.1.1.1:443\",\"ioc_type\":\"ip:port\",\"threat_type\":\"botnet_cc\",\"malware_printable\":\"Fam\"}\r\n\r\n{bad\r\n\
                     {\"ioc\":\"evil.example\",\"ioc_type\":\"domain\",\"threat_type\":\"botnet_cc\"}\r\n";
    let drop =
        "{\"cidr\":\"14.1.2.0/24\",\"sblid\":\"SBL1\",\"rir\":\"apnic\"}\n{\"type\":\"metadata\",\"timestamp\":1795449600,\"records\":1}\n";
    let asn_drop = "{\"asn\":245,\"rir\":\"arin\",\"domain\":\"isp.example\",\"asname\":\"X\"}\n{\"type\":\"metadata\",\"timestamp\":1}\n";
    let misp = "{\"type\":\"ip-dst\",\"value\":\"14.1.1.1\",\"to_ids\":true,\"category\":\"x\"}\n{\"type\":\"domain\",\"value\":\"good.example\",\"to_ids\":false,\"category\":\"x\"}\n";
    let stix = "{\"type\":\"indicator\",\"id\":\"indicator--1\",\"pattern\":\"[ipv4-addr:value = '14.1.1.1']\",\"valid_from\":\"2026-11-01T00:00:00Z\"}\n\
                {\"type\":\"indicator\",\"id\":\"indicator--2\",\"pattern\":\"[domain-name:value = 'good.example']\",\"valid_from\":\"2026-11-01T00:00:00Z\",\"revoked\":true}\n";
    let pulse = r#"{"name": "x", "malware_families": [{"display_name": "Fam"}], "references": ["https://blog.example/x"], "tags": ["good.example"],
        "indicators": [{"id": 1, "indicator": "14.1.1.1", "type": "IPv4", "is_active": 1}, {"indicator": "14.9.9.9", "type": "IPv4", "is_active": 0},
        {"indicator": "CVE-2020-1", "type": "CVE"}]}"#;
    let pulses = format!("{{\"results\": [{pulse}], \"count\": 1}}");
    let elastic =
        r#"{"threat": {"indicator": {"type": "ipv4-addr", "ip": "14.1.1.1", "confidence": "High", "reference": "https://blog.example/"}}}"#;
    let warning = r#"{"name": "good", "list": ["good.example", "14.9.9.0/24"], "type": "cidr", "matching_attributes": ["ip-src"]}"#;
    let texts = r#"{"domains": ["evil.example"], "ips": ["14.1.1.1"], "references": ["https://blog.example/x"]}"#;
    let two = "{\n\"indicator\": \"14.1.1.1\", \"type\": \"ip\"}\n{\n\"indicator\": \"evil.example\", \"type\": \"domain\"}\n";
    let deep = r#"{"meta": {"x": [1]}, "data": {"items": [{"ipAddress": "14.1.1.1", "abuseConfidenceScore": 90}]}}"#;
    let good: &[&str] = &["good.example", "14.9.9.9", "https://blog.example/x", "blog.example", "isp.example"];
    check(&[
        (threatfox, Format::Threatfox, (2, 1, 0), &["14.1.1.1", "evil.example"], good),
        (drop, Format::Csv, (1, 0, 0), &["14.1.2.9"], good),
        (asn_drop, Format::Plain, (0, 0, 1), &[], good),
        (misp, Format::Misp, (1, 0, 1), &["14.1.1.1"], good),
        (stix, Format::Stix, (1, 0, 1), &["14.1.1.1"], good),
        (pulse, Format::Otx, (1, 0, 2), &["14.1.1.1"], good),
        (&pulses, Format::Otx, (1, 0, 2), &["14.1.1.1"], good),
        (elastic, Format::Csv, (1, 0, 0), &["14.1.1.1"], good),
        (warning, Format::Plain, (0, 0, 1), &[], good),
        (texts, Format::Plain, (2, 0, 0), &["14.1.1.1", "evil.example"], good),
        ("[\"14.1.1.1\", \"evil.example\"]", Format::Plain, (2, 0, 0), &["14.1.1.1", "evil.example"], good),
        (two, Format::Csv, (2, 0, 0), &["14.1.1.1", "evil.example"], good),
        (deep, Format::Csv, (1, 0, 0), &["14.1.1.1"], good),
    ]);
    let known = load(&[("list", pulse)]);
    let hit = known.address("14.1.1.1".parse().unwrap(), 1, NOW_S).unwrap();
    assert_eq!(known.family(&hit), Some("Fam"));
    assert_eq!(load(&[("list", drop)]).lists()[0].written_s, Some(1_795_449_600));
    assert_eq!(load(&[("list", threatfox)]).lists()[0].refusals[0].line, 3);
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn load_bytes(bytes: &[u8]) -> Result<Indicators, IndicatorError> {
    Indicators::from_bytes("lists.zip", bytes, &Settings::default())
}

#[test]
fn each_file_of_an_archive_is_a_list() {
    let known = load_bytes(&zipped(&[("a/full.csv", b"indicator,type\r\n14.1.1.1,ip\r\n"), ("b.txt", b"evil.example\n")])).unwrap();
    let lists: Vec<_> = known.lists().iter().map(|list| (list.name.as_str(), list.format, list.len())).collect();
    assert_eq!(lists, [("lists.zip:full.csv", Format::Csv, 1), ("lists.zip:b.txt", Format::Plain, 1)]);
    assert_eq!(known.lists()[0].sha256, known.lists()[1].sha256);
    assert!(!known.lookup("evil.example").unwrap().is_empty());
}

#[test]
fn an_archive_that_is_no_list_is_refused() {
    let error = |bytes: &[u8]| load_bytes(bytes).err().unwrap().to_string();
    assert!(error(&zipped(&[])).contains("no file is in it"));
    let bomb = zipped(&[("a.txt", &vec![b'\n'; 64 << 20])]);
    assert!(error(&bomb).contains("more comes out"), "{}", error(&bomb));
    let many: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b"1.2.3.4"[..])).collect();
    assert!(error(&zipped(&many)).contains("at most 256"));
    let within = zipped(&[("b.zip", &zipped(&[("a.txt", b"1.2.3.4")]))]);
    assert!(error(&within).contains("packed again"));
    let mut encrypted = zipped(&[("a.txt", b"1.2.3.4")]);
    // The general purpose flag's first bit, in the header of the file and in the directory (APPNOTE.TXT section 4.4.4).
    let directory = encrypted.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    encrypted[6] |= 1;
    encrypted[directory + 8] |= 1;
    assert!(error(&encrypted).contains("encrypted"), "{}", error(&encrypted));
    let whole = zipped(&[("a.txt", b"1.2.3.4")]);
    for bytes in 4..whole.len() {
        assert!(load_bytes(&whole[..bytes]).is_err());
    }
}

#[test]
fn what_is_known_and_not_read_is_named() {
    for (text, words) in [
        ("<?xml version=\"1.0\"?>\n<stix:STIX_Package xmlns:stix=\"http://stix.mitre.org/stix-1\">", "STIX 1"),
        ("<ioc xmlns=\"http://schemas.mandiant.com/2010/ioc\">", "OpenIOC"),
        ("%PDF-1.7\n1.2.3.4\n", "a PDF"),
    ] {
        let error = load_bytes(text.as_bytes()).err().unwrap().to_string();
        assert!(error.contains(words), "{error}");
    }
}

/// Pieces of every form.
const PIECES: [&str; 40] = [
    "||",
    "@@",
    "^",
    "$all",
    "!",
    "[Adblock",
    "address=/",
    "server=/",
    "/0.0.0.0",
    "local-zone: \"",
    "\" always_null",
    "server:",
    "$ORIGIN ",
    "$TTL",
    " CNAME ",
    ".rpz-ip",
    "*.",
    "(",
    ")",
    "create ",
    "add ",
    " hash:net",
    "*filter",
    "-A INPUT -s ",
    " -j DROP",
    "--comment \"",
    "table ",
    "set ",
    "elements = {",
    "}",
    "ip saddr ",
    "add element ",
    "14.1.1.1",
    "-",
    "/24",
    "evil.example",
    ",",
    "|",
    "{\"",
    "\":\"",
];

proptest! {
    #[test]
    fn any_pieces_are_read_or_refused(pieces in prop::collection::vec((0..PIECES.len(), prop_oneof![Just(""), Just(" "), Just("\n"), Just("/")]), 0..40)) {
        let text: String = pieces.iter().flat_map(|&(piece, behind)| [PIECES[piece], behind]).collect();
        let _ = load_bytes(text.as_bytes()).map(|known| known.lists()[0].to_string());
    }

    #[test]
    fn an_archive_with_any_byte_changed_is_read_or_refused(place: prop::sample::Index, byte: u8) {
        let mut bytes = zipped(&[("a.txt", b"1.2.3.4\n"), ("b.csv", b"indicator,type\n1.2.3.4,ip\n")]);
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let _ = load_bytes(&bytes);
    }
}

#[test]
fn rules_of_intrusion_detection_name_addresses_names_and_urls() {
    let certificate = "aa:".repeat(19) + "aa";
    let rules = format!(
        "# Feodo Tracker\n\
         alert tcp $HOME_NET any -> [14.1.1.1] 443 (msg:\"C&C\"; threshold: type limit, track by_src; sid:1;)\n\
         alert ip [14.1.2.1,14.1.3.0/24] any -> $HOME_NET any (msg:\"ET CnC; group 1\"; sid:2;)\n\
         alert dns $HOME_NET any -> any any (msg:\"x\"; dns.query; content:\".evil.example\"; nocase; bsize:13; sid:3;)\n\
         alert tls any any -> any any (tls_sni; content:\"evil2|2e|example\"; isdataat:!1,relative; sid:4;)\n\
         alert http any any -> any any (content:\"GET\"; http_method; content:\"/a.sh\"; http_uri; depth:5; content:\"14.1.4.1\"; http_host; sid:5;)\n\
         alert http any any -> any any (http.method; content:\"GET\"; http.uri; content:\"/b\"; http.host; content:\"evil3.example\"; sid:6;)\n\
         alert tls any any -> any any (tls.fingerprint:\"{certificate}\"; sid:7;)\n\
         alert tls any any -> any any (ja3.hash; content:\"{}\"; sid:8;)\n\
         alert tcp 14.9.9.9 any -> any 80 (content:\"x\"; sid:9;)\n\
         alert http any any -> any any (http.uri; content:\"part\"; http.host; content:\"good.example\"; sid:10;)\n\
         alert dns any any -> any any (dns.query; content:!\"good2.example\"; sid:11;)\n\
         pass ip 14.9.9.8 any <> any any (sid:12;)\n\
         alert ip ![14.9.9.7] any -> any any (sid:13;)\n",
        "b".repeat(32)
    );
    check(&[(
        &rules,
        Format::Suricata,
        (9, 0, 5),
        &["14.1.1.1", "14.1.2.1", "14.1.3.7", "a.evil.example", "evil2.example", "http://14.1.4.1/a.sh", "http://evil3.example/b"],
        &["14.9.9.9", "good.example", "good2.example", "14.9.9.8", "14.9.9.7", "14.1.4.1", "evil3.example"],
    )]);
    let known = load(&[("feodo.rules", &rules)]);
    let addr = "14.1.1.1".parse().unwrap();
    assert!(known.address(addr, 443, NOW_S).is_some() && known.address(addr, 80, NOW_S).is_none());
}
