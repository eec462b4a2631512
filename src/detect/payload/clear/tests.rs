use crate::addr::Addr;
use crate::attribute::Home;
use crate::decode::{Header, Transport, flags};
use crate::protocol::carried::{Delivery, Ends};
use crate::protocol::tls::ja4::{self, Carried};
use crate::protocol::tls::samples::{client_hello, records, server_name};
use crate::protocol::{dns, tls};

use super::super::listener::{Listener, Spoken};
use super::super::survey::Survey;

const CLIENT: Addr = Addr::v4(0x0a00_0009);
const SERVER: Addr = Addr::v4(0xc633_6407);

/// Writes down whatever it is told, and wants every body.
struct Recorder;

impl Listener for Recorder {
    type Tally = Vec<String>;

    fn wants_body(&mut self, _ends: &Ends, _first: &[u8]) -> bool {
        true
    }

    fn delivered(&mut self, tally: &mut Vec<String>, ends: &Ends, delivery: &Delivery<'_>) {
        assert_eq!((ends.client, ends.server), (CLIENT, SERVER));
        let by = if delivery.by_client { "client" } else { "server" };
        let (url, name, kind) = (delivery.url.escape_ascii(), delivery.file_name.escape_ascii(), delivery.content_type.escape_ascii());
        let complete = if delivery.body.complete && delivery.body.sha256.is_some() { "" } else { " incomplete" };
        let body = delivery.body.head.escape_ascii();
        tally.push(format!("{:?} by {by} <{url}> <{name}> <{kind}> {} {body}{complete}", delivery.carrier, delivery.body.bytes));
    }

    fn line(&mut self, tally: &mut Vec<String>, _ends: &Ends, line: &[u8], by_client: bool) {
        tally.push(format!("{} {}", if by_client { ">" } else { "<" }, line.escape_ascii()));
    }

    fn tls(&mut self, tally: &mut Vec<String>, _ends: &Ends, message: &tls::Message<'_>, _by_client: bool) {
        if let tls::Message::ClientHello(hello) = message {
            tally.push(hello.server_name().unwrap_or_default().escape_ascii().to_string());
        }
    }

    fn quic(&mut self, tally: &mut Vec<String>, ends: &Ends, hello: &tls::ClientHello<'_>) {
        assert_eq!((ends.client, ends.server), (CLIENT, SERVER));
        let name = hello.server_name().unwrap_or_default().escape_ascii();
        tally.push(format!("{name} {}", ja4::client(hello, Carried::Quic).escape_ascii()));
    }

    fn dns(&mut self, tally: &mut Vec<String>, ends: &Ends, message: &dns::Message<'_>) {
        assert_eq!((ends.client, ends.server), (CLIENT, SERVER));
        let mut room = [0; dns::TEXT_BYTES_MAX];
        let name = message.question().and_then(|question| question.name.write(&mut room)).unwrap_or_default().escape_ascii();
        tally.push(format!("{} {name}", if message.is_response { "answer" } else { "question" }));
    }

    fn spoken(&mut self, _tally: &mut Vec<String>, _ends: &Ends, _spoken: &Spoken<'_>) -> bool {
        false
    }
}

/// Conversations between the client and the server, packet by packet.
struct Lab {
    survey: Survey<Recorder>,
    time_ns: u64,
    /// Bytes sent by connection (client's port, server's port) and side.
    sent: std::collections::HashMap<(u16, u16, bool), u32>,
}

impl Lab {
    fn new() -> Self {
        Lab { survey: Survey::new(Home::private(), || Recorder), time_ns: 1_700_000_000_000_000_000, sent: Default::default() }
    }

