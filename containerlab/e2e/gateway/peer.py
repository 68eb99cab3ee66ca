"""Who sees whom under which address, through a gateway. Run by python3 without any package.

peer.py serve                      TCP 80 and UDP 53 of both families tell the asker its own address and port, then echo; "ready" first
peer.py tcp ADDRESS                asks TCP 80, prints what it was told: "198.18.0.10 40000"; or the error's name
peer.py udp ADDRESS [OCTETS]       the same of UDP 53 with so many octets, which have to come back
peer.py keep ADDRESS               a TCP connection that echoes a word ten times a second; prints "gap SECONDS" when its
                                   input ends: the longest time without an echo; or "broken"
"""

import errno
import selectors
import socket
import socketserver
import sys
import threading
import time


class Greeter(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            self.request.sendall(("%s %d\n" % self.client_address[:2]).encode())
            while data := self.request.recv(65536):
                self.request.sendall(data)
        except OSError:
            pass  # its other end has gone


class Teller(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        sock.sendto(("%s %d\n" % self.client_address[:2]).encode() + data, self.client_address)


class Threads(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def ipv6_alone(server):
    server.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


class Threads6(Threads):
    address_family = socket.AF_INET6

    def server_bind(self):
        ipv6_alone(self)
        super().server_bind()


class Datagrams(socketserver.UDPServer):
    max_packet_size = 65535


class Datagrams6(Datagrams):
    address_family = socket.AF_INET6

    def server_bind(self):
        ipv6_alone(self)
        super().server_bind()


def serve():
    servers = [Threads(("0.0.0.0", 80), Greeter), Datagrams(("0.0.0.0", 53), Teller)]
    servers += [Threads6(("::", 80), Greeter), Datagrams6(("::", 53), Teller)]
    for server in servers:
        threading.Thread(target=server.serve_forever).start()
    print("ready", flush=True)


def tcp(address):
    with socket.create_connection((address, 80), timeout=3) as s:
        return s.makefile().readline().strip()


def udp(address, octets="10"):
    data = bytes(i & 0xFF for i in range(int(octets)))
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        if ":" not in address:
            s.setsockopt(socket.SOL_IP, 10, 0)  # IP_MTU_DISCOVER: fragments are allowed
        s.connect((address, 53))
        for attempt in range(3):
            try:
                s.send(data)
                told, rest = s.recv(65535).split(b"\n", 1)
                return told.decode() if rest == data else "other data"
            except TimeoutError:
                pass
        raise TimeoutError()


def keep(address):
    with socket.create_connection((address, 80), timeout=3) as s:
        s.settimeout(8)
        s.recv(100)
        gap = 0.0
        print("ready", flush=True)
        selector = selectors.DefaultSelector()
        selector.register(sys.stdin, selectors.EVENT_READ)
        while not selector.select(0.1):
            before = time.monotonic()
            s.sendall(b"word")
            if s.recv(100) == b"":
                return "broken"
            gap = max(gap, time.monotonic() - before)
        return "gap %.2f" % gap


def main():
    what, *rest = sys.argv[1:]
    if what == "serve":
        serve()
        return
    try:
        print({"tcp": tcp, "udp": udp, "keep": keep}[what](*rest), flush=True)
    except TimeoutError:
        print("silence" if what != "keep" else "broken", flush=True)
    except OSError as error:
        print(errno.errorcode.get(error.errno, str(error)), flush=True)


main()
