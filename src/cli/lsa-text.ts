/** LSAs in full as text for a person: one paragraph each. */
import { hex } from "#cli/ospf-text";
import type { LsaBodyView, PrefixView } from "#router/ospf/lsa-view";
import type { OspfLsasView } from "#router/ospf/views";

export function lsasText(lsas: OspfLsasView): string {
  if (lsas.length === 0) return "there is no such LSA";
  return lsas
    .map(({ body, scope, kind, type, linkStateId, advertisingRouter, age, sequence, checksum, length }) => {
      const name = kind === "unknown" ? `unknown ${hex(type, 4)}` : kind;
      const head = `${name} ${linkStateId} of ${advertisingRouter} (${scope})`;
      const instance = `age ${age}, sequence ${hex(sequence, 8)}, checksum ${hex(checksum, 4)}, ${length} octets`;
      return [head, instance, ...bodyLines(body)].join("\n  ");
    })
    .join("\n\n");
}

/** Facts that are there, in the order they are told. */
function bodyLines(b: LsaBodyView): string[] {
  const facts: [string, string | number | undefined][] = [
    ["flags", b.flags?.join(" ") || undefined],
    ["options", b.options],
    ["referenced", b.referenced],
    ["metric", b.metricType === undefined ? b.metric : `${b.metric} type ${b.metricType}`],
    ["destination", b.destination],
    ["forwarding address", b.forwardingAddress],
    ["tag", b.tag],
    ["priority", b.priority],
    ["link-local address", b.linkLocal],
    ["period", b.period === undefined ? undefined : `${b.period}s`],
    ["reason", b.reason],
    ["octets", b.octets],
  ];
  return [
    ...facts.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`])),
    ...(b.links ?? []).map(
      (l) =>
        `${l.type} link to ${l.neighbor}, metric ${l.metric}, interface ${l.interfaceId} to ${l.neighborInterfaceId}`,
    ),
    ...(b.attached ?? []).map((routerId) => `attached ${routerId}`),
    ...(b.prefixes ?? []).map(prefixLine),
  ];
}

function prefixLine({ prefix, flags, metric }: PrefixView): string {
  const words = [`prefix ${prefix}`, ...(metric === undefined ? [] : [`metric ${metric}`]), ...flags];
  return words.join(" ");
}
