/** How ids are written for people: router and area ids as dotted quads (RFC 5340 §2.11). */

export const formatRouterId = (id: number): string =>
  `${id >>> 24}.${(id >>> 16) & 255}.${(id >>> 8) & 255}.${id & 255}`;
