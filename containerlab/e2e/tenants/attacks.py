"""What a hostile VM may try, sent from inside it; run by Debian's python3 with python3-scapy.

attacks.py OWN GATEWAY GATEWAY_MAC NEIGHBOUR FORBIDDEN
    OWN: the VM's address; NEIGHBOUR: another VM's of its network; FORBIDDEN: an address that its rules allow TCP port 80
    of and nothing else. Reads names of attacks from standard input, one a line, and answers "sent NAME" to each.
"""

import logging
import sys

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)

from scapy.all import (  # noqa: E402
    ARP,
    BOOTP,
    DHCP,
    GRE,
    ICMP,
    ICMPv6ND_NA,
    ICMPv6ND_RA,
    ICMPv6NDOptDstLLAddr,
    IP,
    TCP,
    UDP,
    Dot1Q,
    Ether,
    IPOption_LSRR,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    Raw,
    fragment,
    get_if_hwaddr,
    sendp,
)

own, gateway, gateway_mac, neighbour, forbidden = sys.argv[1:]
mac = get_if_hwaddr("eth1")
OTHER = "02:00:00:00:66:66"
EVERYBODY = "ff:ff:ff:ff:ff:ff"
OSPF = 89
out = Ether(src=mac, dst=gateway_mac)
ping = ICMP(id=7)
tcp22 = TCP(sport=40000, dport=22, flags="S")
tcp80 = TCP(sport=40001, dport=80, flags="S")


def cut(packet, size):
    """Pieces of `size` octets of payload, each in a frame of its own."""
    return [out / piece for piece in fragment(packet, fragsize=size)]


def overwriting():
    """A fragment that would write another destination port over that of a first one."""
    forged = bytes(TCP(sport=40001, dport=22, flags="S"))[:8]
    return out / IP(src=own, dst=forbidden, id=99, flags="MF", frag=1, proto=6) / Raw(forged + b"B" * 8)


ATTACKS = {
    "source address": lambda: out / IP(src=neighbour, dst=forbidden) / ping,
    "source outside": lambda: out / IP(src="192.0.2.77", dst=neighbour) / ping,
    "source mac": lambda: Ether(src=OTHER, dst=gateway_mac) / IP(src=own, dst=neighbour) / ping,
    "arp claim": lambda: Ether(src=mac, dst=EVERYBODY) / ARP(op=2, hwsrc=mac, psrc=neighbour, pdst=neighbour),
    "arp mac": lambda: Ether(src=mac, dst=EVERYBODY) / ARP(op=2, hwsrc=OTHER, psrc=own, pdst=own),
    "arp for the gateway": lambda: Ether(src=mac, dst=EVERYBODY) / ARP(op=2, hwsrc=mac, psrc=gateway, pdst=gateway),
    "nd claim": lambda: Ether(src=mac, dst="33:33:00:00:00:01")
    / IPv6(src="fe80::1", dst="ff02::1")
    / ICMPv6ND_NA(tgt="fe80::1", R=1, O=1)
    / ICMPv6NDOptDstLLAddr(lladdr=mac),
    "rogue ra": lambda: Ether(src=mac, dst="33:33:00:00:00:01") / IPv6(src="fe80::66", dst="ff02::1") / ICMPv6ND_RA(),
    "rogue dhcp": lambda: Ether(src=mac, dst=EVERYBODY)
    / IP(src=own, dst="255.255.255.255")
    / UDP(sport=67, dport=68)
    / BOOTP(op=2, yiaddr=neighbour)
    / DHCP(options=[("message-type", "offer"), "end"]),
    "forbidden port": lambda: out / IP(src=own, dst=forbidden) / tcp22,
    "forbidden port in fragments": lambda: cut(IP(src=own, dst=forbidden, id=98) / tcp22 / Raw(b"A" * 64), 24)[0],
    "tiny fragment": lambda: cut(IP(src=own, dst=forbidden, id=97) / tcp80 / Raw(b"A" * 64), 8)[0],
    "fragment over the ports": overwriting,
    "source route": lambda: out / IP(src=own, dst=neighbour, options=[IPOption_LSRR(routers=[forbidden])]) / ping,
    "ipv6": lambda: out / IPv6(src="2001:db8:a1:1::66", dst="2001:db8:a1:2::1") / ping,
    "ipv6 extension headers": lambda: out
    / IPv6(src="2001:db8:a1:1::66", dst="2001:db8:a1:2::1")
    / IPv6ExtHdrDestOpt()
    / IPv6ExtHdrFragment(offset=0, m=1)
    / tcp22,
    "gre in ipv6": lambda: out / IPv6(src="2001:db8:a1:2::1", dst="2001:db8:a1:1::1", nh=47) / GRE() / IP(dst=neighbour),
    "ospf to its group": lambda: Ether(src=mac, dst="01:00:5e:00:00:05")
    / IP(src=own, dst="224.0.0.5", proto=OSPF, ttl=1)
    / Raw(bytes(44)),
    "ospf in ipv6": lambda: Ether(src=mac, dst="33:33:00:00:00:05")
    / IPv6(src="fe80::66", dst="ff02::5", nh=OSPF)
    / Raw(bytes(36)),
    "vlan": lambda: Ether(src=mac, dst=gateway_mac) / Dot1Q(vlan=7) / IP(src=own, dst=neighbour) / ping,
    "past the gateway": lambda: Ether(src=mac, dst=OTHER) / IP(src=own, dst=neighbour) / ping,
}

print("ready", flush=True)
for line in sys.stdin:
    name = line.strip()
    sendp(ATTACKS[name](), iface="eth1", verbose=False)
    print(f"sent {name}", flush=True)
