import { expect, test } from "bun:test";
import { isOurHost, parseListen, urlOf } from "#web/listen-address";

test("an address with a port is taken, and told whether it is loopback", () => {
  expect(parseListen("127.0.0.1:7080")).toEqual({ host: "127.0.0.1", port: 7080, isLoopback: true });
  expect(parseListen("[::1]:0")).toEqual({ host: "::1", port: 0, isLoopback: true });
  expect(parseListen("localhost:80")).toMatchObject({ isLoopback: true });
  expect(parseListen("0.0.0.0:80")).toMatchObject({ isLoopback: false });
  expect(parseListen("[2001:db8::1]:80")).toMatchObject({ host: "2001:db8::1", isLoopback: false });
});

test("what is no address and port is refused", () => {
  for (const text of ["", "7080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "256.0.0.1:80", "::1:80", "[g::]:80"])
    expect(parseListen(text), text).toBeUndefined();
  for (const text of ["example.org:80", "127.0.0.1:80/", "127.0.0.1:8o", "[::1]:-1", "1.2.3:80"])
    expect(parseListen(text), text).toBeUndefined();
});

test("on loopback only its own names are believed: another name was led here by somebody (DNS rebinding)", () => {
  const listen = parseListen("127.0.0.1:7080")!;
  for (const host of ["127.0.0.1:7080", "localhost:7080", "LOCALHOST:7080", "[::1]:7080"])
    expect(isOurHost(host, listen, 7080), host).toBe(true);
  for (const host of [
    null,
    "",
    "evil.example:7080",
    "127.0.0.1",
    "127.0.0.1:80",
    "127.0.0.1:7080@evil",
    "192.0.2.1:7080",
  ])
    expect(isOurHost(host, listen, 7080), `${host}`).toBe(false);
  expect(isOurHost("a b:7080", listen, 7080)).toBe(false);
});

test("elsewhere the address itself is believed, on all addresses any literal one", () => {
  const one = parseListen("192.0.2.1:7080")!;
  expect(isOurHost("192.0.2.1:7080", one, 7080)).toBe(true);
  expect(isOurHost("192.0.2.2:7080", one, 7080)).toBe(false);
  expect(isOurHost("localhost:7080", one, 7080)).toBe(false);
  const v6 = parseListen("[2001:db8::1]:7080")!;
  expect(isOurHost("[2001:db8:0::1]:7080", v6, 7080)).toBe(false);
  expect(isOurHost("[2001:db8::1]:7080", v6, 7080)).toBe(true);
  const all = parseListen("0.0.0.0:7080")!;
  expect(isOurHost("192.0.2.7:7080", all, 7080)).toBe(true);
  expect(isOurHost("router.example:7080", all, 7080)).toBe(false);
});

test("the URL is one that browsers take", () => {
  expect(urlOf("127.0.0.1", 7080)).toBe("http://127.0.0.1:7080/");
  expect(urlOf("::1", 7080)).toBe("http://[::1]:7080/");
});
