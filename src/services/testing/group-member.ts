/**
 * For tests: a program that listens to a multicast group until its standard output's reader has had enough.
 * `group-member.ts INTERFACE-ADDRESS GROUP [SOURCE]`; for IPv6 the interface's name is in the zone: `::%t0`.
 */
import { createSocket } from "node:dgram";

const [at = "", group = "", source] = process.argv.slice(2);
const socket = createSocket({ type: group.includes(":") ? "udp6" : "udp4", reuseAddr: true });
socket.bind(5555, () => {
  if (source === undefined) socket.addMembership(group, at);
  else socket.addSourceSpecificMembership(source, group, at);
  console.log("listening");
});
