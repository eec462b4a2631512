//! Lists as they are written, and what is found in them.

use super::*;
use std::io::Write;

/// A second of 2026-11-23, 16:00 UTC.
const NOW_S: u32 = 1_795_449_600;
const DAY_S: u32 = 86_400;

pub(super) fn load(lists: &[(&str, &str)]) -> Indicators {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = lists
        .iter()
        .map(|(name, text)| {
            let path = folder.path().join(name);
            std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
            path
        })
        .collect();
    Indicators::load(&paths, &Settings::default(), KnownGood::embedded()).unwrap()
}

fn addr(text: &str) -> Addr {
    text.parse().unwrap()
}

#[test]
fn the_test_file_is_known_without_a_list() {
    let known = Indicators::none();
    let hit = known.digests(&[0x44; 16]).next();
    assert_eq!(hit, None);
    let md5 = [0x44, 0xd8, 0x86, 0x12, 0xfe, 0xa8, 0xa8, 0xf3, 0x6d, 0xe8, 0x2e, 0x12, 0x78, 0xab, 0xb0, 0x2f];
    let hit = known.md5(&md5, NOW_S).unwrap();
    assert_eq!((hit.usage, known.family(&hit), known.list(&hit).name.as_str()), (Usage::Sample, Some("EICAR-Test-File"), "built-in"));
    assert!(known.lists().is_empty());
    assert_eq!(known.ja3(&md5, NOW_S), None);
}

#[test]
fn plain_lists_of_every_kind() {
    let text = "# mixed\n1.2.3.4\n5.6.7.8:443\n10.20.0.0/14\n2001:db8:7::/48\nEvil.Example # with a note\nhttp://a.example:80/x\n0.0.0.0 hosts.example\n\
                9.9.8.0/24 ; SBL1\nab12ab12ab12ab12ab12ab12ab12ab12\n";
    let known = load(&[("mixed.txt", text)]);
    assert_eq!((known.lists()[0].len(), known.lists()[0].refused), (9, 0));
    assert!(known.address(addr("1.2.3.4"), 1, NOW_S).is_some());
    assert!(known.address(addr("1.2.3.5"), 1, NOW_S).is_none());
    assert!(known.address(addr("5.6.7.8"), 443, NOW_S).is_some_and(|hit| hit.port == Some(443)));
    assert!(known.address(addr("5.6.7.8"), 444, NOW_S).is_none());
    for (text, expected) in [("10.20.0.0", true), ("10.23.255.255", true), ("10.24.0.0", false), ("9.9.8.7", true), ("9.9.9.7", false)] {
        assert_eq!(known.address(addr(text), 1, NOW_S).is_some_and(|hit| hit.kind == Kind::Network), expected, "{text}");
    }
    assert!(known.address(addr("2001:db8:7:1::9"), 1, NOW_S).is_some_and(|hit| hit.extent == 48));
    assert!(known.address(addr("2001:db8:8::"), 1, NOW_S).is_none());
    assert!(known.domain(b"EVIL.example.", NOW_S).is_some() && known.domain(b"hosts.example", NOW_S).is_some());
    assert!(known.url(b"HTTP://A.example/x#y", NOW_S).is_some() && known.url(b"http://a.example/y", NOW_S).is_none());
    let digest = [0xab, 0x12].repeat(8).try_into().unwrap();
    assert!(known.md5(&digest, NOW_S).is_some() && known.ja3(&digest, NOW_S).is_some());
}

#[test]
fn a_listed_name_stands_for_those_below_it_unless_it_is_a_public_suffix() {
    let known = load(&[("names.txt", "evil.example.org\nco.uk\n")]);
    let listed = |name: &str| known.domain(name.as_bytes(), NOW_S).map(|hit| hit.extent);
    assert_eq!(listed("evil.example.org"), Some(16));
    assert_eq!(listed("a.b.evil.example.org"), Some(16));
    assert_eq!(listed("notevil.example.org"), None);
    assert_eq!(listed("example.org"), None);
    assert_eq!(listed("evil.example.org.other.test"), None);
    assert_eq!((listed("co.uk"), listed("good.co.uk")), (Some(5), None));
}

