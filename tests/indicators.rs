//! Lists of indicators as a user meets them: read, checked, asked, and named in the run record.

mod support {
    pub mod border;
    pub mod program;
    pub mod records;
}

use std::fs;
use std::path::{Path, PathBuf};

use support::border::border;
use support::program::wherefrom;
use support::records::records;

const FEODO: &str = "# Feodo Tracker\n# Last updated: 2026-11-23 15:59:41 (UTC)\n\"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\",\"last_online\",\"malware\"\n\
                     \"2026-11-03 15:25:50\",\"113.20.99.190\",\"443\",\"online\",\"2026-11-22\",\"Fam\"\n\"2026-11-03 15:25:50\",\"nowhere\",\"443\",\"online\",\"\",\"Fam\"\n";

fn written(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = wherefrom(arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn check_shows_form_size_age_and_what_was_not_understood() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), "feodo.csv", FEODO);
    let (code, shown, said) = run(&["indicators", "check", folder.path().to_str().unwrap()]);
    assert_eq!((code, said.as_str()), (Some(0), ""));
    for words in [
        "feodo.csv: feodo, 1 entries (address 1)",
        "written 2026-11-23, latest entry 2026-11-22",
        "not understood 1",
        "line 5: no IP address",
    ] {
        assert!(shown.contains(words), "{words:?} is not in: {shown}");
    }
}

#[test]
fn lookup_says_which_lists_have_a_value() {
    let folder = tempfile::tempdir().unwrap();
    let list = written(folder.path(), "feodo.csv", FEODO);
    let eicar = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f";
    let (code, shown, _) =
        run(&["indicators", "lookup", "--indicators", list.to_str().unwrap(), "113.20.99.190", "1.2.3.4", "8.8.8.8", eicar]);
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[0], "113.20.99.190: feodo.csv, address, controller, port 443, Fam, from 2026-10-27 until 2026-12-23, feodo.csv:4");
    assert_eq!(lines[1], "1.2.3.4: on no list");
    assert_eq!(lines[2..4], ["8.8.8.8: known good, a resolver: never a controller", "8.8.8.8: on no list"]);
    assert!(lines[4].contains("EICAR-Test-File") && lines[4].contains("always"), "{shown}");
    assert_eq!(run(&["indicators", "lookup", "what?"]).0, Some(2));
}

#[test]
fn the_run_record_names_each_list() {
    let folder = tempfile::tempdir().unwrap();
    let list = written(folder.path(), "feodo.csv", FEODO);
    let output = wherefrom(["read", "--json", "--limit", "1", "--indicators", list.to_str().unwrap(), border().to_str().unwrap()]);
    let lists = records(&output.stdout)[0]["lists"].as_array().unwrap().clone();
    let kinds: Vec<&str> = lists.iter().map(|list| list["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["research-scanners", "known-good", "feodo"]);
    assert_eq!((&lists[2]["name"], &lists[2]["entries"], &lists[2]["refused"]), (&"feodo.csv".into(), &1.into(), &1.into()));
    assert_eq!(lists[2]["date"], "2026-11-23");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("feodo.csv") && said.contains("line 5"), "{said}");
}

#[test]
fn a_list_that_cannot_be_read_ends_the_run_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let page = written(folder.path(), "page.csv", "<html>\n");
    let zip = written(folder.path(), "lists.zip", "PK\x03\x04rest");
    fs::create_dir(folder.path().join("empty")).unwrap();
    for (path, words) in [
        (page, "line 1"),
        (zip, "ZIP archive"),
        (folder.path().join("empty"), "a folder without lists"),
        (folder.path().join("nowhere.txt"), "No such file"),
    ] {
        let (code, shown, said) = run(&["read", "--indicators", path.to_str().unwrap(), border().to_str().unwrap()]);
        assert_eq!((code, shown.as_str()), (Some(2), ""), "{said}");
        assert!(said.contains(words) && said.contains(path.file_name().unwrap().to_str().unwrap()), "{said}");
    }
    let wrong = written(folder.path(), "good.toml", "name = 5\n");
    let (code, _, said) = run(&["read", "--known-good", wrong.to_str().unwrap(), border().to_str().unwrap()]);
    assert!(code == Some(2) && said.contains("good.toml"), "{said}");
}
