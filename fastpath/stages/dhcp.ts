/** Which of a VM's packets are DHCP, by their UDP ports (RFC 2131 §4.1). Fragments are never: their ports may be a lie. */
import { type Frame, UNUSUAL_FRAGMENT } from "#fastpath/frame";
import { PROTOCOL_UDP } from "#wire/protocol";

/** Ports 67 and 68 as they lie in a half of the frame's `ports`: the source's in the lower one. */
const SERVER = 0x4300;
const CLIENT = 0x4400;

const isWholeUdp = (f: Frame): boolean => f.protocol === PROTOCOL_UDP && (f.unusual & UNUSUAL_FRAGMENT) === 0;

/** For a DHCP server. */
export const isToDhcpServer = (f: Frame): boolean => f.ports >>> 16 === SERVER && isWholeUdp(f);

/** The same from the port that a client without an address has to use. */
export const isFromDhcpClient = (f: Frame): boolean => (f.ports & 0xffff) === CLIENT && isToDhcpServer(f);

/** For a DHCP client, first fragments too. */
export const isToDhcpClient = (f: Frame): boolean => f.ports >>> 16 === CLIENT && f.protocol === PROTOCOL_UDP;
