/** What an interface does by itself with what it is to send: ethtool(8)'s features, as far as super-packets need them. */
import { closingAfter } from "#sys/descriptor";
import { check, EOPNOTSUPP, errno, SysError } from "#sys/errno";
import { libc } from "#sys/libc";
import { type Memory, pinned } from "#sys/memory";

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 0o2000002;
const SIOCETHTOOL = 0x8946;
const ETHTOOL_GTXCSUM = 0x16;
const ETHTOOL_STXCSUM = 0x17;
const ETHTOOL_GTSO = 0x1e;
const IFREQ_DATA = 16; // struct ifreq: name 16 octets, then here a pointer
const VALUE = 40; // struct ethtool_value { cmd u32, data u32 }, behind the ifreq

const scratch: Memory = pinned(64);

/**
 * True when an interface of the calling thread's namespace finishes checksums and segments TCP by itself (`ethtool -k`:
 * tx-checksumming, tcp-segmentation-offload). Where it does not the kernel does, but only on the way through the queueing
 * discipline: past that it drops what would have to be segmented (Linux 6.18, __dev_direct_xmit). Throws SysError when
 * there is no such interface.
 */
export const segmentsItself = (name: string): boolean => ask(name, ETHTOOL_GTXCSUM) && ask(name, ETHTOOL_GTSO);

/** Switches that off or on, as `ethtool -K NAME tx off` does. Throws SysError. */
export function finishChecksums(name: string, isOn: boolean): void {
  ask(name, ETHTOOL_STXCSUM, isOn ? 1 : 0);
}

function ask(name: string, command: number, value = 0): boolean {
  scratch.bytes.fill(0);
  scratch.putString(0, name);
  const at = scratch.address + VALUE;
  scratch.words[IFREQ_DATA / 4] = at | 0;
  scratch.words[IFREQ_DATA / 4 + 1] = Math.floor(at / 2 ** 32);
  scratch.words[VALUE / 4] = command;
  scratch.words[VALUE / 4 + 1] = value;
  const socket = check(libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0), "socket", "AF_UNIX");
  return closingAfter(socket, () => {
    if (libc.ioctl(socket, SIOCETHTOOL, scratch.address) === 0) return scratch.words[VALUE / 4 + 1] !== 0;
    if (errno() === EOPNOTSUPP) return false; // a driver that knows of no such thing
    throw new SysError("ioctl SIOCETHTOOL", errno(), name);
  });
}
