//! The rule by which addresses are judged, at the edges of every range.

use outbound::is_public;

fn public(text: &str) -> bool {
    is_public(text.parse().unwrap_or_else(|_| unreachable!("{text} is not an address")))
}

/// First and last address of every IPv4 range that is denied, with the neighbours that are not.
#[test]
fn special_ipv4_ranges_are_denied_to_their_last_address() {
    let ranges = [
        (None, "0.0.0.0", "0.255.255.255", Some("1.0.0.0")),
        (Some("9.255.255.255"), "10.0.0.0", "10.255.255.255", Some("11.0.0.0")),
        (Some("100.63.255.255"), "100.64.0.0", "100.127.255.255", Some("100.128.0.0")),
        (Some("126.255.255.255"), "127.0.0.0", "127.255.255.255", Some("128.0.0.0")),
        (Some("168.63.129.15"), "168.63.129.16", "168.63.129.16", Some("168.63.129.17")),
        (Some("169.253.255.255"), "169.254.0.0", "169.254.255.255", Some("169.255.0.0")),
        (Some("172.15.255.255"), "172.16.0.0", "172.31.255.255", Some("172.32.0.0")),
        (Some("191.255.255.255"), "192.0.0.0", "192.0.0.255", Some("192.0.1.0")),
        (Some("192.0.1.255"), "192.0.2.0", "192.0.2.255", Some("192.0.3.0")),
        (Some("192.88.98.255"), "192.88.99.0", "192.88.99.255", Some("192.88.100.0")),
        (Some("192.167.255.255"), "192.168.0.0", "192.168.255.255", Some("192.169.0.0")),
        (Some("198.17.255.255"), "198.18.0.0", "198.19.255.255", Some("198.20.0.0")),
        (Some("198.51.99.255"), "198.51.100.0", "198.51.100.255", Some("198.51.101.0")),
        (Some("203.0.112.255"), "203.0.113.0", "203.0.113.255", Some("203.0.114.0")),
        (Some("223.255.255.255"), "224.0.0.0", "255.255.255.255", None),
    ];
    for (before, first, last, after) in ranges {
        assert!(!public(first), "{first}");
        assert!(!public(last), "{last}");
        assert!(before.is_none_or(public), "{before:?}");
        assert!(after.is_none_or(public), "{after:?}");
        // The same verdict through every IPv6 form that carries an IPv4 address.
        for v4 in [Some(first), Some(last), before, after].into_iter().flatten() {
            let [a, b, c, d] = v4.parse::<std::net::Ipv4Addr>().map(|ip| ip.octets()).unwrap_or_default();
            let six_to_four = format!("2002:{:02x}{:02x}:{:02x}{:02x}::1", a, b, c, d);
            for carrier in [format!("::ffff:{v4}"), format!("64:ff9b::{v4}"), six_to_four] {
                assert_eq!(public(&carrier), public(v4), "{carrier}");
            }
            assert!(!public(&format!("::{v4}")), "the deprecated compatible form is never public");
        }
    }
}

#[test]
fn only_global_unicast_ipv6_is_public() {
    for denied in [
        "::",
        "::1",
        "::2",
        "1::",
        "64:ff9b:1::",
        "64:ff9b:1:ffff::1",
        "100::",
        "100::1",
        "1fff:ffff::",
        "2001::",
        "2001:0:1::",
        "2001:1ff:ffff::",
        "2001:db8::",
        "2001:db8:ffff::1",
        "3fff::",
        "3fff:fff::1",
        "4000::",
        "5f00::",
        "8000::",
        "fbff::",
        "fc00::",
        "fdff:ffff::",
        "fe00::",
        "fe80::1",
        "febf::1",
        "fec0::",
        "feff::",
        "ff00::",
        "ff02::1",
        "ffff::",
    ] {
        assert!(!public(denied), "{denied}");
    }
    for allowed in [
        "2000::1",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2001:db7:ffff::1",
        "2001:db9::",
        "2606:4700::1111",
        "2a00::1",
        "3ffe::1",
        "3fff:1000::1",
    ] {
        assert!(public(allowed), "{allowed}");
    }
}
