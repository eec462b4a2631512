//! PHP: what a script does with what the request brings, followed from variable to variable.

use memchr::memmem;

use super::super::encoding::{has, has_any, is_word};
use super::Hold;

/// Where PHP reads what the request brings. `php://input` is the body (PHP manual, "Superglobals", "php://").
const PHP_SOURCES: [&[u8]; 16] = [
    b"$_post",
    b"$_get",
    b"$_request",
    b"$_cookie",
    b"$_files",
    b"php://input",
    b"getallheaders",
    b"apache_request_headers",
    b"$_server['http_",
    b"$_server[\"http_",
    b"$_server['query_string",
    b"$_server[\"query_string",
    b"getenv('http_",
    b"getenv(\"http_",
    b"$http_raw_post_data",
    b"${_",
];
/// Functions of PHP that run code or commands.
const PHP_SINKS: [&[u8]; 13] = [
    b"eval",
    b"assert",
    b"system",
    b"exec",
    b"shell_exec",
    b"passthru",
    b"popen",
    b"proc_open",
    b"pcntl_exec",
    b"create_function",
    b"register_shutdown_function",
    b"register_tick_function",
    b"reflectionfunction",
];
/// Functions of PHP that call what they are given the name of.
const PHP_CALLERS: [&[u8]; 11] = [
    b"call_user_func",
    b"call_user_func_array",
    b"array_map",
    b"array_filter",
    b"array_walk",
    b"array_reduce",
    b"usort",
    b"uasort",
    b"uksort",
    b"preg_replace_callback",
    b"forward_static_call",
];
/// Names of functions that run code or commands, as they are given to those that call.
const PHP_QUOTED_SINKS: [&[u8]; 10] = [
    b"'assert'",
    b"\"assert\"",
    b"'system'",
    b"\"system\"",
    b"'exec'",
    b"\"exec\"",
    b"'passthru'",
    b"\"passthru\"",
    b"'shell_exec'",
    b"\"shell_exec\"",
];
/// Functions behind which code is hidden: what they return is run, so nobody should read it.
const PHP_DECODERS: [&[u8]; 10] = [
    b"base64_decode(",
    b"gzinflate(",
    b"gzuncompress(",
    b"gzdecode(",
    b"str_rot13(",
    b"strrev(",
    b"hex2bin(",
    b"convert_uudecode(",
    b"pack(",
    b"urldecode(",
];
/// Functions of PHP that write what they are given, or run a file.
const PHP_OPENERS: [&[u8]; 8] =
    [b"move_uploaded_file(", b"file_put_contents(", b"fwrite(", b"fputs(", b"include(", b"include_once(", b"require(", b"copy("];
/// Functions of PHP that make variables of what they are given.
const PHP_SPREADERS: [&[u8]; 2] = [b"extract(", b"parse_str("];
/// Calls in one statement that are looked at: more would cost the square of a script's length, and no shell needs them.
const CALLS_MAX: usize = 32;
/// Variables of one script that are known to hold what the request brought.
const TAINTED_MAX: usize = 16;
/// Letters, of a hundred bytes, below which a script without words is written to hide what it says.
const LETTERS_MIN_PERCENT: usize = 12;
/// Bytes of a script from which on the share of letters says something.
const LETTERS_BYTES: usize = 60;

/// Names that the large shells have for themselves.
const OWN_NAMES: [&[u8]; 6] = [b"c99shell", b"r57shell", b"b374k", b"filesman", b"wso_version", b"phpspy"];

/// How much a script gives away, its code laid out by [`super::super::encoding::compact`].
pub fn hold(code: &[u8]) -> Hold {
    let joined = joined(code);
    let code = &joined[..];
    // Twice: what one statement stores, an earlier one may fetch the next time.
    let mut tainted: Vec<&[u8]> = Vec::new();
    let mut hold = follow(code, &mut tainted);
    if !tainted.is_empty() && hold < Hold::Runs {
        hold = hold.max(follow(code, &mut tainted));
    }
    let letters = code.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    // Programs without a single word call functions whose names they make out of signs.
    let wordless = code.len() >= LETTERS_BYTES && letters * 100 < code.len() * LETTERS_MIN_PERCENT && has(code, b"$_");
    // `eval(` letter by letter in a pattern's replacement, as WSO begins.
    let spelled = has(code, b"\\x65\\x76\\x61\\x6c");
    if wordless || spelled || has_any(code, &OWN_NAMES) {
        hold = hold.max(Hold::Opens);
    }
    hold
}

/// Code with strings put together that were only split to hide them: `'as'.'sert'` is `'assert'`.
fn joined(code: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(code.len());
    let mut at = 0;
    while let Some(&byte) = code.get(at) {
        if matches!(&code[at..], [b'\'', b'.', b'\'', ..] | [b'"', b'.', b'"', ..]) {
            at += 3;
            continue;
        }
        out.push(byte);
        at += 1;
    }
    out
}

