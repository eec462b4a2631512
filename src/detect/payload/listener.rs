//! What the readers of payload tell, and whom: the calls that a detector of payload answers.

use crate::detect::packet::Packet;
use crate::protocol::carried::{Delivery, Ends, Exchange};
use crate::protocol::{dns, tls};

/// What is known of an HTTP request before anything of it is kept: its line and host, seen in place.
#[derive(Clone, Copy, Debug)]
pub struct Glance<'a> {
    pub method: &'a [u8],
    /// As sent, with the query.
    pub target: &'a [u8],
    /// Of the `Host` field; empty if there is none.
    pub host: &'a [u8],
    /// The head as sent, from the first byte to the empty line.
    pub head: &'a [u8],
    /// Whether a grave accent, a dollar sign, a brace that opens or a less-than sign stands in the head: one look for all who look for code
    /// and commands, which hardly any request carries.
    pub is_marked: bool,
    /// Whether the target is a path of letters, digits, and what stands between them in names: without a query, and with nothing coded. Most are.
    pub is_bare: bool,
}

impl<'a> Glance<'a> {
    pub fn new(method: &'a [u8], target: &'a [u8], host: &'a [u8], head: &'a [u8]) -> Self {
        let is_marked = head.iter().fold(false, |found, byte| found | matches!(byte, b'`' | b'$' | b'{' | b'<'));
        let in_names = |byte: &u8| byte.is_ascii_alphanumeric() | matches!(byte, b'/' | b'.' | b'-' | b'_' | b'~');
        let is_bare = target.first() == Some(&b'/') && target.iter().fold(true, |all, byte| all & in_names(byte));
        Glance { method, target, host, head, is_marked, is_bare }
    }

    /// Path and query of the target as sent, whatever form it has.
    pub fn split(&self) -> (&'a [u8], &'a [u8]) {
        let path_bytes = if self.is_bare { None } else { memchr::memchr(b'?', self.target) };
        self.target.split_at(path_bytes.unwrap_or(self.target.len()))
    }
}

/// Bytes of a conversation whose protocol is none of those that have a reader.
#[derive(Clone, Copy, Debug)]
pub struct Spoken<'a> {
    /// Who sent `fresh`.
    pub by_client: bool,
    /// The bytes that came now, in order and for the first time.
    pub fresh: &'a [u8],
    /// Whether any of them are among the first bytes of their side: if not, `client` and `server` are what they were.
    pub grown: bool,
    /// The first bytes that the client sent, up to [`HEARD_BYTES`], what is fresh included.
    pub client: &'a [u8],
    /// The same of the server.
    pub server: &'a [u8],
    /// Datagrams, not a stream: `fresh` is one of them, and the heads are those of the first ones.
    pub datagram: bool,
}

/// Bytes that are kept of each side of a conversation in an unknown protocol.
pub const HEARD_BYTES: usize = 1024;

/// A detector of payload, in one lane. What it has no use for it leaves out.
///
/// The first three calls decide what is read at all: they are made for every conversation, so they must be cheap, and what nobody wants
/// costs nothing more.
pub trait Listener {
    /// What it hands over at a slice's end.
    type Tally;