#[test]
fn the_exports_of_abuse_ch_are_read_by_the_names_of_their_columns() {
    let feodo = "# Feodo Tracker\n# Last updated: 2026-11-23 15:59:41 (UTC)\n#\n\"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\",\"last_online\",\"malware\"\n\
                 \"2026-09-01 00:00:00\",\"14.1.1.1\",\"8000\",\"online\",\"2026-11-01\",\"Emotet\"\n";
    let urlhaus = "# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\n\
                   \"77\",\"2026-11-20 00:00:00\",\"http://1.2.3.4:8000/setup.exe\",\"online\",\"\",\"malware_download\",\"exe\",\"\",\"x\"\n";
    let threatfox = "# \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\",\"threat_type\",\"fk_malware\",\"malware_alias\",\"malware_printable\",\"last_seen_utc\",\"confidence_level\",\"is_compromised\",\"reference\",\"tags\",\"anonymous\",\"reporter\"\n\
                     \"2026-11-19 15:06:29\", \"9\", \"bad.example\", \"domain\", \"botnet_cc\", \"win.fam\", \"None\", \"Fam\", \"2026-11-23 03:00:58\", \"75\", \"True\", \"None\", \"\", \"0\", \"x\"\n\
                     \"2026-11-19 15:06:29\", \"10\", \"a@b.example\", \"envelope_from\", \"payload_delivery\", \"win.fam\", \"None\", \"Fam\", \"\", \"75\", \"False\", \"None\", \"\", \"0\", \"x\"\n";
    let sslbl = "# Listingdate,SHA1,Listingreason\n2026-10-10 10:10:10,3395856ce81f2b7382dee72602f798b642f14141,Dridex C&C\n";
    let known = load(&[("feodo.csv", feodo), ("urlhaus.csv", urlhaus), ("threatfox.csv", threatfox), ("sslbl.csv", sslbl)]);
    let formats: Vec<_> = known.lists().iter().map(|list| (list.format, list.len(), list.refused, list.unsupported)).collect();
    assert_eq!(formats, [(Format::Feodo, 1, 0, 0), (Format::Urlhaus, 1, 0, 0), (Format::Threatfox, 1, 0, 1), (Format::Sslbl, 1, 0, 0)]);

    let hit = known.address(addr("14.1.1.1"), 8000, NOW_S).unwrap();
    assert_eq!((hit.usage, known.family(&hit), known.reference(&hit)), (Usage::Controller, Some("Emotet"), "feodo.csv:5".into()));
    assert_eq!(known.address(addr("14.1.1.1"), 443, NOW_S), None);
    let hit = known.url(b"http://1.2.3.4:8000/setup.exe", NOW_S).unwrap();
    assert_eq!((hit.usage, known.reference(&hit)), (Usage::Delivery, "https://urlhaus.abuse.ch/url/77/".into()));
    let hit = known.domain(b"bad.example", NOW_S).unwrap();
    assert_eq!((hit.usage, known.family(&hit), hit.confidence, hit.compromised), (Usage::Controller, Some("Fam"), Some(75), true));
    assert_eq!(known.domain(b"below.bad.example", NOW_S), None, "a victim's name stands for itself alone");
    let mut sha1: [u8; 20] = [0; 20];
    sha1.copy_from_slice(&[
        0x33, 0x95, 0x85, 0x6c, 0xe8, 0x1f, 0x2b, 0x73, 0x82, 0xde, 0xe7, 0x26, 0x02, 0xf7, 0x98, 0xb6, 0x42, 0xf1, 0x41, 0x41,
    ]);
    let hit = known.certificate_sha1(&sha1, NOW_S).unwrap();
    assert_eq!((known.family(&hit), known.sha1(&sha1, NOW_S)), (Some("Dridex"), None));
}

#[test]
fn columns_may_stand_apart_by_semicolons_and_tabs() {
    let zeek = "#fields\tindicator\tindicator_type\tmeta.source\n1.2.3.4\tIntel::ADDR\tx\nevil.example/a.sh\tIntel::URL\tx\n9.9.8.0/24\tIntel::SUBNET\tx\n\
                c2.example\tIntel::DOMAIN\tx\nab12ab12ab12ab12ab12ab12ab12ab12\tIntel::FILE_HASH\tx\nA\tIntel::USER_NAME\tx\n";
    let sheet = "indicator;type;threat_type\n1.2.3.4;ip;botnet_cc\n\"c2.example\";domain;\"botnet_cc; old\"\n";
    let misp = "uuid,type,value,comment,to_ids\na,domain,c2.example,,1\nb,domain,good.example,,0\n";
    for (name, text, entries, refused) in [("intel.dat", zeek, 5, 1), ("sheet.csv", sheet, 2, 0), ("misp.csv", misp, 1, 1)] {
        let known = load(&[(name, text)]);
        let list = &known.lists()[0];
        assert_eq!((list.len(), list.refused + list.unsupported), (entries, refused), "{name}");
        assert!(known.domain(b"c2.example", NOW_S).is_some() && known.domain(b"good.example", NOW_S).is_none(), "{name}");
    }
}

