/**
 * TAP devices: an Ethernet interface whose other side is this process. Every read and write is one frame led by a
 * virtio_net_hdr (virtio 1.2 §5.1.6, 10 octets, little endian). The device lives as long as its descriptors do.
 */
import { existsSync } from "node:fs";
import { closeDescriptor, openNonblocking } from "#sys/descriptor";
import { check, EACCES, EBUSY, EINVAL, ENOENT, ENXIO, EPERM, errno, SysError } from "#sys/errno";
import { libc } from "#sys/libc";
import { NAME_MAX } from "#sys/link-message";
import { type Memory, pinned } from "#sys/memory";

const DEVICE = "/dev/net/tun";

const TUNSETIFF = 0x4004_54ca;
const TUNSETOFFLOAD = 0x4004_54d0;
const TUNSETVNETHDRSZ = 0x4004_54d8;

const IFF_TAP = 0x0002;
const IFF_MULTI_QUEUE = 0x0100;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
/** The first queue must make the device: a device of that name that exists already is an error, not a catch. */
const IFF_TUN_EXCL = 0x8000;

const TUN_F_CSUM = 0x01;
const TUN_F_TSO4 = 0x02;
const TUN_F_TSO6 = 0x04;
const TUN_F_TSO_ECN = 0x08;
const TUN_F_USO4 = 0x20;
const TUN_F_USO6 = 0x40;
const TCP_OFFLOADS = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
const ALL_OFFLOADS = TCP_OFFLOADS | TUN_F_USO4 | TUN_F_USO6;

/** Octets of the header before each frame. */
const VNET_HEADER_SIZE = 10;
const IFREQ_FLAGS = 16; // struct ifreq: name 16 octets, then a union

const scratch: Memory = pinned(64);

export interface TapSettings {
  /** 1 … 15 octets. */
  readonly name: string;
  /** One descriptor per queue; the kernel spreads flows over them. Default 1. */
  readonly queues?: number;
  /** false: the peer sends no super-packets and no partial checksums. Default true. */
  readonly offload?: boolean;
}

export interface Tap {
  readonly name: string;
  /** Nonblocking, one per queue. Closing the last of them ends the device. */
  readonly descriptors: readonly number[];
  /** True when UDP super-packets (USO, Linux ≥ 6.2) are taken as well. */
  readonly udpSegmentation: boolean;
}

/**
 * Makes a TAP in the calling thread's network namespace (see inNamespace); it may be moved and renamed afterwards.
 * Throws SysError when the device cannot be made, with a hint where there is one.
 */
export function openTap({ name, queues = 1, offload = true }: TapSettings): Tap {
  checkInterfaceName(name);
  const descriptors: number[] = [];
  try {
    for (let queue = 0; queue < queues; queue++) {
      const fd = openDevice();
      descriptors.push(fd);
      attach(fd, name, (queues > 1 ? IFF_MULTI_QUEUE : 0) | (queue === 0 ? IFF_TUN_EXCL : 0));
      scratch.words[0] = VNET_HEADER_SIZE;
      check(libc.ioctl(fd, TUNSETVNETHDRSZ, scratch.address), "ioctl TUNSETVNETHDRSZ", name);
    }
    const first = descriptors[0]!;
    const udpSegmentation = offload && libc.ioctl(first, TUNSETOFFLOAD, ALL_OFFLOADS) === 0;
    if (!udpSegmentation) {
      check(libc.ioctl(first, TUNSETOFFLOAD, offload ? TCP_OFFLOADS : 0), "ioctl TUNSETOFFLOAD", name);
    }
    return { name, descriptors, udpSegmentation };
  } catch (error) {
    descriptors.forEach(closeDescriptor);
    throw error;
  }
}

/** Throws RangeError for what the kernel would refuse, or silently cut, as an interface name. */
export function checkInterfaceName(name: string): void {
  const octets = new TextEncoder().encode(name).length;
  if (octets < 1 || octets > NAME_MAX || /[\s/:%]/.test(name) || name === "." || name === "..") {
    throw new RangeError(`"${name}" cannot name an interface: 1 to ${NAME_MAX} octets, no space, "/", ":" or "%"`);
  }
}

function openDevice(): number {
  try {
    return openNonblocking(DEVICE);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    const hint = hintForOpen(error.errno);
    throw hint === undefined ? error : new SysError("open", error.errno, `${DEVICE} (${hint})`);
  }
}

function hintForOpen(reason: number): string | undefined {
  if (reason === ENOENT) return "the kernel has no TUN/TAP here: modprobe tun, or give the container this device";
  if (reason === ENXIO) return "the device node is there but the kernel has no TUN/TAP driver";
  if (reason === EACCES || reason === EPERM) return "run as root";
  return undefined;
}

function attach(fd: number, name: string, flags: number): void {
  scratch.bytes.fill(0, 0, 40);
  scratch.putString(0, name);
  scratch.view.setUint16(IFREQ_FLAGS, IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | flags, true);
  if (libc.ioctl(fd, TUNSETIFF, scratch.address) === 0) return;
  throw new SysError("make TAP", errno(), hintForAttach(errno(), name));
}

function hintForAttach(reason: number, name: string): string {
  if (reason === EPERM) return `${name} (run as root or with CAP_NET_ADMIN)`;
  const taken = reason === EBUSY || (reason === EINVAL && existsSync(`/proc/sys/net/ipv4/conf/${name}`));
  return taken ? `${name} (an interface of that name exists; "ip link delete ${name}" if a run left it behind)` : name;
}
