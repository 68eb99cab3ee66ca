import { describe, expect, test } from "bun:test";
import { nextBelow, nextOctets, seeded } from "#base/random";
import { documentAt, type VmMetadata } from "#services/metadata/documents";
import { HttpConnection } from "#services/metadata/http";
import { MOST_CONNECTIONS, Visitors } from "#services/metadata/visitors";

const octets = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array | undefined): string | undefined => bytes && new TextDecoder().decode(bytes);

const web: VmMetadata = {
  instanceId: "i-web",
  hostname: "www.blue.example",
  ipv4: "10.0.0.2",
  userData: Uint8Array.of(0x23, 0x21, 0xff, 0x00),
};
const bare: VmMetadata = { instanceId: "i-bare", hostname: "bare", ipv4: "10.0.0.3" };
const at = (path: string, vm = web): string | undefined => textOf(documentAt(path, vm)?.body);

describe("documents", () => {
  test("are those of EC2 that cloud-init reads, under each version", () => {
    for (const version of ["latest", "2009-04-04"]) {
      expect(at(`/${version}/meta-data/instance-id`)).toBe("i-web");
      expect(at(`/${version}/meta-data/hostname`)).toBe("www.blue.example");
      expect(at(`/${version}/meta-data/local-hostname`)).toBe("www.blue.example");
      expect(at(`/${version}/meta-data/local-ipv4`)).toBe("10.0.0.2");
    }
    expect(documentAt("/latest/user-data", web)).toEqual({ type: "application/octet-stream", body: web.userData! });
  });

  test("are listed, folders with a slash", () => {
    expect(at("/")).toBe("2009-04-04/\nlatest/\nnocloud/");
    expect(at("/latest")).toBe("meta-data/\nuser-data");
    expect(at("/latest/meta-data/")).toBe("hostname\ninstance-id\nlocal-hostname\nlocal-ipv4");
    expect(at("/latest", bare)).toBe("meta-data/");
  });

  test("are NoCloud's files, too, which are there even when empty", () => {
    expect(at("/nocloud/meta-data")).toBe('instance-id: "i-web"\nlocal-hostname: "www.blue.example"\n');
    expect([at("/nocloud/user-data", bare), at("/nocloud/vendor-data")]).toEqual(["", ""]);
  });

  test("are not elsewhere", () => {
    for (const path of [
      "/latest/meta-data/constructor",
      "/toString",
      "/latest/meta-data/hostname/x",
      "/../latest",
      "/x",
    ])
      expect(documentAt(path, web)).toBeUndefined();
    expect(documentAt("/latest/user-data", bare)).toBeUndefined();
  });
});