    fn packet(&mut self, transport: Transport, ports: (u16, u16), by_client: bool, set: u8, payload: &[u8]) {
        let (source, target) = if by_client { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
        let mut header = Header::between(source, target, transport);
        (header.source_port, header.target_port) = if by_client { ports } else { (ports.1, ports.0) };
        let next = |lab: &Self, side| lab.sent.get(&(ports.0, ports.1, side)).copied().unwrap_or(100);
        (header.seq, header.ack, header.tcp_flags) = (next(self, by_client), next(self, !by_client), set);
        (header.payload_bytes, header.payload_claimed) = (payload.len() as u16, payload.len() as u16);
        let taken = payload.len() as u32 + u32::from(set & (flags::SYN | flags::FIN) != 0);
        *self.sent.entry((ports.0, ports.1, by_client)).or_insert(100) += taken;
        self.time_ns += 1_000_000;
        self.survey.packet(&header, payload, self.time_ns, 54 + payload.len() as u32);
    }

    /// A handshake.
    fn open(&mut self, ports: (u16, u16), by_client: bool) {
        self.packet(Transport::Tcp, ports, by_client, flags::SYN, b"");
        self.packet(Transport::Tcp, ports, !by_client, flags::SYN | flags::ACK, b"");
        self.packet(Transport::Tcp, ports, by_client, flags::ACK, b"");
    }

    fn say(&mut self, ports: (u16, u16), by_client: bool, payload: &[u8]) {
        self.packet(Transport::Tcp, ports, by_client, flags::ACK | flags::PSH, payload);
    }

    fn close(&mut self, ports: (u16, u16), by_client: bool) {
        self.packet(Transport::Tcp, ports, by_client, flags::ACK | flags::FIN, b"");
        self.packet(Transport::Tcp, ports, !by_client, flags::ACK | flags::FIN, b"");
    }

    fn datagram(&mut self, ports: (u16, u16), by_client: bool, payload: &[u8]) {
        self.packet(Transport::Udp, ports, by_client, 0, payload);
    }

    fn finish(self) -> Vec<String> {
        self.survey.finish().0
    }
}

#[test]
fn files_on_data_connections_are_told() {
    let mut lab = Lab::new();
    let control = (40_000, 21);
    lab.open(control, true);
    lab.say(control, false, b"220 ready\r\n");
    lab.say(control, true, b"USER x\r\nPASV\r\n");
    lab.say(control, false, b"331 x\r\n227 Passive (10,1,1,1,200,10)\r\n");
    lab.open((40_001, 51_210), true);
    lab.say(control, true, b"CWD pub\r\nRETR update.exe\r\n");
    lab.say((40_001, 51_210), false, b"MZ one");
    lab.say((40_001, 51_210), false, b" two");
    lab.close((40_001, 51_210), false);
    lab.say(control, true, b"PORT 10,0,0,9,160,0\r\nSTOR up.bin\r\n");
    lab.open((40_960, 20), false);
    lab.say((40_960, 20), true, b"up");
    lab.packet(Transport::Tcp, (40_960, 20), true, flags::RST, b"");
    lab.say(control, true, b"EPSV\r\nLIST\r\n");
    lab.say(control, false, b"229 Extended (|||6000|)\r\n");
    lab.open((40_002, 6000), true);
    lab.say((40_002, 6000), false, b"-rw-r--r-- a\r\n");
    lab.close((40_002, 6000), false);
    assert_eq!(
        lab.finish(),
        [
            "Ftp by server <ftp://198.51.100.7/pub/update.exe> <update.exe> <> 10 MZ one two",
            "Ftp by client <ftp://198.51.100.7/pub/up.bin> <up.bin> <> 2 up incomplete",
        ]
    );
}

#[test]
fn files_in_datagrams_are_told() {
    let mut lab = Lab::new();
    lab.datagram((40_000, 69), true, b"\0\x01mips\0octet\0blksize\x008\0");
    lab.datagram((40_000, 50_000), false, b"\0\x06blksize\x008\0");
    lab.datagram((40_000, 50_000), true, b"\0\x04\0\0");
    lab.datagram((40_000, 50_000), false, b"\0\x03\0\x01\x7fELF1234");
    lab.datagram((40_000, 50_000), false, b"\0\x03\0\x01\x7fELF1234");
    lab.datagram((40_000, 50_000), false, b"\0\x03\0\x025");
    lab.datagram((40_001, 69), true, b"\0\x02up\0octet\0");
    lab.datagram((40_001, 69), false, b"\0\x04\0\0");
    lab.datagram((40_001, 69), true, b"\0\x03\0\x01up");
    assert_eq!(
        lab.finish(),
        [r"Tftp by server <tftp://198.51.100.7/mips> <mips> <> 9 \x7fELF12345", "Tftp by client <tftp://198.51.100.7/up> <up> <> 2 up",]
    );
}

#[test]
fn attachments_are_told_and_encryption_is_followed() {
    let mut lab = Lab::new();
    let ports = (40_000, 25);
    lab.open(ports, true);
    lab.say(ports, false, b"220 mx\r\n");
    lab.say(ports, true, b"EHLO x\r\nDATA\r\n");
    lab.say(ports, false, b"250 ok\r\n354 go on\r\n");
    lab.say(ports, true, b"Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\nUEs");
    lab.say(ports, true, b"DBA==\r\n.\r\nSTARTTLS\r\n");
    lab.say(ports, false, b"250 ok\r\n220 go ahead\r\n");
    lab.say(ports, true, &records(&client_hello(0x0303, &[0x1301], &[server_name("mx.example.org")]), 1 << 14));
    assert_eq!(lab.finish(), [r"Smtp by client <> <a.zip> <application/zip> 4 PK\x03\x04", "mx.example.org",]);
}

#[test]
fn lines_are_told_of_both_sides() {
    let mut lab = Lab::new();
    lab.open((40_000, 23), true);
    lab.say((40_000, 23), false, b"\xff\xfd\x01\xff\xfb\x03login: ");
    lab.say((40_000, 23), true, b"root\r\nsh\r\n/bin/busy");
    lab.say((40_000, 23), true, b"box ECCHI\r\n");
    lab.say((40_000, 23), false, b"ECCHI: applet not found\r\n# ");
    // A greeting that is neither mail's nor FTP's.
    lab.open((40_001, 99), true);
    lab.say((40_001, 99), false, b"220 hello\r\n");
    lab.say((40_001, 99), true, b"wget http://198.51.100.7/x\n");
    assert_eq!(
        lab.finish(),
        ["> root", "> sh", "> /bin/busybox ECCHI", "< login: ECCHI: applet not found", "> wget http://198.51.100.7/x", "< # ",]
    );
}

#[test]
fn names_are_told_from_datagrams_and_streams() {
    let question = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\x03org\0\0\x01\0\x01";
    let mut answer = question.to_vec();
    answer[2] = 0x81;
    let framed = |message: &[u8]| [&(message.len() as u16).to_be_bytes()[..], message].concat();
    let mut lab = Lab::new();
    lab.datagram((40_000, 53), true, question);
    lab.datagram((40_000, 53), false, &answer);
    lab.datagram((5353, 5353), true, question);
    lab.open((40_001, 53), true);
    lab.say((40_001, 53), true, &framed(question));
    let framed = framed(&answer);
    lab.say((40_001, 53), false, &framed[..9]);
    lab.say((40_001, 53), false, &framed[9..]);
    let both = ["question www.example.org", "answer www.example.org"];
    assert_eq!(lab.finish(), [both, both].concat());
}

#[test]
fn the_hello_of_a_quic_connection_is_told_once() {
    let mut lab = Lab::new();
    let digits: Vec<u8> = include_str!("../../../protocol/quic/rfc9001_a2.hex").bytes().filter(u8::is_ascii_hexdigit).collect();
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
    let datagram: Vec<u8> = digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect();
    lab.datagram((40_001, 443), true, &datagram);
    lab.datagram((40_001, 443), true, &datagram);
    let told = lab.finish();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("example.com q13d0211an_"), "{told:?}");
}
