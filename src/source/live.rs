//! Frames from an interface, through libpcap.

use std::time::Duration;

use pcap::{Active, Capture, Device, Error, Precision};

use super::{Frame, LinkType, Polled, SourceError};

/// How long to rest when the ring is empty. A mirror port of 10 Gbit/s brings 1.25 MB meanwhile, a fiftieth of the ring's default.
/// The rest is ours because libpcap's own read timeout does not end a wait on a silent Linux interface (pcap(3PCAP), "read timeout").
const IDLE_REST: Duration = Duration::from_millis(1);

/// Captures of libpcap that are not network interfaces: their timestamps are in microseconds whatever one asks for.
const NOT_NETWORK: [&str; 5] = ["nflog", "nfqueue", "usbmon", "bluetooth", "dbus"];

/// How to listen.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// Take frames that are not addressed to this machine; what a mirror port brings never is.
    pub promiscuous: bool,
    /// Most bytes captured of a frame, 1 to 262,144.
    pub snap_bytes: u32,
    /// Size of the kernel's ring, in bytes, up to 2 GiB. When it is full, the kernel drops frames and counts them.
    pub ring_bytes: u32,
    /// How long the kernel may keep frames to hand them over in blocks, in milliseconds: the sensor's latency on a quiet line.
    pub timeout_ms: u32,
    /// An expression in libpcap's language, applied by the kernel.
    pub filter: Option<String>,
}

impl Default for LiveOptions {
    fn default() -> Self {
        LiveOptions { promiscuous: true, snap_bytes: 262_144, ring_bytes: 64 * 1024 * 1024, timeout_ms: 10, filter: None }
    }
}

/// Counts since the capture began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LiveStats {
    /// Frames that passed the filter (libpcap's `ps_recv`); on Linux those dropped by the kernel are among them.
    pub received: u64,
    /// Dropped because the ring was full (`ps_drop`).
    pub dropped_by_kernel: u64,
    /// Dropped by the interface or its driver (`ps_ifdrop`); 0 where the system doesn't say.
    pub dropped_by_interface: u64,
}

/// An open interface.
pub struct Live {
    capture: Capture<Active>,
    interface: String,
    link: LinkType,
    /// Nanoseconds in one unit of libpcap's fraction field.
    fraction_ns: u64,
    stats: LiveStats,
    /// libpcap's 32-bit counters at the last look, to see them wrap.
    last: [u32; 3],
}

impl Live {
    /// Opens an interface, or all of them by the name `any`.
    pub fn open(interface: &str, options: &LiveOptions) -> Result<Self, SourceError> {
        let nanoseconds = cfg!(target_os = "linux") && !NOT_NETWORK.iter().any(|prefix| interface.starts_with(prefix));
        let capture = Capture::from_device(interface)
            .map(|inactive| {
                inactive
                    // The pseudo-interface of all interfaces can't be promiscuous, and asking for it fails.
                    .promisc(options.promiscuous && interface != "any")
                    .snaplen(signed(options.snap_bytes))
                    .buffer_size(signed(options.ring_bytes))
                    .timeout(signed(options.timeout_ms))
                    .immediate_mode(false)
                    .precision(if nanoseconds { Precision::Nano } else { Precision::Micro })
            })
            .and_then(|inactive| inactive.open())
            .and_then(|capture| capture.setnonblock())
            .map_err(|error| open_error(interface, &error))?;
        let mut live = Live {
            link: LinkType::of_dlt(capture.get_datalink().0),
            capture,
            interface: interface.to_owned(),
            fraction_ns: if nanoseconds { 1 } else { 1000 },
            stats: LiveStats::default(),
            last: [0; 3],
        };
        if let Some(expression) = &options.filter {
            let link = live.link;
            live.capture.filter(expression, true).map_err(|error| SourceError::Filter {
                expression: expression.clone(),
                link,
                reason: reason(&error),
            })?;
        }
        Ok(live)
    }

