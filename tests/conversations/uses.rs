//! Shells in use, by tools and by hand, and what resembles their use.

use crate::messages::{answer, form, get, percent, post, request};
use crate::table::{NOTHING, Table, WEBSHELL};

const ID: &[u8] = b"uid=33(www-data) gid=33(www-data) groups=33(www-data)\n";

#[test]
fn commands_come_in_many_places_and_codes() {
    let mut table = Table::default();
    let id = answer("text/html", ID);
    for (name, sent) in [
        ("in hexadecimal", get("/x.php?c=6964")),
        ("in Referer", request("GET /x.php", "Referer: id\r\n", b"")),
        ("a call in Accept-Language", request("GET /x.php", "Accept-Language: system('id');\r\n", b"")),
        ("in a field of its own", request("GET /x.php", "X-Cmd: id\r\n", b"")),
        ("in a cookie, in base64", request("GET /x.php", "Cookie: q=aWQ%3D\r\n", b"")),
        ("the body", post("/x.php", "text/plain", b"id")),
        ("a string of JSON", post("/x.php", "application/json", br#"{"cmd":"id"}"#)),
        ("by Python behind the gateway", get("/cgi-bin/s.py?cmd=id")),
        ("behind the script's path", get("/uploads/x.php/a?c=id")),
    ] {
        table.web(name, WEBSHELL, None, &sent, &id);
    }
    let language = request("GET /list.php", "Accept-Language: id\r\n", b"");
    table.web("a language", NOTHING, None, &language, &answer("text/html", b"<html>uid=7 is a user, and gid=7 a group</html>"));
    let options = form("/s.cfm", "cmd=c%3A%5Cwindows%5Csystem32%5Ccmd.exe&opts=%2Fc+whoami");
    table.web("ColdFusion", WEBSHELL, None, &options, &answer("text/html", b"<html><pre>nt authority\\system</pre>"));
    table.check();
}

#[test]
fn pages_of_shells_and_code_that_proves_itself() {
    let mut table = Table::default();
    let told = answer("application/json", br#"{"stdout":"d3d3LWRhdGEK","cwd":"L3Zhci93d3c="}"#);
    table.web("p0wny", WEBSHELL, None, &form("/s.php?feature=shell", "cmd=uptime&cwd=%2Fvar%2Fwww"), &told);
    let sent = form("/c.php", "a=RmlsZXNNYW4%3D&c=L3Zhci93d3c%3D&alfa1=&alfa2=&alfa3=");
    table.web("Alfa", WEBSHELL, None, &sent, &answer("text/html", b"<html><title>~ ALFA TEaM Shell-v4.1-Tesla ~</title><form>"));
    let page = answer("text/html", b"<html><head><title>JspSpy Private Codz By - Ninty</title></head>");
    table.web("JspSpy", WEBSHELL, None, &form("/j.jsp", "o=vLogin&pw=ninty"), &page);
    let info = answer("text/html", b"<title>PHP 7.4.3 - phpinfo()</title><h1 class=\"p\">PHP Version 7.4.3</h1>");
    table.web("phpinfo", WEBSHELL, None, &form("/x.php", "a=phpinfo();"), &info);
    let digest = answer("text/html", b"e165421110ba03099a1c0393373c5b43");
    table.web("a digest", WEBSHELL, None, &form("/x.php", "a=echo+md5(233);"), &digest);
    // Under the keys that the tools come with, where no file is: the shell is in the server's memory.
    let behinder = form("/api/health", "3Mn1yNMtoZViV5wotQHPJm7cRWHP6PMjLILVEpbUrN5WygKtUlR1wc6m8iE0QldY");
    let back = answer("text/html", b"mAUYLzmqn5QPDkyI5lvSp0fjiBu1e7047YjfczwY6j707eSlJOR++rc2CLjN5Ka6");
    table.web("Behinder without a file", WEBSHELL, Some("behinder"), &behinder, &back);
    let godzilla = form("/", "pass=fL1tMGI4YTljMf5%2FH%2F2pfJJ9qX0HWgBZAxl8Hxw1YctaFDUjYjhh");
    let back = answer("text/html", b"11cd6a8758984163fL1tMGI4YTljMf79NDQm7r9PZzBiOA==6c37ac826a2a04bc");
    table.web("Godzilla without a file", WEBSHELL, Some("godzilla"), &godzilla, &back);

    table.web("phpinfo by itself", NOTHING, None, &get("/phpinfo.php"), &info);
    table.web("a site that makes digests", NOTHING, None, &form("/md5.php", "text=233"), &digest);
    table.web("a text about a digest", NOTHING, None, &form("/md5.php", "text=md5(233)"), &digest);
    let manual = "<h1>id</h1><pre>uid=1000(user) gid=1000(user)</pre> is what it prints on a system where a user belongs to a group of the same name and to no other one, as most are made now by the tools that come with it";
    table.web("a manual", NOTHING, None, &get("/man.php?page=id"), &answer("text/html", manual.as_bytes()));
    table.web("a name of a host", NOTHING, None, &get("/ajax.php?action=hostname"), &answer("text/plain", b"web01"));
    let sql = format!("sql_query={}", percent("SELECT * FROM wp_posts WHERE post_content LIKE '%eval(base64_decode%'"));
    let cookie = "Cookie: phpMyAdmin=x\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let sent = request("POST /phpmyadmin/import.php", cookie, sql.as_bytes());
    table.web("a question for a database", NOTHING, None, &sent, &answer("application/json", b"{\"success\":true}"));
    table.check();
}
