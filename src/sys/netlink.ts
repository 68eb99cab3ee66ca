/**
 * Netlink (RFC 3549): messages of nested attributes in the machine's own byte order, and a socket that speaks in
 * questions and answers. What the messages mean is rtnetlink.ts's business.
 */
import { closeDescriptor } from "#sys/descriptor";
import { check, EAGAIN, EINTR, ENOBUFS, errno, SysError } from "#sys/errno";
import { libc } from "#sys/libc";
import { type Memory, pinned, unpin } from "#sys/memory";
import { inNamespace } from "#sys/namespace";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const SOL_NETLINK = 270;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;

const NLM_F_REQUEST = 0x01;
const NLM_F_ACK = 0x04;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;

const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
const NLMSGERR_ATTR_MSG = 1;

const HEADER = 16; // struct nlmsghdr: length u32, type u16, flags u16, sequence u32, port u32
const REQUEST_SIZE = 16384;
const ANSWER_SIZE = 1 << 18; // the kernel fills at most 32 KiB a read; room for large groups of notices
const align4 = (length: number): number => (length + 3) & ~3;

/** Writes one request. Attributes follow the fixed header that the message type asks for. */
export class RequestWriter {
  readonly #memory: Memory;
  #at = 0;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  get length(): number {
    return this.#at;
  }

  begin(type: number, flags: number, sequence: number): this {
    this.#at = 0;
    return this.u32(0).u16(type).u16(flags).u32(sequence).u32(0);
  }

  u8(value: number): this {
    this.#room(1);
    this.#memory.view.setUint8(this.#at++, value);
    return this;
  }

  u16(value: number): this {
    this.#room(2);
    this.#memory.view.setUint16(this.#at, value, true);
    this.#at += 2;
    return this;
  }

  u32(value: number): this {
    this.#room(4);
    this.#memory.view.setUint32(this.#at, value, true);
    this.#at += 4;
    return this;
  }

  octets(value: Uint8Array): this {
    this.#room(value.length);
    this.#memory.bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  attribute(type: number, value: Uint8Array): this {
    return this.u16(value.length + 4)
      .u16(type)
      .octets(value)
      .#pad();
  }

  attribute8(type: number, value: number): this {
    return this.u16(5).u16(type).u8(value).#pad();
  }

  attribute32(type: number, value: number): this {
    return this.u16(8).u16(type).u32(value);
  }

  attributeString(type: number, value: string): this {
    return this.attribute(type, new TextEncoder().encode(`${value}\0`));
  }

  /** An attribute made of what `write` adds: other attributes, after a fixed struct where the type has one. */
  nest(type: number, write: (nested: this) => void): this {
    const start = this.#at;
    this.u16(0).u16(type | NLA_F_NESTED);
    write(this);
    return this.#setLength16(start);
  }

  /** An element led by a 16-bit length that is no attribute (struct rtnexthop); `write` adds all that follows. */
  record(write: (record: this) => void): this {
    const start = this.#at;
    this.u16(0);
    write(this);
    return this.#setLength16(start);
  }

  /** Closes the message. */
  end(): number {
    this.#memory.view.setUint32(0, this.#at, true);
    return this.#at;
  }

  #setLength16(start: number): this {
    this.#memory.view.setUint16(start, this.#at - start, true);
    return this.#pad();
  }

  #pad(): this {
    while (this.#at & 3) this.u8(0);
    return this;
  }

  #room(octets: number): void {
    if (this.#at + octets > REQUEST_SIZE) throw new RangeError("netlink request is too long");
  }
}

/** One message of an answer, copied out of the socket's buffer. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** The fixed header and the attributes. */
  readonly body: Uint8Array;
}

/** Attributes by type; a type that comes twice keeps its last. */
export type Attributes = ReadonlyMap<number, Uint8Array>;

/** Reads attributes in body[from …]. Stops at the first that is malformed. */
export function readAttributes(body: Uint8Array, from: number): Attributes {
  const found = new Map<number, Uint8Array>();
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  for (let at = from; at + 4 <= body.length; ) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > body.length) break;
    found.set(view.getUint16(at + 2, true) & NLA_TYPE_MASK, body.subarray(at + 4, at + length));
    at += align4(length);
  }
  return found;
}

export function attributeU32(attributes: Attributes, type: number): number | undefined {
  const value = attributes.get(type);
  if (value === undefined || value.length < 4) return undefined;
  return new DataView(value.buffer, value.byteOffset).getUint32(0, true);
}

export function attributeText(attributes: Attributes, type: number): string | undefined {
  const value = attributes.get(type);
  if (value === undefined) return undefined;
  const end = value.indexOf(0);
  return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
}

export class NetlinkSocket {
  readonly fd: number;
  readonly #request: Memory = pinned(REQUEST_SIZE);
  readonly #answer: Memory = pinned(ANSWER_SIZE);
  readonly #writer = new RequestWriter(this.#request);
  #sequence = 0;

