//! Tunnels through a web server: reGeorg and its successor Neo-reGeorg.

use super::super::encoding::has;
use super::super::shell::Shell;
use super::{Answer, Asked, Room, Sure, Use};

/// What the page says to whoever looks (both projects' sources).
const GREETING: &[u8] = b"Georg says, 'All seems fine'";

pub fn find(asked: &Asked<'_>, answer: &Answer<'_>, _room: &mut Room) -> Option<Use> {
    asked.script?;
    let certain = Some(Use::new(Shell::Regeorg, Sure::Certain));
    // An article would say more around it.
    if answer.body.len() <= 4 * GREETING.len() && has(answer.body, GREETING) {
        return certain;
    }
    let command = match asked.parameter(b"cmd").or_else(|| asked.request.field("X-CMD")) {
        Some(command) => command.to_ascii_lowercase(),
        None => return None,
    };
    let by_query = match command.as_slice() {
        b"connect" => asked.has_parameter(b"target") && asked.has_parameter(b"port"),
        b"read" | b"forward" | b"disconnect" => false,
        _ => return None,
    };
    let by_field = asked.request.field("X-CMD").is_some() && (command != b"connect" || asked.request.field("X-TARGET").is_some());
    let answered = answer.response.is_some_and(|response| response.field("X-STATUS").is_some());
    if by_query || by_field || answered { certain } else { None }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Sent, exchanged, form, get};
    use super::*;

    fn found(sent: &Sent<'_>, answer: &str) -> bool {
        exchanged(sent, Some((200, answer)), |exchange| {
            find(&Asked::new(exchange.request), &Answer::new(exchange), &mut Room::default()).is_some()
        })
    }

    #[test]
    fn tunnels_are_found() {
        assert!(found(&get("/tunnel.jsp"), "Georg says, 'All seems fine'"));
        assert!(found(&form("/tunnel.php?cmd=connect&target=10.0.0.5&port=3389", ""), ""));
        assert!(found(&form("/tunnel.aspx", "").with("X-CMD", "CONNECT").with("X-TARGET", "10.0.0.5").with("X-PORT", "22"), ""));
    }

    #[test]
    fn others_are_not() {
        assert!(!found(&get("/x.php?cmd=read&id=1"), "ok"));
        assert!(!found(&get("/ajax.php?cmd=connect"), "ok"));
        assert!(!found(&get("/blog/"), "Georg says, 'All seems fine'"));
    }
}
