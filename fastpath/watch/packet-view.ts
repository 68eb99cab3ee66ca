/**
 * A frame as filters see it: read where it lies, before any stage has; any octets will do. After the pipeline has run the frame's
 * octets are others', so what is asked then is asked of a copy (`keep`).
 */
import { u16 } from "#base/bytes";
import { type Frame, KIND_ARP, KIND_IPV4, KIND_IPV6 } from "#fastpath/frame";
import { isIpv6Host } from "#fastpath/stages/vm-link";
import { P_VM, PORT_WORDS, V_TAGS, VM_WORDS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { TUNNEL_HEADERS } from "#fastpath/tables/tunnels";
import { SOURCE } from "#fastpath/watch/filter";
import { hasPorts, PROTOCOL_FRAGMENT, PROTOCOL_GRE } from "#wire/protocol";

/** Words of a frame, from its network header on, that are looked at. */
export const HEAD_WORDS = 60;
/** GRE with a key and nothing else, IPv6 inside; raw (stages/unwrap.ts). */
const GRE_WORD = 0xdd86_0020 | 0;

export class PacketView {
  /** KIND_IPV4, KIND_IPV6, KIND_ARP, or 0. */
  kind = 0;
  /** Port that it is seen at. */
  on = 0;
  /** Octets of the frame. */
  length = 0;
  /** −1: none. Of the packet in a tunnel. */
  protocol = -1;
  isTunnelled = false;
  /** True: its ending and the destination's tags are known. */
  isDecided = false;
  ending = 0;

  readonly #tables: Tables;
  readonly #kept = new Int32Array(HEAD_WORDS);
  #words: Int32Array;
  /** Word indexes in #words: the network header, the one whose addresses count, and the frame's end. */
  #from = 0;
  #ip = 0;
  #end = 0;
  /** Ports raw; −1 with #hasPorts false. */
  #ports = 0;
  #hasPorts = false;
  #vmTags = 0;
  #destinationTags = 0;
  #isOut = false;

  constructor(tables: Tables) {
    this.#tables = tables;
    this.#words = tables.words;
  }

  /** A frame that has come in by its port. */
  look(f: Frame): void {
    this.#isOut = false;
    this.#look(f, f.port);
  }

  /** A frame that leaves by a port. */
  lookOut(f: Frame, port: number): void {
    this.#isOut = true;
    this.#look(f, port);
  }

  #look(f: Frame, port: number): void {
    const t = this.#tables;
    const { bytes } = t;
    this.#words = t.words;
    this.on = port;
    this.length = f.end - f.at;
    this.kind = 0;
    this.protocol = -1;
    this.isTunnelled = false;
    this.isDecided = false;
    this.#hasPorts = false;
    this.#from = (f.at + 14) >> 2;
    this.#ip = this.#from;
    this.#end = f.end >> 2;
    this.#vmTags = t.isVm(port) ? t.vms[t.ports[port * PORT_WORDS + P_VM]! * VM_WORDS + V_TAGS]! : 0;
    if (this.length < 14) return;
    const type = u16(bytes, f.at + 12);
    if (type === 0x0800 && this.length >= 34) this.#look4(bytes);
    else if (type === 0x86dd && this.length >= 54) this.#look6(bytes);
    else if (type === 0x0806) this.kind = KIND_ARP;
  }

  /** The frame is about to be changed: what is asked from now on is asked of a copy. */
  keep(): void {
    const words = Math.min(HEAD_WORDS, this.#end - this.#from);
    this.#kept.fill(0);
    this.#kept.set(this.#words.subarray(this.#from, this.#from + words));
    this.#words = this.#kept;
    this.#ip -= this.#from;
    this.#end = words;
    this.#from = 0;
  }

  /** How it ended; `tags`: the destination's, raw, as far as the stages have found out. */
  decide(ending: number, tags: number): void {
    this.isDecided = true;
    this.ending = ending;
    this.#destinationTags = tags;
  }

  get hasIpv6(): boolean {
    return this.kind === KIND_IPV6;
  }

  /** True when the end has an IPv4 address, which address() has as its last word. */
  hasIpv4(end: number): boolean {
    if (this.kind === KIND_IPV4) return true;
    if (this.kind !== KIND_IPV6 || this.address(end, 2) === 0 || isIpv6Host(this.address(end, 3))) return false;
    return this.#tables.isInFabric(this.#words, this.#at(end));
  }

  /** Raw word of an address, 0 … 3; of an IPv4 address the last. */
  address(end: number, word: number): number {
    if (this.kind === KIND_IPV4) return word === 3 ? this.#words[this.#ip + 3 + end]! : 0;
    return this.#words[this.#at(end) + word]!;
  }

  /** Raw tags of an end's network; 0: it has none. Undefined: not known yet. */
  tags(end: number): number | undefined {
    if (this.kind === KIND_IPV6) return this.#tables.isInFabric(this.#words, this.#at(end)) ? this.address(end, 2) : 0;
    if (this.kind !== KIND_IPV4 || this.#vmTags === 0) return 0;
    if (end === SOURCE || this.#isOut) return this.#vmTags;
    return this.isDecided ? this.#destinationTags : undefined;
  }

  /** −1: it has none. */
  port(end: number): number {
    if (!this.#hasPorts) return -1;
    const raw = end === SOURCE ? this.#ports : this.#ports >>> 16;
    return ((raw & 0xff) << 8) | ((raw >>> 8) & 0xff);
  }

  /** True when the four words lie in a row in the first of the packet. */
  contains(words: readonly number[]): boolean {
    const w = this.#words;
    const end = Math.min(this.#from + HEAD_WORDS, this.#end) - 3;
    for (let i = this.#from; i < end; i++)
      if (w[i] === words[0] && w[i + 1] === words[1] && w[i + 2] === words[2] && w[i + 3] === words[3]) return true;
    return false;
  }

  /** Word index of an IPv6 packet's end. */
  #at(end: number): number {
    return this.#ip + 2 + 4 * end;
  }

  #look4(bytes: Uint8Array): void {
    const at = this.#ip << 2;
    this.kind = KIND_IPV4;
    this.protocol = bytes[at + 9]!;
    if ((u16(bytes, at + 6) & 0x1fff) === 0) this.#lookPorts(this.#ip + (bytes[at]! & 15));
  }

  #look6(bytes: Uint8Array): void {
    this.kind = KIND_IPV6;
    this.protocol = bytes[(this.#ip << 2) + 6]!;
    const gre = this.#ip + 10;
    const inner = this.#ip + (TUNNEL_HEADERS >> 2);
    if (this.protocol === PROTOCOL_GRE && inner + 10 <= this.#end && this.#words[gre] === GRE_WORD) {
      this.isTunnelled = true;
      this.#ip = inner;
      this.protocol = bytes[(inner << 2) + 6]!;
    }
    let transport = this.#ip + 10;
    if (this.protocol === PROTOCOL_FRAGMENT && transport + 2 <= this.#end) {
      this.protocol = bytes[transport << 2]!;
      if ((u16(bytes, (transport << 2) + 2) & 0xfff8) !== 0) return;
      transport += 2;
    }
    this.#lookPorts(transport);
  }

  #lookPorts(word: number): void {
    if (!hasPorts(this.protocol) || word >= this.#end) return;
    this.#hasPorts = true;
    this.#ports = this.#words[word]!;
  }
}
