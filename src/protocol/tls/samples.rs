//! Messages made up for tests.

/// A list behind a length of two bytes.
pub fn vector16(values: &[u16]) -> Vec<u8> {
    let mut bytes = (2 * values.len() as u16).to_be_bytes().to_vec();
    bytes.extend(values.iter().flat_map(|value| value.to_be_bytes()));
    bytes
}

/// The extension that names a host.
pub fn server_name(host: &str) -> (u16, Vec<u8>) {
    let length = host.len() as u16;
    let mut content = (length + 3).to_be_bytes().to_vec();
    content.push(0);
    content.extend(length.to_be_bytes());
    content.extend(host.bytes());
    (0x0000, content)
}

/// The extension that names application protocols.
pub fn alpn(protocols: &[&[u8]]) -> (u16, Vec<u8>) {
    let list: Vec<u8> = protocols.iter().flat_map(|name| [&[name.len() as u8], *name].concat()).collect();
    (0x0010, [&(list.len() as u16).to_be_bytes()[..], &list].concat())
}

/// The extension that names versions.
pub fn supported_versions(versions: &[u16]) -> (u16, Vec<u8>) {
    let mut content = vec![2 * versions.len() as u8];
    content.extend(versions.iter().flat_map(|version| version.to_be_bytes()));
    (0x002b, content)
}

fn extension_block(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let block: Vec<u8> = extensions
        .iter()
        .flat_map(|(kind, content)| [&kind.to_be_bytes()[..], &(content.len() as u16).to_be_bytes(), content].concat())
        .collect();
    [&(block.len() as u16).to_be_bytes()[..], &block].concat()
}

/// A handshake message around a body.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind], &(body.len() as u32).to_be_bytes()[1..], body].concat()
}

/// A ClientHello with its handshake header.
pub fn client_hello(version: u16, ciphers: &[u16], extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let block = if extensions.is_empty() { Vec::new() } else { extension_block(extensions) };
    message(1, &[&version.to_be_bytes()[..], &[7; 32], &[0], &vector16(ciphers), &[1, 0], &block].concat())
}

/// A ServerHello with its handshake header.
pub fn server_hello(version: u16, cipher: u16, extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let block = extension_block(extensions);
    message(2, &[&version.to_be_bytes()[..], &[9; 32], &[0], &cipher.to_be_bytes(), &[0], &block].concat())
}

/// Messages in records of at most so many bytes.
pub fn records(messages: &[u8], bytes_max: usize) -> Vec<u8> {
    messages.chunks(bytes_max).flat_map(|part| [&[22, 3, 1], &(part.len() as u16).to_be_bytes()[..], part].concat()).collect()
}
