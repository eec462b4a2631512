//! What the program promises to whoever types: exit codes, errors that name the thing and the place, and what is written where.

mod support {
    pub mod border;
    pub mod program;
    pub mod records;
}

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use support::border::border;
use support::program::wherefrom;
use support::records::records;
use wherefrom::source::{Files, FilesOptions, Frame, LinkType, PcapWriter};

const DONE: Option<i32> = Some(0);
const FAILED: Option<i32> = Some(1);
const USAGE: Option<i32> = Some(2);

/// Bytes of a pcap file's header, and of a record's.
const FILE_HEADER_BYTES: usize = 24;
const RECORD_HEADER_BYTES: usize = 16;

/// Runs `wherefrom read --json` with more arguments over the border's capture.
fn read(arguments: &[&str]) -> Output {
    read_file(&border(), arguments)
}

fn read_file(path: &Path, arguments: &[&str]) -> Output {
    wherefrom(["read", "--json"].iter().chain(arguments).map(OsStr::new).chain([path.as_os_str()]))
}

/// Runs the program in a folder, with something on standard input.
fn in_folder(folder: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wherefrom"));
    command.current_dir(folder).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // What is not read is not written: no reason to fail here.
    std::thread::scope(|threads| {
        threads.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().unwrap()
    })
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn text(output: &Output) -> String {
    assert_eq!(output.status.code(), DONE, "{}", said(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The run ends so and says all of these on standard error, in one line and without a panic.
fn refused(output: &Output, code: Option<i32>, words: &[&str]) {
    let said = said(output);
    assert_eq!(output.status.code(), code, "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
    assert!(said.starts_with("wherefrom: ") && said.trim_end().lines().count() == 1, "{said}");
}

fn frames(records: &[Value]) -> u64 {
    records.iter().filter_map(|record| record["frames"].as_u64()).sum()
}

/// The records without the first, which names the input.
fn answer(output: &Output) -> String {
    text(output).split_once('\n').unwrap().1.to_owned()
}

/// Writes the frames of the border's capture for which `chosen` says so, by their number.
fn write_part(path: &Path, chosen: impl Fn(usize) -> bool) {
    let mut files = Files::open(&[border()], &FilesOptions::default()).unwrap();
    let mut writer = PcapWriter::create(path, LinkType::ETHERNET).unwrap();
    let mut number = 0;
    while let Some(frame) = files.next_frame().unwrap() {
        if chosen(number) {
            writer.write(&Frame { ..frame }).unwrap();
        }
        number += 1;
    }
    writer.finish().unwrap();
}

// Exit codes and errors.

#[test]
fn a_whole_capture_ends_with_0_and_no_word_of_complaint() {
    let output = read(&[]);
    assert_eq!((output.status.code(), said(&output)), (DONE, String::new()));
}

#[test]
fn a_missing_file_is_named() {
    refused(&wherefrom(["read", "nowhere.pcap"]), FAILED, &["nowhere.pcap", "cannot be opened", "No such file"]);
}

#[test]
fn a_foreign_file_shows_its_first_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.pcap");
    fs::write(&path, "hello, world").unwrap();
    refused(&read_file(&path, &[]), FAILED, &["letter.pcap", "is not a capture file", "68 65 6c 6c"]);
}

#[test]
fn an_empty_file_and_an_empty_folder_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nothing.pcap");
    fs::write(&path, "").unwrap();
    refused(&read_file(&path, &[]), FAILED, &["nothing.pcap", "is empty"]);
    let inner = folder.path().join("hollow");
    fs::create_dir(&inner).unwrap();
    refused(&read_file(&inner, &[]), FAILED, &["hollow", "holds no capture files", ".pcapng"]);
}

#[test]
fn a_cut_file_is_counted_up_to_the_cut_and_named_with_record_and_offset() {
    let bytes = fs::read(border()).unwrap();
    let length = |at: usize| u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap()) as usize;
    let first = RECORD_HEADER_BYTES + length(FILE_HEADER_BYTES);
    let second_at = FILE_HEADER_BYTES + first;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.pcap");
    fs::write(&path, &bytes[..second_at + RECORD_HEADER_BYTES + 5]).unwrap();
    let output = read_file(&path, &[]);
    let claims = format!("claims {} bytes", length(second_at));
    refused(&output, FAILED, &["cut.pcap", "record 2", &format!("at byte {second_at}"), &claims, "1 frame was counted"]);
    assert_eq!(frames(&records(&output.stdout)), 1, "what came before is in the records");
}

#[test]
fn wrong_usage_ends_with_2() {
    for arguments in [&["read"][..], &["frobnicate"], &[], &["read", "--workers", "many", "x.pcap"], &["geo"]] {
        let output = wherefrom(arguments);
        assert_eq!(output.status.code(), USAGE, "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains("Usage:") || said(&output).contains("--help"), "{}", said(&output));
    }
}

#[test]
fn a_bad_network_is_named() {
    refused(&read(&["--home", "300.1.2.3/8"]), USAGE, &["home network '300.1.2.3/8'"]);
    refused(&read(&["--home", "10.0.0.1/8"]), USAGE, &["home network '10.0.0.1/8'", "10.0.0.0/8"]);
    refused(&read(&["--home-file", "nets.txt"]), USAGE, &["nets.txt", "No such file"]);
    refused(&read(&["--home-country", "XX"]), USAGE, &["\"XX\"", "ISO 3166-1"]);
}

#[test]
fn a_bad_setting_is_named_with_its_range() {
    refused(&read(&["--set", "scan.targets=one"]), USAGE, &["--set", "scan.targets", "2 to 1000000", "one"]);
    refused(&read(&["--set", "targets=7"]), USAGE, &["\"targets\"", "did you mean scan.targets?"]);
    refused(&read(&["--set", "scan.targets"]), USAGE, &["NAME=VALUE"]);
    refused(&read(&["--window", "0"]), USAGE, &["a window has from 1 to 86400 seconds, not 0"]);
    refused(&read(&["--workers", "1000"]), USAGE, &["workers", "not 1000"]);
}

#[test]
fn a_database_that_is_missing_or_implausible_is_an_error_and_never_a_default_country() {
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join("small.csv");
    fs::write(&small, "1.0.0.0,1.0.0.255,AU\n").unwrap();
    for output in [read(&["--geo-db", "nowhere.mmdb"]), read(&["--geo-db", small.to_str().unwrap()])] {
        assert!(output.stdout.is_empty());
        refused(&output, USAGE, &["geo database"]);
    }
    refused(&read(&["--geo-db", "nowhere.mmdb"]), USAGE, &["nowhere.mmdb", "no such file"]);
    refused(&read(&["--geo-db", small.to_str().unwrap()]), USAGE, &["small.csv", "implausibly small", "1 ranges"]);
}

#[cfg(not(feature = "yara"))]
#[test]
fn rules_are_refused_by_a_program_that_was_built_without_them() {
    refused(&read(&["read", "--yara", "rules.yar", "x.pcap"]), USAGE, &["--features yara", "--yara"]);
}

#[test]
fn an_unknown_interface_is_named_and_the_known_ones_listed() {
    refused(&wherefrom(["live", "nosuch0"]), FAILED, &["nosuch0"]);
}

/// The loopback interface under a filter that only frames of IEEE's first local experimental protocol pass, until something is told.
#[cfg(target_os = "linux")]
#[test]
fn a_window_without_a_frame_stands_where_the_clock_does() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wherefrom"));
    command.args(["live", "lo", "--json", "--window", "1", "--filter", "ether proto 0x88b5"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut told = Vec::new();
    let first = stdout.read_until(b'\n', &mut told).unwrap();
    // Before it has told anything it may not have asked to be told of signals.
    if first > 0 {
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    }
    stdout.read_to_end(&mut told).unwrap();
    let output = child.wait_with_output().unwrap();
    if said(&output).contains("no permission to capture") {
        eprintln!("skipped: {}", said(&output).trim());
        return;
    }
    assert_eq!(output.status.code(), DONE, "{}", said(&output));
    let records = records(&told);
    let window = records.iter().find(|record| record["record"] == "capture").unwrap();
    assert_eq!(window["frames"], 0);
    assert!(window["window_start"].as_str().unwrap() > "2026", "{window}");
}

#[test]
fn a_bad_filter_is_shown() {
    let output = read(&["--filter", "tcp prot 80"]);
    assert!(matches!(output.status.code(), Some(1 | 2)));
    assert!(said(&output).contains("'tcp prot 80'") && said(&output).contains("syntax error"), "{}", said(&output));
}

#[test]
fn nobody_listening_is_no_panic() {
    for arguments in [&["completions", "bash"][..], &["man"], &["config"], &["read", "--json", border().to_str().unwrap()]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wherefrom"))
            .current_dir(std::env::temp_dir())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        let code = child.wait().unwrap().code();
        assert!(matches!(code, Some(0 | 1)), "{arguments:?}: {code:?}");
    }
}

// Ways in.

#[test]
fn standard_input_gzip_and_zstd_give_the_same_answer() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = fs::read(border()).unwrap();
    let expected = answer(&read(&[]));
    assert_eq!(answer(&in_folder(folder.path(), &["read", "--json", "-"], &bytes)), expected);

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&bytes).unwrap();
    let gzip = folder.path().join("border.pcap.gz");
    fs::write(&gzip, encoder.finish().unwrap()).unwrap();
    assert_eq!(answer(&read_file(&gzip, &[])), expected);

    let zstd = folder.path().join("border.pcap.zst");
    fs::write(&zstd, zstd::encode_all(&bytes[..], 1).unwrap()).unwrap();
    assert_eq!(answer(&read_file(&zstd, &[])), expected);
    assert_eq!(answer(&in_folder(folder.path(), &["read", "--json", "-"], &fs::read(zstd).unwrap())), expected);
}

#[test]
fn files_and_folders_are_read_in_the_order_of_time() {
    let folder = tempfile::tempdir().unwrap();
    let expected = answer(&read(&[]));
    let (late, early): (PathBuf, PathBuf) = (folder.path().join("a-late.pcap"), folder.path().join("b-early.pcap"));
    write_part(&early, |number| number < 2_000);
    write_part(&late, |number| number >= 2_000);
    assert_eq!(answer(&read_file(folder.path(), &[])), expected, "a folder");
    assert_eq!(answer(&read_file(&early, &[late.to_str().unwrap()])), expected, "files in the wrong order");
}

#[test]
fn a_limit_ends_the_run_after_so_many_frames() {
    let output = read(&["--limit", "100"]);
    let records = records(&output.stdout);
    assert_eq!((frames(&records), &records[0]["limit"]), (100, &Value::from(100)));
}

#[test]
fn a_filter_lets_only_its_frames_through() {
    let output = read(&["--filter", "tcp port 502"]);
    let records = records(&output.stdout);
    assert_eq!(records[0]["filter"], "tcp port 502");
    let kinds: Vec<&str> = records.iter().filter_map(|record| record["event"]["action"].as_str()).collect();
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| *kind == "ics_probe"), "{kinds:?}");
    assert!((30..60).contains(&frames(&records)), "{}", frames(&records));
}