/// Follows what the request brings from statement to statement. `tainted` are the names of variables that hold it.
fn follow<'a>(code: &'a [u8], tainted: &mut Vec<&'a [u8]>) -> Hold {
    let mut hold = Hold::Code;
    // Names of variables that hold names put together by replacing.
    let mut replaced: Vec<&[u8]> = Vec::new();
    // From here on any variable may hold what the request brought.
    let mut spread = false;
    for statement in code.split(|byte| matches!(byte, b';' | b'{' | b'}')) {
        let fed =
            |text: &[u8]| has_any(text, &PHP_SOURCES) || tainted.iter().any(|name| has_name(text, name)) || spread && text.contains(&b'$');
        let assigned = assigned(statement);
        if (has(statement, b"$") || has(statement, b"getenv(")) && fed(statement)
            || has(statement, b"php://input")
            || has(statement, b"getallheaders")
        {
            hold = hold.max(Hold::Reads);
            if runs(statement, &fed) {
                return Hold::Runs;
            }
            if has_any(statement, &PHP_OPENERS) {
                hold = hold.max(Hold::Opens);
            }
            spread |= has_any(statement, &PHP_SPREADERS);
            // What a pattern matches goes into its last argument.
            let matched = if has(statement, b"preg_match") {
                statement.iter().rposition(|&byte| byte == b'$').and_then(|at| variable(&statement[at..]))
            } else {
                None
            };
            for name in assigned.into_iter().chain(matched) {
                if tainted.len() < TAINTED_MAX && !tainted.contains(&name) {
                    tainted.push(name);
                }
            }
        }
        if calls(statement, b"eval").chain(calls(statement, b"assert")).any(|argument| has_any(argument, &PHP_DECODERS)) {
            hold = hold.max(Hold::Opens);
        }
        if replaced.iter().any(|name| memmem::find_iter(statement, name).any(|at| statement.get(at + name.len()) == Some(&b'('))) {
            hold = hold.max(Hold::Opens);
        }
        if let Some(name) = assigned.filter(|_| has(statement, b"str_replace(") && replaced.len() < TAINTED_MAX) {
            replaced.push(name);
        }
    }
    hold
}

/// Whether a statement of PHP runs something that `fed` says comes of the request.
fn runs(statement: &[u8], fed: &dyn Fn(&[u8]) -> bool) -> bool {
    if PHP_SINKS.iter().any(|sink| calls(statement, sink).any(fed)) {
        return true;
    }
    let called = |argument: &[u8]| {
        let first = argument.split(|&byte| byte == b',').next().unwrap_or_default();
        first.starts_with(b"$") && fed(first) || fed(argument) && has_any(argument, &PHP_QUOTED_SINKS)
    };
    if PHP_CALLERS.iter().any(|caller| calls(statement, caller).any(called)) {
        return true;
    }
    // `preg_replace` with the modifier e ran its replacement until PHP 7 (PHP manual, "Pattern Modifiers").
    if calls(statement, b"preg_replace")
        .any(|argument| fed(argument) && has_any(argument, &[b"/e'", b"/e\"", b"/ie", b"/ei", b"/es", b"/se", b"#e", b"|e"]))
    {
        return true;
    }
    // A variable, or what the request brought, in the place of a function's name: $f($_POST['x']), $_GET[0]($_GET[1]), ${'_POST'}…
    let variable_call = memmem::find_iter(statement, b"(").take(CALLS_MAX).any(|at| {
        let before = &statement[..at];
        let name_from = before.iter().rposition(|&byte| !is_word(byte) && !matches!(byte, b'$')).map_or(0, |at| at + 1);
        let by_name = before[name_from..].first() == Some(&b'$') && before.len() - name_from > 1;
        let by_index = before.ends_with(b"]") || before.ends_with(b"}") && has(before, b"$");
        (by_name || by_index) && fed(&statement[at..])
    });
    // Backticks run a command.
    let mut ticks = statement.split(|&byte| byte == b'`').skip(1).step_by(2).take(CALLS_MAX);
    variable_call || ticks.any(fed)
}

/// The arguments of every call of a function in a statement, up to the statement's end.
fn calls<'a>(statement: &'a [u8], function: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    memmem::find_iter(statement, function).take(CALLS_MAX).filter_map(move |at| {
        let before = at.checked_sub(1).map(|at| statement[at]);
        let behind = at + function.len();
        // `curl_exec(`, `$statement->exec(` and `Class::exec(` are others.
        let is_other = before.is_some_and(|byte| is_word(byte) || matches!(byte, b'$' | b':')) || statement[..at].ends_with(b"->");
        (!is_other && statement.get(behind) == Some(&b'(')).then(|| &statement[behind + 1..])
    })
}

/// The variable that a text begins with.
fn variable(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"$")?;
    let len = rest.iter().take_while(|&&byte| is_word(byte)).count();
    (len > 0).then(|| &text[..1 + len])
}

/// The variable that a statement gives a value: `$name=…`, `$name['x']=…`, also `.=` and `=&`.
fn assigned(statement: &[u8]) -> Option<&[u8]> {
    let start = memchr::memchr(b'$', statement)?;
    let name = variable(&statement[start..])?;
    let mut rest = &statement[start + name.len()..];
    if rest.first() == Some(&b'[') {
        rest = &rest[memchr::memchr(b']', rest)? + 1..];
    }
    let rest = rest.strip_prefix(b".").unwrap_or(rest);
    (rest.first() == Some(&b'=') && rest.get(1) != Some(&b'=')).then_some(name)
}