#[test]
fn validity_is_judged_by_event_time() {
    let feodo = "\"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\",\"last_online\",\"malware\"\n\
                 \"2026-10-24 16:00:00\",\"14.1.1.1\",\"1\",\"offline\",\"2026-11-23\",\"A\"\n\
                 \"2026-11-23 16:00:00\",\"14.1.1.2\",\"1\",\"offline\",\"\",\"A\"\n\
                 \"2026-11-23 16:00:00\",\"14.1.1.3\",\"1\",\"online\",\"\",\"A\"\n";
    let known = load(&[("feodo.csv", feodo)]);
    let holds = |text: &str, event_s: u32| known.address(addr(text), 1, event_s).is_some();
    let (seen_s, last_s) = (NOW_S - 30 * DAY_S, NOW_S - 16 * 3600);
    assert!(holds("14.1.1.1", seen_s) && holds("14.1.1.1", seen_s - 7 * DAY_S) && !holds("14.1.1.1", seen_s - 7 * DAY_S - 1));
    assert!(holds("14.1.1.1", last_s + 30 * DAY_S) && !holds("14.1.1.1", last_s + 30 * DAY_S + 1));
    assert!(holds("14.1.1.2", NOW_S + 30 * DAY_S) && !holds("14.1.1.2", NOW_S + 30 * DAY_S + 1), "seen once");
    assert!(holds("14.1.1.3", NOW_S + 300 * DAY_S), "active, and nobody says when that was");
}

#[test]
fn a_digest_never_expires() {
    let bazaar = "# \"first_seen_utc\",\"sha256_hash\",\"md5_hash\",\"sha1_hash\",\"reporter\",\"file_name\",\"signature\"\n\
                  \"2020-01-01 00:00:00\", \"aa00000000000000000000000000000000000000000000000000000000000000\", \"n/a\", \"\", \"x\", \"y\", \"Fam\"\n";
    let known = load(&[("bazaar.csv", bazaar)]);
    let mut sha256 = [0; 32];
    sha256[0] = 0xaa;
    let hit = known.sha256(&sha256, NOW_S).unwrap();
    assert_eq!((hit.usage, known.family(&hit), known.lists()[0].len()), (Usage::Sample, Some("Fam"), 1));
    assert!(known.sha256(&sha256, 0).is_some() && known.sha256(&sha256, u32::MAX).is_some());
}

#[test]
fn of_several_lists_the_one_that_decides_most_is_named() {
    let known =
        load(&[("a.txt", "1.2.3.4\n1.2.3.0/24\n"), ("feodo.csv", "dst_ip,dst_port,first_seen_utc,malware\n1.2.3.4,443,2026-11-20,F\n")]);
    assert_eq!(known.list(&known.address(addr("1.2.3.4"), 443, NOW_S).unwrap()).name, "feodo.csv");
    let hit = known.address(addr("1.2.3.4"), 80, NOW_S).unwrap();
    assert_eq!((known.list(&hit).name.as_str(), hit.kind), ("a.txt", Kind::Address));
    assert_eq!(known.addresses(addr("1.2.3.4")).count(), 3);
}

#[test]
fn what_cannot_be_understood_is_counted_and_named() {
    let many = "what?\n".repeat(100);
    let known = load(&[("a.txt", &format!("1.2.3.4\n\x1b[2J\n{many}"))]);
    let list = &known.lists()[0];
    assert_eq!((list.len(), list.refused, list.refusals.len()), (1, 101, 20));
    assert_eq!((list.refusals[0].line, list.refusals[0].text.as_str()), (2, "\\x1b[2J"));
}

#[test]
fn a_file_of_nothing_understood_is_an_error_and_an_empty_list_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    std::fs::write(&path, "\n<html>\n").unwrap();
    let error = Indicators::load(std::slice::from_ref(&path), &Settings::default(), KnownGood::embedded()).err().unwrap().to_string();
    assert!(error.contains("page.html") && error.contains("line 2") && error.contains("<html>"), "{error}");
    std::fs::write(&path, "# nothing at present\n").unwrap();
    assert!(Indicators::load(&[path], &Settings::default(), KnownGood::embedded()).unwrap().lists()[0].is_empty());
}

#[test]
fn entries_that_differ_in_port_and_length_share_what_else_is_said_of_them() {
    let text: String =
        (0..2_000u32).map(|n| format!("{}:{}\n{}.example\n", Addr::v4(0x0e00_0000 + n), 1 + n, "a".repeat(1 + n as usize % 60))).collect();
    let known = load(&[("ports.txt", &text)]);
    let by_itself = Indicators::none().tags.len();
    assert_eq!(known.tags.len() - by_itself, 2, "addresses and names");
    let hit = known.address(Addr::v4(0x0e00_0000 + 1_999), 2_000, NOW_S);
    assert_eq!(hit.map(|hit| hit.port), Some(Some(2_000)));
    assert_eq!(known.domain(b"x.aa.example", NOW_S).map(|hit| hit.extent), Some(10));
}

