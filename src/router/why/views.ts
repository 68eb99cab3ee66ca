/** What `POST /v1/why` takes and answers, and what a traced packet looks like: the API's schema. docs/debugging.md explains it. */

/** A frame as it comes in by a port: what another router has said that it would send. */
export interface FrameQuestion {
  /** Name of the port; absent: the one that has the frame's destination MAC address. */
  readonly port?: string;
  /** Octets in hexadecimal digits, from the Ethernet header on. */
  readonly frame: string;
}

/** A packet that a VM of this router would send. */
export interface PacketQuestion {
  /** Name of the VM. */
  readonly from: string;
  /** IPv4 or IPv6 address; of the VM's own the one is used that is of that kind. */
  readonly to: string;
  /** "icmp" (default: an echo request), "tcp" (a SYN), "udp", or a number. */
  readonly protocol?: string;
  /** Destination port, 0 … 65535. Default 80 for tcp, 33434 for udp. */
  readonly port?: number;
  /** Default 49152; of icmp the identifier. */
  readonly sourcePort?: number;
  /** Octets of the IP packet; default: as few as there can be, with 16 octets of payload. At most 65535. */
  readonly size?: number;
  /** True: IPv4 routers may cut it. Default false. */
  readonly fragment?: boolean;
  /** Which of the VM's addresses it is sent from. Default: its first one of that kind. */
  readonly source?: string;
  /** 16 octets in hexadecimal digits, which its payload begins with. Default: zeros. */
  readonly nonce?: string;
}

export type WhyQuestion = FrameQuestion | PacketQuestion;

export interface EndingView {
  /** As `ain show counters` counts it. */
  readonly name: string;
  readonly fate: "forwarded" | "punted" | "consumed" | "dropped";
  readonly meaning: string;
}

/** The ICMP error that the ending owes the sender. */
export interface IcmpView {
  readonly type: number;
  readonly code: number;
  readonly text: string;
}

export interface HeaderView {
  /** "ethernet", "ipv4", "ipv6", "fragment", "gre", "tcp", "udp", "icmp", "icmp6", "arp", "payload", "cut off". */
  readonly header: string;
  readonly text: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

export interface PacketView {
  /** Octets of the whole frame. */
  readonly length: number;
  /** In hexadecimal digits; of a traced packet the beginning only. */
  readonly octets: string;
  readonly headers: readonly HeaderView[];
}

/** What a stage of the pipeline made of the packet. */
export interface StageView {
  /** As in ARCHITECTURE.md, "Pipelines". */
  readonly stage: string;
  /** "continue", or the name of the ending. */
  readonly verdict: string;
  /** What was decided and why; empty: nothing but the verdict. */
  readonly text: string;
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
}

/** A frame that leaves. */
export interface SentView {
  readonly port: string;
  readonly kind: "uplink" | "vm" | "service" | "outside";
  /** The VM that it is for. */
  readonly vm: string | null;
  /** The next hop's address on the link, where it has one. */
  readonly nextHop: string | null;
  /** Destination of the Ethernet header. */
  readonly mac: string;
  readonly packet: PacketView;
}

export interface WhyAnswer {
  readonly router: string;
  /** By which the packet comes in. */
  readonly port: string;
  /** As it comes in. */
  readonly packet: PacketView;
  readonly stages: readonly StageView[];
  readonly ending: EndingView;
  readonly icmp: IcmpView | null;
  /** What is not known yet, and was supposed: that a VM has the MAC address that it is about to tell. */
  readonly supposed: readonly string[];
  /** Several: it is cut into fragments, or copied. */
  readonly sent: readonly SentView[];
  /** The ICMP error, as it leaves this router. */
  readonly errors: readonly SentView[];
}
