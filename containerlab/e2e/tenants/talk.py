"""Who reaches whom, asked from inside a VM. Run by python3 without any package.

talk.py serve           answers TCP on ports 22 and 80, UDP on 53 and 80, until it is killed; says "ready" first
talk.py ask ADDRESS…    tries icmp, tcp/22, tcp/80, udp/53 to each address, all at once, and prints one JSON object:
                        {"10.0.0.2": {"icmp": "yes", "tcp/80": "silence", …}}: yes, silence, or unreachable
"""

import asyncio
import errno
import json
import os
import socket
import struct
import sys

PATIENCE = 1.0  # seconds for each of the three attempts
ATTEMPTS = 3
IP_RECVERR = 11  # every ICMP error is an error of the socket
UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.ECONNREFUSED)


async def serve():
    async def greet(reader, writer):
        try:
            while data := await reader.read(4096):
                writer.write(data)
        except ConnectionError:
            pass  # its other end has had enough
        writer.close()

    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, address):
            self.transport.sendto(data, address)

    loop = asyncio.get_running_loop()
    for port in (22, 80):
        await asyncio.start_server(greet, "0.0.0.0", port)
    for port in (53, 80):
        await loop.create_datagram_endpoint(Echo, local_addr=("0.0.0.0", port))
    print("ready", flush=True)
    await asyncio.Event().wait()


async def tcp(address, port):
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.setblocking(False)
        await loop.sock_connect(s, (address, port))
        await loop.sock_sendall(s, b"hello")
        return await loop.sock_recv(s, 100) == b"hello"


async def udp(address, port):
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setblocking(False)
        s.setsockopt(socket.SOL_IP, IP_RECVERR, 1)
        s.connect((address, port))
        await loop.sock_sendall(s, b"hello")
        return await loop.sock_recv(s, 100) == b"hello"


async def icmp(address, _):
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
        s.setblocking(False)
        s.setsockopt(socket.SOL_IP, IP_RECVERR, 1)
        s.connect((address, 0))
        identifier = int.from_bytes(os.urandom(2), "big")
        message = struct.pack("!BBHHH", 8, 0, 0, identifier, 1) + b"hello123"
        total = sum(struct.unpack("!8H", message))
        total = (total >> 16) + (total & 0xFFFF)
        total += total >> 16
        await loop.sock_sendall(s, message[:2] + struct.pack("!H", ~total & 0xFFFF) + message[4:])
        while True:
            answer = await loop.sock_recv(s, 2048)
            header = (answer[0] & 15) * 4
            kind, _, _, of, _ = struct.unpack("!BBHHH", answer[header : header + 8])
            if kind == 0 and of == identifier:
                return True


KINDS = {"icmp": (icmp, 0), "tcp/22": (tcp, 22), "tcp/80": (tcp, 80), "udp/53": (udp, 53)}


async def attempt(kind, address):
    ask, port = KINDS[kind]
    told = "silence"
    for _ in range(ATTEMPTS):
        try:
            async with asyncio.timeout(PATIENCE):
                if await ask(address, port):
                    return "yes"
        except TimeoutError:
            pass
        except OSError as error:
            if error.errno not in UNREACHABLE:
                raise
            told = "unreachable"
            await asyncio.sleep(0.1)
    return told


async def ask(addresses):
    pairs = [(address, kind) for address in addresses for kind in KINDS]
    told = await asyncio.gather(*(attempt(kind, address) for address, kind in pairs))
    matrix = {}
    for (address, kind), answer in zip(pairs, told):
        matrix.setdefault(address, {})[kind] = answer
    print(json.dumps(matrix))


asyncio.run(serve() if sys.argv[1] == "serve" else ask(sys.argv[2:]))