#[test]
fn home_decides_the_direction() {
    let output = read(&["--home", "192.0.2.0/24"]);
    let records = records(&output.stdout);
    assert_eq!(records[0]["home"], serde_json::json!(["192.0.2.0/24"]));
    let rows: Vec<&Value> = records.iter().filter(|record| record["record"] == "count").collect();
    assert!(!rows.is_empty() && rows.iter().all(|row| row["direction"] == "external"));
}

#[test]
fn windows_are_as_long_as_told_and_aligned() {
    let output = read(&["--window", "30"]);
    let records = records(&output.stdout);
    let windows: Vec<&str> = records.iter().filter(|r| r["record"] == "capture").filter_map(|r| r["window_start"].as_str()).collect();
    assert_eq!(windows.len(), 10);
    assert!(windows.iter().all(|start| start.ends_with(":00.000000Z") || start.ends_with(":30.000000Z")), "{windows:?}");
}

// Ways out.

#[test]
fn an_output_folder_gets_its_four_files_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("deep/results");
    text(&wherefrom(["read".as_ref(), "--output".as_ref(), into.as_os_str(), border().as_os_str()]));
    let mut names: Vec<String> = fs::read_dir(&into).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["capture.ndjson", "counts.csv", "events.ndjson", "run.json"]);

    let streamed = records(&read(&[]).stdout);
    let of_kind = |kind: &str| streamed.iter().filter(|record| record["record"] == kind).cloned().collect::<Vec<_>>();
    let file = |name: &str| records(&fs::read(into.join(name)).unwrap());
    assert_eq!(file("run.json"), of_kind("run"));
    assert_eq!(file("events.ndjson"), [of_kind("run"), of_kind("event")].concat());
    assert_eq!(file("capture.ndjson"), [of_kind("run"), of_kind("capture")].concat());
    counts_agree(&into.join("counts.csv"), &of_kind("count"));
}

