/**
 * UDP flows from many source ports, to see which ways they take; run by Bun inside a VM:
 * `flows.ts echo PORT` answers everything until it is killed; `flows.ts ask ADDRESS PORT FLOWS` sends one datagram in each
 * of FLOWS flows every 50 ms for a second and prints how many flows got an answer.
 */
const [job, ...rest] = process.argv.slice(2);

if (job === "echo") {
  await Bun.udpSocket({
    port: Number(rest[0]),
    socket: {
      data: (socket, data, port, address) => {
        try {
          socket.send(data, port, address);
        } catch {
          // An ICMP error about an earlier answer: this one is lost, nothing else.
        }
      },
      error: () => {},
    },
  });
} else {
  const [address, port, flows] = [rest[0]!, Number(rest[1]), Number(rest[2])];
  const answered = new Set<number>();
  const sockets = await Promise.all(
    Array.from({ length: flows }, (_, flow) =>
      Bun.udpSocket({
        connect: { hostname: address, port },
        // An ICMP error shows as an error of the socket: a flow without an answer, nothing else.
        socket: { data: () => void answered.add(flow), error: () => {} },
      }),
    ),
  );
  for (let round = 0; round < 20; round++) {
    for (const socket of sockets) socket.send("?");
    await Bun.sleep(50);
  }
  console.log(answered.size);
  process.exit(0);
}

export {};
