//! The 16-bit cyclic redundancy checks of the industrial protocols, named as in the catalogue of parametrised CRC algorithms.

/// The remainder of each byte value for a reflected polynomial (least significant bit first).
const fn reflected_table(polynomial: u16) -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u16;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ polynomial } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

/// The remainder of each byte value for a polynomial taken most significant bit first.
const fn direct_table(polynomial: u16) -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 != 0 { crc << 1 ^ polynomial } else { crc << 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

fn reflected(table: &[u16; 256], start: u16, bytes: impl IntoIterator<Item = u8>) -> u16 {
    bytes.into_iter().fold(start, |crc, byte| crc >> 8 ^ table[usize::from(crc as u8 ^ byte)])
}

fn direct(table: &[u16; 256], start: u16, bytes: &[u8]) -> u16 {
    bytes.iter().fold(start, |crc, byte| crc << 8 ^ table[usize::from((crc >> 8) as u8 ^ byte)])
}

static A6BC: [u16; 256] = reflected_table(0xa6bc);
static A001: [u16; 256] = reflected_table(0xa001);
static H8408: [u16; 256] = reflected_table(0x8408);
static H1021: [u16; 256] = direct_table(0x1021);

/// CRC-16/DNP: 3D65 reflected, start 0, inverted. DNP3.
pub fn dnp(bytes: &[u8]) -> u16 {
    !reflected(&A6BC, 0, bytes.iter().copied())
}

/// CRC-16/MODBUS: 8005 reflected, start FFFF. ROC, GENISYS.
pub fn modbus(bytes: impl IntoIterator<Item = u8>) -> u16 {
    reflected(&A001, 0xffff, bytes)
}

/// CRC-16/ARC: 8005 reflected, start 0. TriStation.
pub fn arc(bytes: &[u8]) -> u16 {
    reflected(&A001, 0, bytes.iter().copied())
}

/// CRC-16/X-25 (IBM-SDLC): 1021 reflected, start FFFF, inverted. HDLC.
pub fn x25(bytes: &[u8]) -> u16 {
    !reflected(&H8408, 0xffff, bytes.iter().copied())
}

/// CRC-16/CCITT-FALSE (IBM-3740): 1021, start FFFF. C37.118.
pub fn ccitt_false(bytes: &[u8]) -> u16 {
    direct(&H1021, 0xffff, bytes)
}

/// CRC-16/XMODEM: 1021, start 0. Ether-S-Bus.
pub fn xmodem(bytes: &[u8]) -> u16 {
    direct(&H1021, 0, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The catalogue's check input and its values.
    const CHECK: &[u8] = b"123456789";

    #[test]
    fn the_catalogues_check_values() {
        assert_eq!(dnp(CHECK), 0xea82);
        assert_eq!(modbus(CHECK.iter().copied()), 0x4b37);
        assert_eq!(arc(CHECK), 0xbb3d);
        assert_eq!(x25(CHECK), 0x906e);
        assert_eq!(ccitt_false(CHECK), 0x29b1);
        assert_eq!(xmodem(CHECK), 0x31c3);
    }
}