    /// A packet that any detector would see: not a bare acknowledgement in a conversation that goes on, nor payload in one of which no
    /// detector wants more, unless [`Listener::hears_all`].
    fn packet(&mut self, _tally: &mut Self::Tally, _packet: &Packet<'_>) {}

    /// Whether [`Listener::packet`] must see all payload, also of conversations that nobody reads.
    fn hears_all(&self) -> bool {
        false
    }

    /// Whether the whole exchange is wanted, whatever it carries. Asked once for each request.
    fn wants_exchange(&mut self, _ends: &Ends, _glance: &Glance<'_>) -> bool {
        false
    }

    /// Whether a body that begins so is wanted whole, with its SHA-256. `first` is decoded from transfer and content codings; it is the
    /// whole body if that is shorter than [`SNIFFED_BYTES`].
    fn wants_body(&mut self, _ends: &Ends, _first: &[u8]) -> bool {
        false
    }

    /// Whether wanted bodies are asked for by SHA-1 and MD5, too.
    fn wants_older_digests(&self) -> bool {
        false
    }

    /// An exchange that somebody wanted is over, or will not be seen to its end.
    fn exchange(&mut self, _tally: &mut Self::Tally, _ends: &Ends, _exchange: &Exchange<'_>) {}

    /// A wanted body was delivered, as far as it was seen. Told after the exchange that brought it.
    fn delivered(&mut self, _tally: &mut Self::Tally, _ends: &Ends, _delivery: &Delivery<'_>) {}

    /// A line that somebody typed or was shown in clear text (telnet and its like), without its line end.
    fn line(&mut self, _tally: &mut Self::Tally, _ends: &Ends, _line: &[u8], _by_client: bool) {}

    /// A message of a TLS handshake, in the clear.
    fn tls(&mut self, _tally: &mut Self::Tally, _ends: &Ends, _message: &tls::Message<'_>, _by_client: bool) {}

    /// The hello within a QUIC connection: the same as one over TCP, unless somebody tells them apart.
    fn quic(&mut self, tally: &mut Self::Tally, ends: &Ends, hello: &tls::ClientHello<'_>) {
        self.tls(tally, ends, &tls::Message::ClientHello(*hello), true);
    }

    /// A DNS message that asks or answers something. The client is who asks.
    fn dns(&mut self, _tally: &mut Self::Tally, _ends: &Ends, _message: &dns::Message<'_>) {}

    /// Bytes of an unknown protocol. Returns whether more of this conversation is wanted.
    fn spoken(&mut self, _tally: &mut Self::Tally, _ends: &Ends, _spoken: &Spoken<'_>) -> bool {
        false
    }

    /// The slice ends.
    fn seal(&mut self, _tally: &mut Self::Tally) {}
}

/// Bytes of a body with which [`Listener::wants_body`] is asked, unless the body ends before: a PE header can begin at 0x1000, and most
/// begin within the first packet.
pub const SNIFFED_BYTES: usize = 512;

macro_rules! listeners {
    ($($name:ident: $memory:ty, $tally:ty, $board:ty;)*) => {
        /// The memories of one lane of every detector of payload.
        pub struct Listeners { $(pub $name: $memory,)* }

        /// What they hand over.
        #[derive(Default)]
        pub struct ListenerTallies { $(pub $name: $tally,)* }

        /// Their sides of the reporter.
        pub struct ListenerBoards { $(pub $name: $board,)* }

        impl Listeners {
            pub fn new(_lane: u8, _shared: &Shared) -> Self {
                Listeners { $($name: <$memory>::new(_lane, _shared),)* }
            }
        }

        impl Listener for Listeners {
            type Tally = ListenerTallies;

            #[inline]
            fn packet(&mut self, _tally: &mut Self::Tally, _packet: &Packet<'_>) {
                $(self.$name.packet(&mut _tally.$name, _packet);)*
            }

            #[inline]
            fn hears_all(&self) -> bool {
                false $(|| self.$name.hears_all())*
            }

            fn wants_exchange(&mut self, _ends: &Ends, _glance: &Glance<'_>) -> bool {
                let wanted = false;
                $(let wanted = self.$name.wants_exchange(_ends, _glance) || wanted;)*
                wanted
            }

            fn wants_body(&mut self, _ends: &Ends, _first: &[u8]) -> bool {
                let wanted = false;
                $(let wanted = self.$name.wants_body(_ends, _first) || wanted;)*
                wanted
            }

            fn wants_older_digests(&self) -> bool {
                false $(|| self.$name.wants_older_digests())*
            }

            fn exchange(&mut self, _tally: &mut Self::Tally, _ends: &Ends, _exchange: &Exchange<'_>) {
                $(self.$name.exchange(&mut _tally.$name, _ends, _exchange);)*
            }

            fn delivered(&mut self, _tally: &mut Self::Tally, _ends: &Ends, _delivery: &Delivery<'_>) {
                $(self.$name.delivered(&mut _tally.$name, _ends, _delivery);)*
            }

            fn line(&mut self, _tally: &mut Self::Tally, _ends: &Ends, _line: &[u8], _by_client: bool) {
                $(self.$name.line(&mut _tally.$name, _ends, _line, _by_client);)*
            }

            fn tls(&mut self, _tally: &mut Self::Tally, _ends: &Ends, _message: &tls::Message<'_>, _by_client: bool) {
                $(self.$name.tls(&mut _tally.$name, _ends, _message, _by_client);)*
            }

            fn quic(&mut self, _tally: &mut Self::Tally, _ends: &Ends, _hello: &tls::ClientHello<'_>) {
                $(self.$name.quic(&mut _tally.$name, _ends, _hello);)*
            }

            #[inline]
            fn dns(&mut self, _tally: &mut Self::Tally, _ends: &Ends, _message: &dns::Message<'_>) {
                $(self.$name.dns(&mut _tally.$name, _ends, _message);)*
            }

            fn spoken(&mut self, _tally: &mut Self::Tally, _ends: &Ends, _spoken: &Spoken<'_>) -> bool {
                let wanted = false;
                $(let wanted = self.$name.spoken(&mut _tally.$name, _ends, _spoken) || wanted;)*
                wanted
            }

            fn seal(&mut self, _tally: &mut Self::Tally) {
                $(self.$name.seal(&mut _tally.$name);)*
            }
        }

        impl ListenerTallies {
            pub fn clear(&mut self) {
                $(self.$name.clear();)*
            }

            pub fn append(&mut self, _other: &mut Self) {
                $(self.$name.append(&mut _other.$name);)*
            }
        }

        impl ListenerBoards {
            pub fn new(_shared: &Shared) -> Self {
                ListenerBoards { $($name: <$board>::new(_shared),)* }
            }

            pub fn slice(&mut self, _now_s: u32, _tallies: &mut ListenerTallies, _out: &mut Conclusions<'_>) {
                $(self.$name.slice(_now_s, &mut _tallies.$name, _out);)*
            }

            pub fn window_end(&mut self, _out: &mut Conclusions<'_>) {
                $(self.$name.window_end(_out);)*
            }

            pub fn finish(&mut self, _out: &mut Conclusions<'_>) {
                $(self.$name.finish(_out);)*
            }
        }
    };
}

pub(super) use listeners;
