/** The Link state request list (RFC 2328 §10): headers of LSAs that a neighbor has and we lack, in the order it told them. */
import { LSA_HEADER_SIZE, type LsaHeader, type LsaIdentity } from "#ospf/packet/lsa-header";

interface Wanted {
  readonly header: LsaHeader;
  /** It was asked for, and has not come. */
  asked: boolean;
  /** It came, or another instance is wanted in its place. */
  over: boolean;
}

export class RequestList {
  /** By type and advertising router in one number, then by Link State ID: texts for a hundred thousand would cost too much. */
  readonly #wanted = new Map<number, Map<number, Wanted>>();
  #order: Wanted[] = [];
  /** Place in the order of the first that may not have been asked for. */
  #next = 0;
  #size = 0;
  #asked = 0;
  #askedOctets = 0;

  get size(): number {
    return this.#size;
  }

  /** How many were asked for and have not come. */
  get asked(): number {
    return this.#asked;
  }

  /** How long those are, as they were described. */
  get askedOctets(): number {
    return this.#askedOctets;
  }

  get(identity: LsaIdentity): LsaHeader | undefined {
    return this.#wanted.get(routerKey(identity))?.get(identity.linkStateId)?.header;
  }

  set(header: LsaHeader): void {
    this.delete(header);
    const key = routerKey(header);
    const ofRouter = this.#wanted.get(key) ?? new Map<number, Wanted>();
    const wanted: Wanted = { header, asked: false, over: false };
    this.#wanted.set(key, ofRouter);
    ofRouter.set(header.linkStateId, wanted);
    this.#order.push(wanted);
    this.#size++;
  }

  /** False: it was not wanted. */
  delete(identity: LsaIdentity): boolean {
    const key = routerKey(identity);
    const ofRouter = this.#wanted.get(key);
    const wanted = ofRouter?.get(identity.linkStateId);
    if (ofRouter === undefined || wanted === undefined) return false;
    ofRouter.delete(identity.linkStateId);
    if (ofRouter.size === 0) this.#wanted.delete(key);
    wanted.over = true;
    if (wanted.asked) {
      this.#asked--;
      this.#askedOctets -= octetsOf(wanted);
    }
    this.#size--;
    return true;
  }

  /** The next ones, at most `count`, which count as asked for from now on. */
  take(count: number): LsaHeader[] {
    const taken: LsaHeader[] = [];
    for (; taken.length < count && this.#next < this.#order.length; this.#next++) {
      const wanted = this.#order[this.#next]!;
      if (wanted.over || wanted.asked) continue;
      wanted.asked = true;
      this.#askedOctets += octetsOf(wanted);
      taken.push(wanted.header);
    }
    this.#asked += taken.length;
    if (this.#size === 0) this.clear();
    return taken;
  }

  /** What was asked for and did not come is to be asked for again, first of all. */
  askAgain(): void {
    this.#order = this.#order.filter(({ over }) => !over);
    for (const wanted of this.#order) wanted.asked = false;
    this.#next = 0;
    this.#asked = 0;
    this.#askedOctets = 0;
  }

  clear(): void {
    this.#wanted.clear();
    this.#order = [];
    this.#next = 0;
    this.#size = 0;
    this.#asked = 0;
    this.#askedOctets = 0;
  }
}

/** A description may lie. */
const octetsOf = ({ header }: Wanted): number => Math.max(LSA_HEADER_SIZE, header.length);

/** 48 bits. */
const routerKey = ({ type, advertisingRouter }: LsaIdentity): number => type * 0x1_0000_0000 + advertisingRouter;
