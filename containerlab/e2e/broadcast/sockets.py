"""UDP sockets of a VM: `listen PORT INTERFACE [GROUP …]` tells at SIGTERM what came, as JSON; `send PORT INTERFACE ADDRESS COUNT
RATE TEXT` sends COUNT datagrams, "TEXT 0" and so on, RATE a second."""

import json
import select
import signal
import socket
import struct
import sys
import time


def listen(port, interface, groups):
    index = socket.if_nametoindex(interface)
    four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    for each in (four, six):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        # The bridge in the namespace of a VM that moves would hear all of it once more.
        each.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        each.setblocking(False)
    four.bind(("", port))
    six.bind(("::", port))
    for group in groups:
        if ":" in group:
            name = socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", index)
            six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, name)
        else:
            name = struct.pack("=4s4si", socket.inet_aton(group), bytes(4), index)
            four.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, name)
    came = []
    going = [True]
    signal.signal(signal.SIGTERM, lambda *_: going.clear())
    print("ready", flush=True)
    while going:
        try:
            ready, _, _ = select.select([four, six], [], [], 0.05)
        except InterruptedError:
            continue
        for each in ready:
            try:
                while True:
                    data, sender = each.recvfrom(65536)
                    came.append([data[:64].decode(), sender[0]])
            except BlockingIOError:
                pass
    print(json.dumps(came), flush=True)


def send(port, interface, address, count, rate, text):
    index = socket.if_nametoindex(interface)
    is6 = ":" in address
    s = socket.socket(socket.AF_INET6 if is6 else socket.AF_INET, socket.SOCK_DGRAM)
    if is6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 8)
    else:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", bytes(4), bytes(4), index))
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 8)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    begin = time.monotonic()
    for i in range(count):
        rest = begin + i / rate - time.monotonic()
        if rest > 0:
            time.sleep(rest)
        s.sendto(f"{text} {i}".encode(), (address, port, 0, index) if is6 else (address, port))


if sys.argv[1] == "listen":
    listen(int(sys.argv[2]), sys.argv[3], sys.argv[4:])
else:
    send(int(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5]), float(sys.argv[6]), sys.argv[7])
