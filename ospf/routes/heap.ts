/** A priority queue of vertices: a 4-ary heap that knows where each vertex is, so that its key can be lowered. */
export class VertexHeap {
  readonly #keys: Float64Array;
  readonly #heap: Int32Array;
  /** Place in the heap, −1: not in it. */
  readonly #place: Int32Array;
  #size = 0;

  /** For vertices 0 … count − 1. */
  constructor(count: number) {
    this.#keys = new Float64Array(count);
    this.#heap = new Int32Array(count);
    this.#place = new Int32Array(count).fill(-1);
  }

  get size(): number {
    return this.#size;
  }

  /** Puts the vertex in, or gives it another key that is not above the one it has. */
  put(vertex: number, key: number): void {
    this.#keys[vertex] = key;
    let at = this.#place[vertex]!;
    if (at < 0) at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 2;
      const above = this.#heap[parent]!;
      if (this.#keys[above]! <= key) break;
      this.#set(at, above);
      at = parent;
    }
    this.#set(at, vertex);
  }

  /** Takes out the vertex with the lowest key; the heap is not empty. */
  take(): number {
    const lowest = this.#heap[0]!;
    const last = this.#heap[--this.#size]!;
    this.#place[lowest] = -1;
    if (this.#size > 0) this.#sink(last);
    return lowest;
  }

  #sink(vertex: number): void {
    const key = this.#keys[vertex]!;
    let at = 0;
    for (;;) {
      const child = this.#lowestChild(at);
      if (child < 0 || this.#keys[this.#heap[child]!]! >= key) break;
      this.#set(at, this.#heap[child]!);
      at = child;
    }
    this.#set(at, vertex);
  }

  #lowestChild(at: number): number {
    const first = 4 * at + 1;
    if (first >= this.#size) return -1;
    const end = Math.min(first + 4, this.#size);
    let lowest = first;
    let key = this.#keys[this.#heap[first]!]!;
    for (let child = first + 1; child < end; child++) {
      const other = this.#keys[this.#heap[child]!]!;
      if (other >= key) continue;
      lowest = child;
      key = other;
    }
    return lowest;
  }

  #set(at: number, vertex: number): void {
    this.#heap[at] = vertex;
    this.#place[vertex] = at;
  }
}
