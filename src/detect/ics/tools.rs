//! What well-known tools send first: each request is read as its protocol says, whoever's it is. The bytes are those of the tools' public
//! sources (nmap's scripts, Metasploit, plcscan, Redpoint, zgrab2, zmap, nerva) or what the libraries encode (pymodbus, snap7, pycomm3,
//! BACpypes, lib60870, OpenDNP3, xknx, pymcprotocol, pyads, paho, aiocoap, open62541).

use super::protocol::Intent::{self, Control, Identify, Read, Write};
use super::protocol::{Context, Protocol, Sender, Strength};
use super::testing::{datagram, disclosures, hex, message, off_port, on_port};
use super::{
    ads, atg, bacnet, c37_118, coap, codesys_v2, codesys_v3, crc, crimson, dlms, dnp3, enip, fins, fox, ge_srtp, hart_ip, iec104,
    knxnet_ip, lantronix, melsec, melsoft, mms, modbus, moxa, mqtt, opcua, pcworx, proconos, profinet, s7comm,
};

/// Protocol, hexadecimal payload, function, intent.
type Request = (&'static Protocol, &'static str, &'static str, Intent);

/// Over TCP, to the protocol's port.
const STREAMS: &[Request] = &[
    // Metasploit: modbusdetect (a quantity of zero), modbusclient, modbus_banner_grabbing, modicon_command.
    (&modbus::PROTOCOL, "2100 0000 0006 01 04 0001 0000", "read-input-registers", Read),
    (&modbus::PROTOCOL, "2100 0000 0006 01 05 0001 ff00", "write-coil", Write),
    (&modbus::PROTOCOL, "4462 0000 0005 ff 2b0e0300", "read-device-identification", Identify),
    (&modbus::PROTOCOL, "0000 0000 0004 00 5a 00 02", "read-id", Identify),
    (&modbus::PROTOCOL, "0017 0000 0006 00 5a 01 41 ff00", "stop-plc", Control),
    // nmap and plcscan; zgrab2; pymodbus.
    (&modbus::PROTOCOL, "0000 0000 0002 00 11", "report-server-id", Identify),
    (&modbus::PROTOCOL, "5a47 0000 0005 00 2b0e0100", "read-device-identification", Identify),
    (&modbus::PROTOCOL, "0001 0000 0006 00 01 0000 0008", "read-coils", Read),
    (&modbus::PROTOCOL, "0002 0000 000b 00 10 0000 0002 04 000a 0102", "write-registers", Write),
    // nmap, zgrab2, plcscan, snap7, and a LOGO's selectors; then Metasploit's simatic_s7_300_command.
    (&s7comm::PROTOCOL, "0300001611e00000001400c1020100c2020102c0010a", "iso-connect", Identify),
    (&s7comm::PROTOCOL, "0300001611e00000000400c1020100c2020200c0010a", "iso-connect", Identify),
    (&s7comm::PROTOCOL, "0300001611e00000000b00c1020200c2020201c0010a", "iso-connect", Identify),
    (&s7comm::PROTOCOL, "0300001611e00000000100c0010ac1020100c2020102", "iso-connect", Identify),
    (&s7comm::PROTOCOL, "0300001611e00000000100c0010ac1021000c2022000", "iso-connect", Identify),
    (&s7comm::PROTOCOL, "0300001902f080320100 00ffff00080000f0000001000107 80", "setup-communication", Identify),
    (&s7comm::PROTOCOL, "0300002502f0803201000000000014000028000000000000fd000009505f50524f4752414d", "pi-service", Control),
    (&s7comm::PROTOCOL, "0300002102f080320100000000001000002900000000000 9505f50524f4752414d", "plc-stop", Control),
    // nmap iec61850-mms and libiec61850.
    (&mms::PROTOCOL, "0300001611e00000000100c1020000c2020001c0010a", "iso-connect", Identify),
    (&mms::PROTOCOL, "0300001611e00000000100c0010dc2020001c1020000", "iso-connect", Identify),
    // lib60870: start, interrogation, clock, single command; nmap: test.
    (&iec104::PROTOCOL, "680407000000", "startdt", Identify),
    (&iec104::PROTOCOL, "680e0000000064010600010000000014", "C_IC_NA_1 interrogation", Read),
    (&iec104::PROTOCOL, "68140200000067010600010000000000000000000000", "C_CS_NA_1 clock-sync", Control),
    (&iec104::PROTOCOL, "680e040000002d010600010088130001", "C_SC_NA_1 single-command", Write),
    (&iec104::PROTOCOL, "680443000000", "testfr", Identify),
    // pycomm3 and pylogix: identity, session; Metasploit's multi_cip_command: stop and reset; setting the clock.
    (&enip::PROTOCOL, "6300 0000 00000000 00000000 5f7079636f6d6d5f 00000000", "list-identity", Identify),
    (&enip::PROTOCOL, "6500 0400 00000000 00000000 5f7079636f6d6d5f 00000000 01000000", "register-session", Identify),
    (
        &enip::PROTOCOL,
        "6f002a00 01020304 00000000 0000000000000000 00000000 00000000 0200 0200 00000000 b2001a00
        520220062401 03f0 0c00 070220642401deadbeefcafe 01000100",
        "stop",
        Control,
    ),
    (
        &enip::PROTOCOL,
        "6f001800 01020304 00000000 0000000000000000 00000000 00000000 0004 0200 00000000 b2000800 0503200124013003",
        "reset",
        Control,
    ),
    (
        &enip::PROTOCOL,
        "6f002200 01020304 00000000 0000000000000000 00000000 00000000 0a00 0200 00000000 b2001200
        0402208b2401 0100 0600 0000000000000000",
        "set-clock",
        Control,
    ),
    // Hello with and without a URL.
    (
        &opcua::PROTOCOL,
        "48454c46 38000000 00000000 ffff0000 ffff0000 00000000 00000000 18000000 6f70632e7463703a2f2f31302e302e302e353a343834302f2f",
        "hello",
        Identify,
    ),
    (&opcua::PROTOCOL, "48454c46 20000000 00000000 00000100 00000100 00000000 00000000 ffffffff", "hello", Identify),
    (&fins::PROTOCOL, "46494e53 0000000c 00000000 00000000 00000000", "node-address", Identify),
    (&fins::PROTOCOL, "46494e53 00000015 00000002 00000000 80000200 0a 000000 ef 05 0501 00", "controller-data-read", Identify),
    (&hart_ip::PROTOCOL, "010000000001000d0100004e20", "session-initiate", Identify),
    (&hart_ip::PROTOCOL, "010003000002000d0280000082", "read-unique-id", Identify),
    // pymcprotocol: a read and a remote stop; nmap's melsecq-discover.
    (&melsec::PROTOCOL, "5000 00 ff ff03 00 0c00 1000 0104 0000 640000 a8 0a00", "batch-read", Read),
    (&melsec::PROTOCOL, "5000 00 ff ff03 00 0800 1000 0210 0000 0100", "remote-stop", Control),
    (&melsec::PROTOCOL, "5000 00 ff ff03 00 0600 1000 0101 0000", "read-type-name", Identify),
    (&melsoft::PROTOCOL, "57000000001111070000ffff030000fe03000014001c080a0800000000000000040101010000000001", "cpu-info", Identify),
    // Metasploit's phoenix_command: init, start, stop.
    (&pcworx::PROTOCOL, "0101001a005e000000000003000c494245544830314e305f4d00", "init", Identify),
    (&proconos::PROTOCOL, "cc01000dc0010000d517", "init", Identify),
    (&proconos::PROTOCOL, "cc010004400e00001821", "cold-start", Control),
    (&proconos::PROTOCOL, "cc010001400e00004c07", "stop", Control),
    // Redpoint, in either byte order.
    (&codesys_v2::PROTOCOL, "bbbb0100000001", "login", Identify),
    (&codesys_v2::PROTOCOL, "bbbb0100000101", "login", Identify),
    (&crimson::PROTOCOL, "0004012b1b00", "manufacturer", Identify),
    (&crimson::PROTOCOL, "0004012a1a00", "model", Identify),
    (
        &fox::PROTOCOL,
        "666f7820612031202d3120666f782068656c6c6f0a7b0a666f782e76657273696f6e3d733a312e300a69643d693a310a7d3b3b0a",
        "hello",
        Identify,
    ),
    // Redpoint's, and a browser of gauges that ends the line with a carriage return; a set clock.
    (&atg::PROTOCOL, "01493230313030 0a", "in-tank-inventory", Identify),
    (&atg::PROTOCOL, "01493230313030 0d0a", "in-tank-inventory", Identify),
    (&atg::PROTOCOL, "01493230313030", "in-tank-inventory", Identify),
    // paho: 3.1.1 and 5.0.
    (&mqtt::PROTOCOL, "101800044d5154540402003c000c 7061686f2d31323334353637", "connect", Identify),
    (&mqtt::PROTOCOL, "101100044d5154540502003c00 0004 74657374", "connect", Identify),
    // A meter's association as open readers send it.
    (&dlms::PROTOCOL, "0001001000 01001f 601da109060760857405080101be10040e01000000065f1f0400001e1dffff", "aarq", Identify),
    // pyads: device information and state.
    (&ads::PROTOCOL, "000020000000 0a00000201011027 0a000001010180 80 0100 0400 00000000 00000000 01000000", "read-device-info", Identify),
];

/// In UDP datagrams, to the protocol's port.
const DATAGRAMS: &[Request] = &[
    (&bacnet::PROTOCOL, "810b000c0120ffff00ff1008", "who-is", Identify),
    (&bacnet::PROTOCOL, "810a000801001008", "who-is", Identify),
    (&bacnet::PROTOCOL, "810a000d010010080900 1affff", "who-is", Identify),
    (&bacnet::PROTOCOL, "810a001101040005010c0c023fffff194b", "read-property", Identify),
    // Metasploit's bacnet_l3.
    (&bacnet::PROTOCOL, "810a0011010402 02000c0c020003e81946", "read-property", Identify),
    // zmap's, with a byte too many.
    (&bacnet::PROTOCOL, "810a001101040005d60c0c023fffff194b4c", "read-property", Identify),
    (&bacnet::PROTOCOL, "81020004", "read-bdt", Identify),
    (&bacnet::PROTOCOL, "81050006003c", "register-foreign-device", Write),
    (&enip::PROTOCOL, "6300 0000 00000000 00000000 00000000c1debed1 00000000", "list-identity", Identify),
    (&fins::PROTOCOL, "800002000000006300ef050100", "controller-data-read", Identify),
    (&hart_ip::PROTOCOL, "010000000001000d0100004e20", "session-initiate", Identify),
    // xknx and nerva: the answer goes back to where the question came from.
    (&knxnet_ip::PROTOCOL, "06100201000e0801000000000000", "search", Identify),
    (&knxnet_ip::PROTOCOL, "06100203000e0801000000000000", "description", Identify),
    (&coap::PROTOCOL, "40011234bb2e77656c6c2d6b6e6f776e04636f7265", "get", Identify),
    (&coap::PROTOCOL, "4401d3a1 00000001 396c6f63616c686f7374 8b2e77656c6c2d6b6e6f776e 04636f7265", "get", Identify),
    (&coap::PROTOCOL, "40001234", "ping", Identify),
    (&moxa::PROTOCOL, "0100000800000000", "discover", Identify),
    (&lantronix::PROTOCOL, "000000f6", "information", Identify),
    (&lantronix::PROTOCOL, "000000f8", "read-setup", Control),
    (&ads::PROTOCOL, "03661471 00000000 01000000 0a00000101011027 00000000", "server-info", Identify),
    (
        &profinet::PROTOCOL,
        "0400200010000000000000000000000000000000000000000883afe11f5dc91191a408002b14a0fa01000000010001000100000100010001000000000300
        00000c0000000200ffffffff4c0000000000000000000100000000000000000000000000000000000000020000000100a0de976cd111827100a02442df7d01
        00000001000000000000000000000000000000000000000000000001000000",
        "lookup",
        Identify,
    ),
    // The datagram of a name service request.
    (&codesys_v3::PROTOCOL, "c56b400303 00 1000 0000 0002 c201 0000", "name-service", Identify),
];

fn reads(requests: &[Request], context: Context) {
    for &(protocol, payload, name, intent) in requests {
        let request = message(protocol, &hex(payload), context);
        assert_eq!(request.intent, intent, "{}: {payload}: {request:?}", protocol.name);
        assert!(name.is_empty() || request.function.name == name, "{}: {payload}: {request:?}", protocol.name);
    }
}

#[test]
fn first_requests_are_read_on_their_port() {
    reads(STREAMS, on_port(Sender::Client));
    reads(DATAGRAMS, datagram(Sender::Client));
}

/// Strong protocols are recognised on any port, but for what opens conversations of several alike.
#[test]
fn first_requests_of_strong_protocols_are_read_on_any_port() {
    let waits = ["mms", "s7comm"];
    for &(protocol, payload, name, intent) in STREAMS.iter().filter(|request| request.0.strength == Strength::Anywhere) {
        let bare = hex(payload);
        if waits.contains(&protocol.name) && name == "iso-connect" || bare.ends_with(&[0xff; 4]) || protocol.name == "hart-ip" {
            continue;
        }
        let request = message(protocol, &bare, off_port(Sender::Client));
        assert_eq!(request.intent, intent, "{}: {payload}: {request:?}", protocol.name);
    }
}

/// OpenDNP3 opens with a reset of the link or stops unsolicited messages, then writes the restart flag and polls all classes.
#[test]
fn a_dnp3_master_starts() {
    let frame = |control: u8, data: &[u8]| {
        let mut bytes = vec![0x05, 0x64, 5 + data.len() as u8, control, 0x0a, 0x00, 0x01, 0x00];
        bytes.extend(crc::dnp(&bytes).to_le_bytes());
        for block in data.chunks(16) {
            bytes.extend(block);
            bytes.extend(crc::dnp(block).to_le_bytes());
        }
        bytes
    };
    for (control, data, name, intent) in [
        (0xc0, "", "reset-link", Identify),
        (0xc9, "", "request-link-status", Identify),
        (0x49, "", "", Intent::Connect),
        (0xc4, "c0c0153c02063c03063c0406", "disable-unsolicited", Write),
        (0xc4, "c1c10250010007 0700", "write", Write),
        (0xc4, "c2c2013c02063c03063c04063c0106", "read", Read),
        (0xc4, "c3c317", "delay-measurement", Identify),
        (0xc4, "c4c40c01280100", "freeze", Write),
        (0xc4, "c5c51b4605", "delete-file", Control),
    ] {
        let found = message(&dnp3::PROTOCOL, &frame(control, &hex(data)), on_port(Sender::Client));
        assert_eq!(found.intent, intent, "{found:?}");
        assert!(name.is_empty() || found.function.name == name, "{found:?}");
    }
}

/// nerva: fifty-six zeros, an enabling message, the question for the controller's type; and what a controller answers.
#[test]
fn a_ge_client_starts() {
    let header = |first: u8, sequence: u8, kind: u8, service: u8, text_bytes: u8| {
        let mut bytes = vec![0; 56];
        bytes[..6].copy_from_slice(&[first, 0, sequence, 0, text_bytes, 0]);
        (bytes[9], bytes[17], bytes[30], bytes[31]) = (1, 1, sequence, kind);
        bytes[36..44].copy_from_slice(&[0x10, 0x0e, 0, 0, 1, 1, service, 0]);
        bytes
    };
    let opening = message(&ge_srtp::PROTOCOL, &[0; 56], on_port(Sender::Client));
    let client = Context { memory: opening.memory, ..on_port(Sender::Client) };
    let enabled = message(&ge_srtp::PROTOCOL, &header(0x08, 1, 0xc0, 0x4f, 0), client);
    let asked = message(&ge_srtp::PROTOCOL, &header(0x02, 2, 0xc0, 0x43, 0), client);
    assert_eq!(
        [opening, enabled, asked].map(|request| (request.function.name, request.intent)),
        [("init", Identify), ("init", Identify), ("controller-type", Identify)]
    );
    let text = [&[0; 8][..], &[0x43, 0x12, 0, 0], b"MILL_1\0\0", &[0; 20]].concat();
    let answer = [header(0x03, 2, 0x94, 0, 40), text].concat();
    assert_eq!(disclosures(&ge_srtp::PROTOCOL, &answer, &Context { memory: asked.memory, ..on_port(Sender::Server) }), ["name=MILL_1"]);
}

/// A synchrophasor client asks for the configuration, then switches the data on (pyPMU, PMU Connection Tester).
#[test]
fn a_synchrophasor_client_starts() {
    for (command, intent) in [(0x03, Identify), (0x05, Identify), (0x02, Read), (0x01, Write)] {
        let mut bytes = vec![0xaa, 0x41, 0x00, 0x12, 0x00, 0x07, 0x5f, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, command];
        bytes.extend(crc::ccitt_false(&bytes).to_be_bytes());
        for context in [on_port(Sender::Client), off_port(Sender::Client), datagram(Sender::Client)] {
            assert_eq!(message(&c37_118::PROTOCOL, &bytes, context).intent, intent);
        }
    }
}