#[test]
fn folders_are_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("deep")).unwrap();
    for (name, text) in [("b.txt", "1.2.3.4\n"), ("deep/a.txt", "1.2.3.5\n"), (".hidden", "?"), ("README.md", "?")] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    // A MISP feed's head and cache hold no indicator.
    std::fs::create_dir(folder.path().join("feed")).unwrap();
    std::fs::write(folder.path().join("feed/manifest.json"), r#"{"5f": {"Orgc": {"name": "x"}, "info": "y", "date": "2026-11-20"}}"#)
        .unwrap();
    std::fs::write(folder.path().join("feed/hashes.csv"), "44d88612fea8a8f36de82e1278abb02f,5f\n").unwrap();
    let known = Indicators::load(&[folder.path().into()], &Settings::default(), KnownGood::embedded()).unwrap();
    assert_eq!(known.lists().iter().map(|list| list.name.as_str()).collect::<Vec<_>>(), ["b.txt", "a.txt", "manifest.json"]);
}

#[test]
fn stix_bundles_are_read_as_far_as_they_compare() {
    let bundle = r#"{"type": "bundle", "id": "bundle--1", "objects": [
        {"type": "relationship", "id": "relationship--1", "relationship_type": "indicates", "source_ref": "indicator--1", "target_ref": "malware--1"},
        {"type": "indicator", "id": "indicator--1", "pattern": "[network-traffic:dst_ref.value = '14.1.1.1' AND network-traffic:dst_port = 443]",
         "pattern_type": "stix", "valid_from": "2026-11-23T00:00:00Z", "valid_until": "2026-11-24T00:00:00Z", "confidence": 85,
         "kill_chain_phases": [{"kill_chain_name": "x", "phase_name": "command-and-control"}]},
        {"type": "indicator", "id": "indicator--2", "pattern": "[domain-name:value = 'evil.example'] OR [domain-name:value LIKE '%.example']",
         "pattern_type": "stix", "valid_from": "2020-01-01T00:00:00Z"},
        {"type": "indicator", "id": "indicator--3", "pattern": "[ipv4-addr:value = '14.1.1.3']", "valid_from": "2020-01-01T00:00:00Z", "revoked": true},
        {"type": "indicator", "id": "indicator--4", "pattern": "[ipv4-addr:value = '14.1.1.999']", "valid_from": "2020-01-01T00:00:00Z"},
        {"type": "malware", "id": "malware--1", "name": "Fam", "is_family": true}]}"#;
    let known = load(&[("bundle.json", bundle)]);
    let list = &known.lists()[0];
    assert_eq!((list.format, list.len(), list.refused, list.unsupported), (Format::Stix, 2, 1, 2));
    assert_eq!(list.refusals.iter().map(|refusal| refusal.line).collect::<Vec<_>>(), [6, 7, 8]);
    let start_s = NOW_S - 16 * 3600;
    let hit = known.address(addr("14.1.1.1"), 443, start_s).unwrap();
    assert_eq!((hit.usage, hit.confidence, known.family(&hit)), (Usage::Controller, Some(85), Some("Fam")));
    assert!(known.address(addr("14.1.1.1"), 443, start_s - 1).is_none() && known.address(addr("14.1.1.1"), 443, start_s + DAY_S).is_none());
    assert!(known.address(addr("14.1.1.1"), 80, start_s).is_none());
    assert!(
        known.domain(b"evil.example", NOW_S).is_some_and(|hit| hit.until_s == u32::MAX) && known.domain(b"x.evil.example", NOW_S).is_none()
    );
    assert!(known.address(addr("14.1.1.3"), 1, NOW_S).is_none(), "revoked");
}

