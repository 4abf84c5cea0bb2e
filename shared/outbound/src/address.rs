//! Which addresses are out on the Internet: the rule by which every connection is judged.
//!
//! What must stay true: the answer is "no" unless an address is known to be global unicast. An IPv6 form that
//! carries an IPv4 address is judged by the address it carries, because that is where the packets end.
//! Sources: the IANA special-purpose registries for IPv4 and IPv6 (RFC 6890 and its updates).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `(network, prefix length)`: IPv4 that is not global unicast.
const DENIED_V4: [([u8; 4], u32); 17] = [
    ([0, 0, 0, 0], 8),          // "this network"
    ([10, 0, 0, 0], 8),         // private
    ([100, 64, 0, 0], 10),      // carrier-grade NAT; some clouds' metadata
    ([127, 0, 0, 0], 8),        // loopback
    ([168, 63, 129, 16], 32),   // a cloud's host agent behind a public-looking address
    ([169, 254, 0, 0], 16),     // link-local: metadata services
    ([172, 16, 0, 0], 12),      // private
    ([192, 0, 0, 0], 24),       // protocol assignments
    ([192, 0, 2, 0], 24),       // documentation
    ([192, 88, 99, 0], 24),     // 6to4 relays
    ([192, 168, 0, 0], 16),     // private
    ([198, 18, 0, 0], 15),      // benchmarking
    ([198, 51, 100, 0], 24),    // documentation
    ([203, 0, 113, 0], 24),     // documentation
    ([224, 0, 0, 0], 4),        // multicast
    ([240, 0, 0, 0], 4),        // reserved
    ([255, 255, 255, 255], 32), // broadcast
];

/// `(network, prefix length)`: IPv6 inside 2000::/3 that is not global unicast. 6to4 is judged apart.
const DENIED_V6: [([u16; 8], u32); 3] = [
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // protocol assignments, Teredo among them
    ([0x2001, 0x0db8, 0, 0, 0, 0, 0, 0], 32), // documentation
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation
];

/// May a tenant's URL lead here? True only for global unicast addresses.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !DENIED_V4.iter().any(|(network, prefix)| {
        let mask = u32::MAX << (32 - prefix);
        address.to_bits() & mask == u32::from_be_bytes(*network) & mask
    })
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(carried) = carried_v4(address) {
        return is_public_v4(carried);
    }
    let global_unicast = address.segments()[0] & 0xe000 == 0x2000;
    global_unicast
        && !DENIED_V6.iter().any(|(network, prefix)| {
            let mask = u128::MAX << (128 - prefix);
            address.to_bits() & mask == Ipv6Addr::from(*network).to_bits() & mask
        })
}

/// The IPv4 address inside a mapped (`::ffff:0:0/96`), NAT64 (`64:ff9b::/96`) or 6to4 (`2002::/16`) address.
fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, high, low] = address.segments();
    let from = |high: u16, low: u16| Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low));
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0x0064, 0xff9b, 0, 0, 0, 0] => Some(from(high, low)),
        [0x2002, ..] => Some(from(b, c)),
        _ => None,
    }
}
