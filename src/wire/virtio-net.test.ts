import { describe, expect, test } from "bun:test";
import { expectFields } from "#wire/testing/fields";
import * as virtio from "#wire/virtio-net";

describe("virtio_net_hdr", () => {
  test("has the fields of virtio 1.2 §5.1.6, little endian", () => {
    expectFields(virtio.SIZE, [
      { name: "flags", bit: 0, width: 8, get: virtio.flags, set: virtio.setFlags },
      { name: "gsoType", bit: 8, width: 8, get: virtio.gsoType, set: virtio.setGsoType },
      { name: "hdrLen", bit: 16, width: 16, little: true, get: virtio.hdrLen, set: virtio.setHdrLen },
      { name: "gsoSize", bit: 32, width: 16, little: true, get: virtio.gsoSize, set: virtio.setGsoSize },
      { name: "csumStart", bit: 48, width: 16, little: true, get: virtio.csumStart, set: virtio.setCsumStart },
      { name: "csumOffset", bit: 64, width: 16, little: true, get: virtio.csumOffset, set: virtio.setCsumOffset },
    ]);
  });

  test("is refused when truncated", () => {
    const b = new Uint8Array(12);
    for (let end = 1; end < 11; end++) expect(virtio.fits(b, 1, end)).toBe(false);
    expect(virtio.fits(b, 1, 11)).toBe(true);
    expect(virtio.fits(b, 3, 13)).toBe(false);
  });

  test("is cleared without touching what is around it", () => {
    const b = new Uint8Array(12).fill(0xa5);
    virtio.clear(b, 1);
    expect([...b]).toEqual([0xa5, ...Array(10).fill(0), 0xa5]);
  });
});
