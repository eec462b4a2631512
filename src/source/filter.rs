//! Capture filters in libpcap's language (pcap-filter(7)), applied to frames of files. Live, the kernel applies them.

use pcap::{BpfProgram, Capture, Linktype};

use super::{Frame, LinkType, SourceError};

/// An expression with one compiled program per link type that has occurred.
pub struct Filter {
    expression: String,
    programs: Vec<(LinkType, BpfProgram)>,
}

impl Filter {
    /// Compiles the expression for Ethernet, so that a mistake shows before any frame is read.
    pub fn new(expression: &str) -> Result<Self, SourceError> {
        let program = compile(expression, LinkType::ETHERNET)?;
        Ok(Filter { expression: expression.to_owned(), programs: vec![(LinkType::ETHERNET, program)] })
    }

    /// Whether the filter lets a frame through. Lengths in the expression are those captured. Fails if the expression says what
    /// libpcap can't test on this link type.
    pub fn passes(&mut self, frame: &Frame<'_>) -> Result<bool, SourceError> {
        let program = match self.programs.iter().position(|(link, _)| *link == frame.link) {
            Some(known) => known,
            None => {
                self.programs.push((frame.link, compile(&self.expression, frame.link)?));
                self.programs.len() - 1
            }
        };
        Ok(self.programs.get(program).is_some_and(|(_, program)| program.filter(frame.bytes)))
    }
}

fn compile(expression: &str, link: LinkType) -> Result<BpfProgram, SourceError> {
    let dead = Capture::dead(Linktype(link.to_dlt()));
    dead.and_then(|capture| capture.compile(expression, true)).map_err(|reason| SourceError::Filter {
        expression: expression.to_owned(),
        link,
        reason: reason.to_string().trim_start_matches("libpcap error: ").to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv4 header of UDP from 1.2.3.4 to 5.6.7.8, ports 53 and 1024.
    const IPV4_UDP: [u8; 28] = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 53, 4, 0, 0, 8, 0, 0];

    fn frame(link: LinkType, bytes: &[u8]) -> Frame<'_> {
        Frame { time_ns: 0, wire_bytes: bytes.len() as u32, link, interface: 0, bytes }
    }

    #[test]
    fn one_expression_fits_several_link_types() {
        let mut filter = Filter::new("udp port 53").unwrap();
        let ethernet = [&[0; 12][..], &[8, 0], &IPV4_UDP].concat();
        assert!(filter.passes(&frame(LinkType::ETHERNET, &ethernet)).unwrap());
        assert!(filter.passes(&frame(LinkType::RAW, &IPV4_UDP)).unwrap());
        assert!(!filter.passes(&frame(LinkType::RAW, &IPV4_UDP[..21])).unwrap());
        assert!(!Filter::new("tcp").unwrap().passes(&frame(LinkType::RAW, &IPV4_UDP)).unwrap());
    }

    #[test]
    fn mistakes_show_at_once_and_are_quoted() {
        let error = Filter::new("port fifty-three and").err().unwrap().to_string();
        assert!(error.starts_with("the filter 'port fifty-three and' cannot be used on frames of link type 1: "), "{error}");
    }

    #[test]
    fn what_a_link_type_cannot_answer_is_an_error() {
        let mut filter = Filter::new("ether host 00:11:22:33:44:55").unwrap();
        let error = filter.passes(&frame(LinkType::RAW, &IPV4_UDP)).unwrap_err().to_string();
        assert!(error.contains("link type 101"), "{error}");
    }
}