describe("HTTP (RFC 9112)", () => {
  const connection = () =>
    new HttpConnection((path) =>
      path === "/a" ? { status: 200, document: { type: "text/plain", body: octets("hello") } } : { status: 404 },
    );
  const says = (request: string) => {
    const { octets: out, close } = connection().receive(octets(request));
    return { text: textOf(out)!, close };
  };
  const statusOf = (request: string): string =>
    `${says(request).text.split(" ")[1]}${says(request).close ? " close" : ""}`;

  test("answers a GET with the document, and goes on", () => {
    const { text, close } = says("GET /a HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n");
    expect(text).toBe(
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nCache-Control: no-store\r\n\r\nhello",
    );
    expect(close).toBe(false);
  });

  test("answers a HEAD with the head alone, and 1.0 once unless it wants more", () => {
    expect(says("HEAD /a HTTP/1.1\r\n\r\n").text).toEndWith("Content-Length: 5\r\nCache-Control: no-store\r\n\r\n");
    expect(statusOf("GET /a HTTP/1.0\r\n\r\n")).toBe("200 close");
    expect(statusOf("GET /a HTTP/1.0\nConnection: Keep-Alive\n\n")).toBe("200");
    expect(statusOf("GET /a?x=1 HTTP/1.1\r\nConnection: close\r\n\r\n")).toBe("200 close");
  });

  test("refuses what is malformed, what would change something, and what a proxy passes on", () => {
    expect(statusOf("GET  /a HTTP/1.1\r\n\r\n")).toBe("400 close");
    expect(statusOf("GET /a HTTP/1.1\r\nbad field\r\n\r\n")).toBe("400 close");
    expect(statusOf("\r\n\r\n")).toBe("400 close");
    expect(statusOf("GET /a HTTP/2.0\r\n\r\n")).toBe("505 close");
    expect(statusOf("GET /b HTTP/1.1\r\n\r\n")).toBe("404");
    expect(statusOf("PUT /latest/api/token HTTP/1.1\r\nContent-Length: 0\r\n\r\n")).toBe("405");
    expect(statusOf("POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello")).toBe("405 close");
    expect(statusOf("GET /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")).toBe("200 close");
    expect(statusOf("GET /a HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")).toBe("403");
  });

  test("takes requests in any pieces, and several in one", () => {
    const request = "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\n\r\n";
    const whole = textOf(connection().receive(octets(request)).octets);
    const one = connection();
    let pieces = "";
    for (const octet of octets(request)) pieces += textOf(one.receive(Uint8Array.of(octet)).octets);
    expect(pieces).toBe(whole!);
    expect(whole!.match(/HTTP\/1.1 (\d+)/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 404"]);
  });

  test("has an end of patience: heads too long, requests too many at once", () => {
    expect(statusOf(`GET /a HTTP/1.1\r\nX: ${"x".repeat(5000)}`)).toBe("431 close");
    const { text, close } = says("GET /a HTTP/1.1\r\n\r\n".repeat(100));
    expect([text.match(/ 200 OK/g)?.length, text.match(/ 431 /g)?.length, close]).toEqual([16, 1, true]);
  });

  test("throws at nothing", () => {
    const seed = Number(process.env.SEED ?? 20261125);
    const random = seeded(seed);
    for (let i = 0; i < 500; i++) {
      const request = octets("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      request.set(nextOctets(random, 3), nextBelow(random, request.length - 3));
      const { octets: out } = connection().receive(request);
      expect([seed, textOf(out)]).toEqual([seed, expect.stringMatching(/^(HTTP\/1.1 \d\d\d |$)/)]);
    }
  });
});

describe("visitors", () => {
  const A = "2001:db8:a1:1:0:401:a00:2";
  const GET = octets("GET /latest/meta-data/instance-id HTTP/1.1\r\n\r\n");
  const visitors = (clock = () => 0) => {
    const them = new Visitors(clock);
    them.set(new Map([[A, web]]));
    return them;
  };

  test("get their own data, and who is no VM here gets nothing", () => {
    const them = visitors();
    expect(them.open("2001:db8:a1:1:0:801:a00:2")).toBeUndefined();
    expect(textOf(them.open(A)?.http.receive(GET).octets)).toEndWith("\r\n\r\ni-web");
  });

  test("see what changed also on a connection that stays, and nothing once they are gone", () => {
    const them = visitors();
    const visit = them.open(A)!;
    them.set(new Map([[A, bare]]));
    expect(textOf(visit.http.receive(GET).octets)).toEndWith("i-bare");
    them.set(new Map());
    expect(textOf(visit.http.receive(GET).octets)).toContain(" 404 ");
    visit.close();
  });

  test("have so many connections at a time, and so many requests a second", () => {
    let now = 0;
    const them = visitors(() => now);
    const visits = Array.from({ length: MOST_CONNECTIONS }, () => them.open(A)!);
    expect(them.open(A)).toBeUndefined();
    visits[0]!.close();
    visits[0]!.close();
    const last = them.open(A)!;
    expect(them.open(A)).toBeUndefined();
    const served = (): number =>
      Array.from({ length: 100 }, () => textOf(last.http.receive(GET).octets)!).filter((t) => t.includes(" 200 "))
        .length;
    expect(served()).toBe(50);
    now = 1000;
    expect(served()).toBe(10);
  });
});