/// A CSV file has the same rows as the records, under the records' names.
fn counts_agree(path: &Path, rows: &[Value]) {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let names = reader.headers().unwrap().clone();
    let lines: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(lines.len(), rows.len());
    for (line, row) in lines.iter().zip(rows) {
        for (name, got) in names.iter().zip(line) {
            let expected = match &row[name] {
                Value::Null if name == "entry" => String::new(),
                Value::Null => "false".into(), // `estimated`, which is absent where it does not hold
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(got, expected, "{name} of {row}");
        }
    }
}

#[test]
fn single_files_take_records_of_one_kind() {
    let folder = tempfile::tempdir().unwrap();
    let (events, counts) = (folder.path().join("e.ndjson"), folder.path().join("c.ndjson"));
    let streamed = read(&["--events", events.to_str().unwrap(), "--counts", counts.to_str().unwrap()]);
    let streamed = records(&streamed.stdout);
    for (path, kind) in [(events, "event"), (counts, "count")] {
        let written = records(&fs::read(path).unwrap());
        let expected: Vec<_> = streamed.iter().filter(|record| record["record"] == "run" || record["record"] == kind).cloned().collect();
        assert_eq!(written, expected, "{kind}");
    }
}

#[test]
fn an_output_that_cannot_be_made_is_named() {
    refused(&read(&["--events", "no/such/folder/events.ndjson"]), FAILED, &["no/such/folder/events.ndjson", "cannot be written"]);
}

#[test]
fn a_person_reads_tables_and_a_summary() {
    let folder = tempfile::tempdir().unwrap();
    let output = wherefrom(["read".as_ref(), "--output".as_ref(), folder.path().as_os_str(), border().as_os_str()]);
    let version = concat!("wherefrom ", env!("CARGO_PKG_VERSION"));
    insta::assert_snapshot!("terminal", text(&output).replace(version, "wherefrom VERSION"));
}

// Configuration.

#[test]
fn the_settings_in_force_are_printed_with_their_origin() {
    let shown = text(&wherefrom(["config"]));
    // The number of workers is the machine's.
    let lines = shown.lines().map(|line| if line.starts_with("workers = ") { "workers = …" } else { line });
    insta::assert_snapshot!("config", lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn what_is_printed_is_a_configuration_file() {
    let folder = tempfile::tempdir().unwrap();
    let shown = text(&wherefrom(["config", "--set", "scan.targets=7"]));
    fs::write(folder.path().join("wherefrom.toml"), &shown).unwrap();
    let again = text(&in_folder(folder.path(), &["config"], b""));
    assert!(
        again.starts_with("# from wherefrom.toml\n") && again.contains("targets = 7  # addresses, 2 to 1000000; wherefrom.toml"),
        "{again}"
    );
}

#[test]
fn a_configuration_file_is_respected_and_the_command_line_goes_first() {
    let folder = tempfile::tempdir().unwrap();
    let file = "sensor = \"edge\"\nwindow = 30\nhome = [\"10.20.0.0/16\"]\n\n[scan]\ntargets = 9\nwalk = 6\n";
    fs::write(folder.path().join("wherefrom.toml"), file).unwrap();
    let shown = text(&in_folder(folder.path(), &["config", "--set", "scan.walk=5"], b""));
    for line in [
        "sensor = \"edge\"",
        "window = 30",
        "targets = 9  # addresses, 2 to 1000000; wherefrom.toml",
        "walk = 5  # contacts, 1 to 1000; --set",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    let border = border();
    let output = in_folder(folder.path(), &["read", "--json", "--window", "120", border.to_str().unwrap()], b"");
    let run = &records(&output.stdout)[0];
    let taken = (&run["sensor"], &run["window_s"], &run["home"]);
    assert_eq!(taken, (&"edge".into(), &120.into(), &serde_json::json!(["10.20.0.0/16"])));
    assert_eq!((&run["settings"]["scan.targets"], &run["settings"]["scan.walk"]), (&9.into(), &6.into()));
}

#[test]
fn a_threshold_changes_the_answer() {
    let is_found = |arguments: &[&str]| records(&read(arguments).stdout).iter().any(|record| record["event"]["action"] == "backscatter");
    assert!(is_found(&[]) && !is_found(&["--set", "backscatter.packets=1000"]));
}

#[test]
fn a_broken_configuration_file_is_named() {
    for (file, words) in [
        ("sensor = 5\n", &["wherefrom.toml", "line 1"][..]),
        ("wndow = 30\n", &["wherefrom.toml", "\"wndow\""]),
        ("[scn]\ntargets = 9\n", &["wherefrom.toml", "\"scn.targets\"", "did you mean scan.targets?"]),
        ("[scan]\ntargets = 1\n", &["wherefrom.toml", "scan.targets", "2 to 1000000"]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("wherefrom.toml"), file).unwrap();
        let output = in_folder(folder.path(), &["config"], b"");
        assert_eq!(output.status.code(), USAGE, "{file}");
        words.iter().for_each(|word| assert!(said(&output).contains(word), "{word:?} is not in: {}", said(&output)));
    }
}

// The other commands.

#[test]
fn geo_says_country_and_trust() {
    let shown = text(&wherefrom(["geo", "8.8.8.8", "10.0.0.1", "192.0.2.1", "2001:610::1"]));
    let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(shown.starts_with("# ") && lines[0].contains(&"sha256"), "the first line names the database: {shown}");
    let rest: Vec<(&str, &str)> = lines[1..].iter().map(|words| (words[0], words[1])).collect();
    assert_eq!(rest, [("8.8.8.8", "US"), ("10.0.0.1", "ZZ"), ("192.0.2.1", "ZZ"), ("2001:610::1", "NL")]);
    assert!(lines[2].contains(&"home") && lines[3].contains(&"reserved") && lines[4].contains(&"plausible"), "{shown}");
}

#[test]
fn geo_says_it_to_programs_too() {
    let output = wherefrom(["geo", "--json", "8.8.8.8"]);
    let [line] = &records(&output.stdout)[..] else { panic!("one address, one line") };
    assert_eq!((&line["ip"], &line["country_iso_code"], &line["home"]), (&"8.8.8.8".into(), &"US".into(), &false.into()));
    refused(&wherefrom(["geo", "--json", "8.8.8"]), USAGE, &["\"8.8.8\" is not an IP address"]);
}

#[test]
fn completions_and_the_manual_are_there() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        assert!(text(&wherefrom(["completions", shell])).contains("wherefrom"), "{shell}");
    }
    let manual = text(&wherefrom(["man"]));
    assert!(manual.contains(".TH wherefrom 1") && manual.contains("Replay capture files"), "{manual}");
    assert!(manual.contains(".TH wherefrom-read 1") && manual.contains(r"\-\-home\-country"), "{manual}");
    assert!(!manual.contains("bodies"), "{manual}");
}

#[test]
fn the_version_gives_credit() {
    let shown = text(&wherefrom(["--version"]));
    assert!(shown.starts_with(concat!("wherefrom ", env!("CARGO_PKG_VERSION"))) && shown.contains("CC BY 4.0"), "{shown}");
}