    /// The next frame, if there is one; else rests a millisecond and says [`Polled::Idle`].
    #[inline]
    pub fn poll(&mut self) -> Result<Polled<'_>, SourceError> {
        match self.capture.next_packet() {
            Ok(packet) => {
                let seconds = u64::try_from(packet.header.ts.tv_sec).unwrap_or(0);
                let fraction = u64::try_from(packet.header.ts.tv_usec).unwrap_or(0);
                Ok(Polled::Frame(Frame {
                    time_ns: seconds.saturating_mul(1_000_000_000).saturating_add(fraction.saturating_mul(self.fraction_ns)),
                    wire_bytes: packet.header.len.max(packet.header.caplen),
                    link: self.link,
                    interface: 0,
                    bytes: packet.data,
                }))
            }
            Err(Error::TimeoutExpired) => {
                std::thread::sleep(IDLE_REST);
                Ok(Polled::Idle)
            }
            Err(Error::NoMorePackets) => Ok(Polled::End),
            Err(error) => Err(SourceError::Live { interface: self.interface.clone(), reason: reason(&error) }),
        }
    }

    /// The counts so far. To be asked for at least once while any of them grows by four billion: libpcap's have 32 bits.
    pub fn stats(&mut self) -> Result<LiveStats, SourceError> {
        let now = self.capture.stats();
        let now = now.map_err(|error| SourceError::Live { interface: self.interface.clone(), reason: reason(&error) })?;
        let now = [now.received, now.dropped, now.if_dropped];
        let totals = [&mut self.stats.received, &mut self.stats.dropped_by_kernel, &mut self.stats.dropped_by_interface];
        for (total, (now, last)) in totals.into_iter().zip(now.into_iter().zip(self.last)) {
            *total += u64::from(now.wrapping_sub(last));
        }
        self.last = now;
        Ok(self.stats)
    }

    /// The interface's name.
    pub fn interface(&self) -> &str {
        &self.interface
    }
}

/// What libpcap takes as a C int.
fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// libpcap's own words, without the wrapper's.
fn reason(error: &Error) -> String {
    match error {
        Error::PcapError(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Why an interface could not be opened, and what to do about it.
fn open_error(interface: &str, error: &Error) -> SourceError {
    let reason = reason(error);
    let known: Vec<String> = Device::list().unwrap_or_default().into_iter().map(|device| device.name).collect();
    let interface = interface.to_owned();
    if !known.is_empty() && !known.contains(&interface) {
        return SourceError::NoInterface { interface, known: known.join(", ") };
    }
    let lowercase = reason.to_lowercase();
    if lowercase.contains("permission") || lowercase.contains("not permitted") {
        let program = std::env::current_exe().map_or_else(|_| "wherefrom".to_owned(), |path| path.display().to_string());
        return SourceError::NoPermission { interface, reason, program };
    }
    SourceError::Live { interface, reason }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::Instant;

    use super::*;

    #[test]
    fn an_unknown_interface_is_told_with_those_there_are() {
        let error = Live::open("no-such-interface", &LiveOptions::default()).err().unwrap().to_string();
        if Device::list().unwrap_or_default().is_empty() {
            println!("skipped: no interfaces can be listed here");
            return;
        }
        assert!(error.starts_with("there is no interface 'no-such-interface'; there are: "), "{error}");
    }

    #[test]
    fn permission_errors_say_what_to_do() {
        let Some(device) = Device::list().unwrap_or_default().pop() else {
            println!("skipped: no interfaces can be listed here");
            return;
        };
        let refused = Error::PcapError("socket: Operation not permitted".into());
        let error = open_error(&device.name, &refused).to_string();
        assert!(error.contains("sudo setcap cap_net_raw,cap_net_admin=eip /"), "{error}");
    }

    /// The loopback interface with a filter for one port, or nothing if capture is not allowed here.
    fn loopback(port: u16) -> Option<Live> {
        let options = LiveOptions { filter: Some(format!("udp dst port {port}")), ..LiveOptions::default() };
        match Live::open("lo", &options) {
            Ok(live) => Some(live),
            Err(error) => {
                println!("skipped: {error}");
                None
            }
        }
    }

    #[test]
    fn a_datagram_on_the_loopback_is_seen_and_silence_is_idle() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = receiver.local_addr().unwrap().port();
        let Some(mut live) = loopback(port) else { return };
        assert!(matches!(live.poll(), Ok(Polled::Idle)));
        UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"a datagram to be seen", receiver.local_addr().unwrap()).unwrap();
        let begun = Instant::now();
        let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        while begun.elapsed() < Duration::from_secs(5) {
            if let Polled::Frame(frame) = live.poll().unwrap() {
                assert!(frame.bytes.ends_with(b"a datagram to be seen"));
                assert_eq!(frame.link, LinkType::ETHERNET);
                assert!(frame.time_ns.abs_diff(now_s * 1_000_000_000) < 10_000_000_000, "{}", frame.time_ns);
                assert!(live.stats().unwrap().received >= 1);
                return;
            }
        }
        panic!("no frame within five seconds");
    }

    #[test]
    fn all_interfaces_open_though_they_cannot_be_promiscuous() {
        match Live::open("any", &LiveOptions::default()) {
            Ok(live) => assert!(matches!(live.link, LinkType::LINUX_SLL | LinkType::LINUX_SLL2), "{:?}", live.link),
            Err(error @ (SourceError::NoPermission { .. } | SourceError::NoInterface { .. })) => println!("skipped: {error}"),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_bad_filter_is_quoted() {
        let options = LiveOptions { filter: Some("port and".into()), ..LiveOptions::default() };
        match Live::open("lo", &options).err().unwrap() {
            SourceError::Filter { expression, .. } => assert_eq!(expression, "port and"),
            other => println!("skipped: {other}"),
        }
    }
}
