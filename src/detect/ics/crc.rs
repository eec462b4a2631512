//! The 16-bit cyclic redundancy checks of industrial links, all table-driven.

/// Polynomial of DNP3's data link, 0x3D65 with its bits reversed (IEEE 1815-2012, data link layer).
const DNP_REFLECTED: u16 = 0xa6bc;
/// Polynomial of Modbus's serial line, 0x8005 with its bits reversed (Modbus over Serial Line V1.02 section 6.2.2).
const MODBUS_REFLECTED: u16 = 0xa001;
/// Polynomial of CRC-CCITT, x^16 + x^12 + x^5 + 1 (ITU-T V.41), bits in sending order.
const CCITT: u16 = 0x1021;

static DNP_TABLE: [u16; 256] = reflected_table(DNP_REFLECTED);
static MODBUS_TABLE: [u16; 256] = reflected_table(MODBUS_REFLECTED);
static CCITT_TABLE: [u16; 256] = forward_table(CCITT);

/// CRC-16/DNP: start 0, output inverted, sent low byte first.
pub fn dnp(bytes: &[u8]) -> u16 {
    !reflected(&DNP_TABLE, 0, bytes)
}

/// CRC-16/MODBUS: start 0xFFFF, sent low byte first. ROC and GENISYS use it too.
pub fn modbus(bytes: &[u8]) -> u16 {
    reflected(&MODBUS_TABLE, 0xffff, bytes)
}

/// CRC-CCITT with start 0xFFFF and nothing inverted, sent high byte first: C37.118's check word (IEEE C37.118.2 annex B).
pub fn ccitt(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, &byte| (crc << 8) ^ CCITT_TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

fn reflected(table: &[u16; 256], start: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(start, |crc, &byte| (crc >> 8) ^ table[usize::from(crc as u8 ^ byte)])
}

const fn reflected_table(polynomial: u16) -> [u16; 256] {
    let mut table = [0u16; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u16;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ polynomial } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

const fn forward_table(polynomial: u16) -> [u16; 256] {
    let mut table = [0u16; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = (index as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 != 0 { (crc << 1) ^ polynomial } else { crc << 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The catalogue's check string: each CRC's published value over the nine digits.
    const CHECK: &[u8] = b"123456789";

    #[test]
    fn dnp_matches_its_check_value() {
        assert_eq!(dnp(CHECK), 0xea82);
    }

    #[test]
    fn modbus_matches_its_check_value() {
        assert_eq!(modbus(CHECK), 0x4b37);
    }

    #[test]
    fn ccitt_matches_its_check_value() {
        assert_eq!(ccitt(CHECK), 0x29b1);
    }
}