/// Whether a whole name occurs.
fn has_name(text: &[u8], name: &[u8]) -> bool {
    memmem::find_iter(text, name).any(|at| !text.get(at + name.len()).is_some_and(|&byte| is_word(byte)))
}

#[cfg(test)]
mod tests {
    use super::super::super::name::Language;
    use super::super::{Hold, judge};

    fn hold(code: &str) -> Hold {
        judge(Language::Php, code.as_bytes(), &mut Vec::new()).hold
    }

    #[test]
    fn php_that_runs_what_the_request_says() {
        for code in [
            "<?php @eval($_POST['pass']);?>",
            "<?php if(isset($_GET['cmd'])){system($_GET['cmd']);}?>",
            "<?=`$_GET[1]`?>",
            "<?php $a=$_REQUEST['x']; $b = $a; echo shell_exec($b . ' 2>&1'); ?>",
            "<?php $_GET['a']($_GET['b']); ?>",
            "<?php $f='as'.'sert'; $f($_POST['x']); ?>",
            "<?php @preg_replace('/.*/e', $_POST['c'], ''); ?>",
            "<?php array_map('assert', array($_POST['x'])); ?>",
            "<? eval(file_get_contents('php://input')); ?>",
            "<script language=\"php\">passthru($_COOKIE['c']);</script>",
            "<?php eval/**/(base64_decode($_POST['z0']));",
            "<html><form><?php if($_POST['c']) echo shell_exec($_POST['c']);?></html>",
            "<?php create_function('', $_POST['a']);",
            "<?php parse_str($_SERVER['QUERY_STRING']); system($c);",
            "<?php extract($_POST); eval($c);",
            "<?php eval(getenv('HTTP_CODE'));",
            "<?php $k='3c6e0b8a9c15224a'; $p='pass'; if (isset($_POST[$p])) { $d=e(base64_decode($_POST[$p]),$k); if (isset($_SESSION['q'])) { $c=e($_SESSION['q'],$k); eval($c); } else { $_SESSION['q']=e($d,$k); } }",
            "<?php if(@preg_match(\"/$h(.+)$f/\",@file_get_contents('php://input'),$m)==1){@eval(@gzuncompress(@x(@base64_decode($m[1]),$k)));}",
            "<?php $f='a'.'ss'.\"e\".\"rt\"; array_map('ass'.'ert',array($_REQUEST['x']));",
            "<?php $k=\"e45e329feb5d925b\"; $post=file_get_contents(\"php://input\"); for($i=0;$i<9;$i++){$post[$i]=$post[$i]^$k[$i];} $arr=explode('|',$post); call_user_func($arr[0],$arr[1]);",
        ] {
            let found = hold(code);
            assert_eq!(found, Hold::Runs, "{code}");
        }
    }

    #[test]
    fn php_that_hides_or_takes_files() {
        for code in [
            "<?php eval(gzinflate(base64_decode('S0ktLlFIL0pNzVPQUEgsSk5VSM7PS1eINlYAAA==')));",
            "<?php $J=str_replace('Cq','','CqcreatCqe_Cqfunction'); $z=$J('',$y); $z();",
            "<?php $auth='63a9'; preg_replace('/.*/e','\\x65\\x76\\x61\\x6C\\x28','.');",
            "<?php move_uploaded_file($_FILES['f']['tmp_name'], $_FILES['f']['name']);",
            "<?php $_=('%01'^'`').('%13'^'`').('%13'^'`').('%05'^'`').('%12'^'`').('%14'^'`');$__='_'.('%0D'^']').('%2F'^'`').('%0E'^']').('%09'^']');$___=$$__;$_($___[_]);",
        ] {
            assert_eq!(hold(code), Hold::Opens, "{code}");
        }
    }

    #[test]
    fn ordinary_php_only_reads() {
        for code in [
            "<?php @$p = $_POST['k']; echo 'lab'; ?>",
            "<?php $name = $_POST['name']; echo htmlspecialchars($name); ?>",
            "<?php $sth = $db->prepare('select 1'); $sth->exec($_GET['id']); ?>",
            "<?php $ch = curl_init($_GET['url']); echo curl_exec($ch); ?>",
            "<?php $ids = array_map('sanitize_key', $_POST['ids']); usort($rows, array($this, $_GET['sort'] ? 'by' : 'at'));",
            "<?php class Systemic { function system_check($a) { return $a; } } echo $_SERVER['HTTP_HOST'];",
        ] {
            assert_eq!(hold(code), Hold::Reads, "{code}");
        }
        assert_eq!(hold("<?php phpinfo(); ?>"), Hold::Code);
        assert_eq!(hold("plain text"), Hold::None);
        assert_eq!(hold("<?xml version=\"1.0\"?><a>eval($_POST[x])</a>"), Hold::None);
    }
}