  /**
   * @param protocol NETLINK_ROUTE = 0, …
   * @param groups bit mask of the multicast groups to listen to.
   * @param namespace where the socket lives; it stays there.
   */
  constructor(protocol: number, groups = 0, namespace?: string) {
    this.fd = inNamespace(namespace, () =>
      check(libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), "socket", "AF_NETLINK"),
    );
    const { view, address } = this.#request;
    view.setUint32(0, AF_NETLINK, true); // struct sockaddr_nl: family u16, pad u16, port u32, groups u32
    view.setUint32(8, groups, true);
    check(libc.bind(this.fd, address, 12), "bind", "AF_NETLINK");
    view.setUint32(0, 1, true);
    libc.setsockopt(this.fd, SOL_NETLINK, NETLINK_EXT_ACK, address, 4); // without it errors have no text: harmless
    libc.setsockopt(this.fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, address, 4);
  }

  /**
   * Asks and waits for the answer: what was asked for, if anything, and the kernel's verdict.
   * @param flags NLM_F_CREATE …
   * @param about names operation and object in the error, `set link eth0 mtu`.
   * @throws SysError with the kernel's errno and, where it gives one, its explanation.
   */
  request(type: number, flags: number, about: string, write: (request: RequestWriter) => void): NetlinkMessage[] {
    return this.#ask(type, flags | NLM_F_ACK, about, write);
  }

  /**
   * Several requests in one go: the kernel carries them out one after another, without returning in between.
   * @throws SysError for the first that is refused; those behind it are carried out all the same.
   */
  batch(type: number, about: string, writes: readonly ((request: RequestWriter) => void)[]): void {
    if (writes.length === 0) return;
    const requests = writes.map((write) => {
      write(this.#writer.begin(type, NLM_F_REQUEST | NLM_F_ACK, ++this.#sequence));
      return this.#request.bytes.slice(0, this.#writer.end());
    });
    const octets = Buffer.concat(requests);
    if (octets.length > REQUEST_SIZE) throw new RangeError("netlink requests are too long");
    this.#request.bytes.set(octets);
    const first = this.#sequence - writes.length + 1;
    check(libc.send(this.fd, this.#request.address, octets.length, 0), about);
    const verdicts: NetlinkMessage[] = [];
    while (verdicts.length < writes.length) {
      verdicts.push(...this.#receive(0, about).filter(({ sequence }) => sequence >= first));
    }
    for (const verdict of verdicts) throwIfRefused(verdict, about);
  }

  /** Asks for all objects of a kind. */
  dump(type: number, about: string, write: (request: RequestWriter) => void): NetlinkMessage[] {
    return this.#ask(type, NLM_F_DUMP, about, write);
  }

  /** Notices of the multicast groups that have come; never waits. undefined: some were lost, ask for everything anew. */
  notices(): NetlinkMessage[] | undefined {
    try {
      const all: NetlinkMessage[] = [];
      for (;;) {
        const some = this.#receive(MSG_DONTWAIT, "netlink notices");
        if (some.length === 0) return all;
        all.push(...some);
      }
    } catch (error) {
      if (error instanceof SysError && error.errno === ENOBUFS) return undefined;
      throw error;
    }
  }

  close(): void {
    closeDescriptor(this.fd);
    unpin(this.#request);
    unpin(this.#answer);
  }

  #ask(type: number, flags: number, about: string, write: (request: RequestWriter) => void): NetlinkMessage[] {
    const sequence = ++this.#sequence;
    write(this.#writer.begin(type, flags | NLM_F_REQUEST, sequence));
    check(libc.send(this.fd, this.#request.address, this.#writer.end(), 0), about);
    const answer: NetlinkMessage[] = [];
    for (;;) {
      for (const message of this.#receive(0, about)) {
        if (message.sequence !== sequence) continue; // left over from a request that threw half-way
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          throwIfRefused(message, about);
          return answer;
        }
        answer.push(message);
      }
    }
  }

  #receive(flags: number, about: string): NetlinkMessage[] {
    const length = libc.recv(this.fd, this.#answer.address, this.#answer.size, flags);
    if (length === -1) {
      const reason = errno();
      if (reason === EAGAIN || reason === EINTR) return [];
      throw new SysError(about, reason);
    }
    return splitMessages(this.#answer.bytes.slice(0, length));
  }
}

function splitMessages(octets: Uint8Array): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  for (let at = 0; at + HEADER <= octets.length; ) {
    const length = view.getUint32(at, true);
    if (length < HEADER || at + length > octets.length) break;
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      body: octets.subarray(at + HEADER, at + length),
    });
    at += align4(length);
  }
  return messages;
}

/** NLMSG_ERROR: errno i32 (0 = done), the request's header (and body, unless capped), attributes. NLMSG_DONE: errno i32. */
function throwIfRefused(message: NetlinkMessage, about: string): void {
  const { body, flags } = message;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const code = body.length < 4 ? 0 : -view.getInt32(0, true);
  if (code === 0) return;
  if (message.type === NLMSG_DONE || !(flags & NLM_F_ACK_TLVS)) throw new SysError(about, code);
  const quoted = flags & NLM_F_CAPPED ? HEADER : align4(view.getUint32(4, true));
  const text = attributeText(readAttributes(body, 4 + quoted), NLMSGERR_ATTR_MSG);
  throw new SysError(about, code, text === undefined ? undefined : `(${text})`);
}