#[test]
fn misp_events_give_what_is_meant_for_detection() {
    let event = r#"{"Event": {"info": "x", "date": "2026-11-20", "timestamp": "1795449600",
        "Tag": [{"name": "tlp:white"}, {"name": "misp-galaxy:malpedia=\"Fam\""}],
        "Attribute": [
          {"type": "ip-dst|port", "category": "Network activity", "value": "14.1.1.1|443", "to_ids": true, "timestamp": "1795449600"},
          {"type": "ip-dst", "category": "Network activity", "value": "14.1.1.2", "to_ids": false},
          {"type": "hostname", "category": "Network activity", "value": "c2.evil.example", "to_ids": true},
          {"type": "url", "category": "Payload delivery", "value": "http://evil.example/x", "to_ids": true},
          {"type": "regkey", "category": "Persistence mechanism", "value": "HKLM", "to_ids": true}],
        "Object": [{"name": "file", "Attribute": [
          {"type": "filename|sha256", "category": "Payload delivery", "to_ids": true,
           "value": "a.exe|aa00000000000000000000000000000000000000000000000000000000000000"}]}]}}"#;
    let bare = event.strip_prefix("{\"Event\": ").unwrap().strip_suffix('}').unwrap();
    for text in [event, bare, &format!("{{\"response\": [{event}]}}"), &format!("[{event}]")] {
        let known = load(&[("event.json", text)]);
        let list = &known.lists()[0];
        assert_eq!((list.format, list.len(), list.refused, list.unsupported), (Format::Misp, 4, 0, 2), "{text}");
        let hit = known.address(addr("14.1.1.1"), 443, NOW_S).unwrap();
        assert_eq!((hit.usage, known.family(&hit)), (Usage::Controller, Some("Fam")));
        assert!(
            known.address(addr("14.1.1.1"), 443, NOW_S + 31 * DAY_S).is_none() && known.address(addr("14.1.1.2"), 443, NOW_S).is_none()
        );
        assert!(known.domain(b"c2.evil.example", NOW_S).is_some() && known.domain(b"x.c2.evil.example", NOW_S).is_none());
        assert_eq!(known.url(b"http://evil.example/x", NOW_S).unwrap().usage, Usage::Delivery);
        let mut sha256 = [0; 32];
        sha256[0] = 0xaa;
        assert_eq!(known.sha256(&sha256, NOW_S).unwrap().usage, Usage::Sample);
    }
}

#[test]
fn the_exports_of_abuse_ch_come_in_json_too() {
    let threatfox = r#"{"9": [{"ioc_value": "14.1.1.1:443", "ioc_type": "ip:port", "threat_type": "botnet_cc", "malware": "win.fam",
        "malware_printable": "Fam", "first_seen_utc": "2026-11-20 00:00:00", "last_seen_utc": null, "confidence_level": 50, "tags": null}]}"#;
    let feodo = r#"[{"ip_address": "14.1.1.2", "port": 8080, "status": "online", "hostname": "host.example", "as_number": 1,
        "country": "VN", "first_seen": "2026-11-20 00:00:00", "last_online": "2026-11-22", "malware": "Emotet"}]"#;
    let known = load(&[("threatfox.json", threatfox), ("feodo.json", feodo)]);
    assert_eq!(
        known.lists().iter().map(|list| (list.format, list.len())).collect::<Vec<_>>(),
        [(Format::Threatfox, 1), (Format::Feodo, 1)]
    );
    let hit = known.address(addr("14.1.1.1"), 443, NOW_S).unwrap();
    assert_eq!((known.family(&hit), known.reference(&hit)), (Some("Fam"), "https://threatfox.abuse.ch/ioc/9/".into()));
    let hit = known.address(addr("14.1.1.2"), 8080, NOW_S).unwrap();
    assert_eq!((hit.usage, known.family(&hit)), (Usage::Controller, Some("Emotet")));
    assert!(known.domain(b"host.example", NOW_S).is_none(), "the name of an address is not listed");
}

#[test]
fn reputation_lists_find_their_categories_wherever_they_stand() {
    let known = load(&[
        ("a.list", "# entries\n14.1.1.1,1,127\n14.1.0.0/16,2,30\nbad,line\n"),
        ("z.txt", "1,CnC,Controllers\n2,Spam,Known spam source\n"),
    ]);
    let formats: Vec<_> = known.lists().iter().map(|list| (list.name.as_str(), list.format, list.len(), list.refused)).collect();
    assert_eq!(formats, [("z.txt", Format::Categories, 0, 0), ("a.list", Format::Reputation, 2, 1)]);
    let hit = known.address(addr("14.1.1.1"), 1, NOW_S).unwrap();
    assert_eq!((hit.usage, hit.confidence), (Usage::Controller, Some(100)));
    assert_eq!(known.address(addr("14.1.9.9"), 1, NOW_S).unwrap().usage, Usage::Other);
}

#[test]
fn json_that_ends_early_is_an_error_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.json");
    std::fs::write(&path, "{\"objects\": [\n{\"type\"").unwrap();
    let error = Indicators::load(&[path], &Settings::default(), KnownGood::embedded()).err().unwrap().to_string();
    assert!(error.contains("cut.json") && error.contains("line 2"), "{error}");
}
