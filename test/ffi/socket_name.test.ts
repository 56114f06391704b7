/** The text of addresses, which is that of RFC 5952, as in a URL. */
import { expect, test } from "vitest";
import { scratch } from "../../ffi/backend/scratch.ts";
import { ipv6Text, unixPath } from "../../ffi/posix/socket_name.ts";

/** The text of an address of eight groups, from an offset of the scratch memory. */
function textOf(groups: readonly number[], scope = 0): string {
  const { data } = scratch();
  groups.forEach((group, at) => data.setUint16(100 + at * 2, group));
  return ipv6Text(100, scope);
}

test("an IPv6 address has the longest run of zeros as ::, the first of two", () => {
  // Each group is 0 or not, in every combination, so that each run is at each place.
  for (let bits = 0; bits < 256; bits++) {
    for (const value of [1, 0x10, 0xf00]) {
      const groups = Array.from({ length: 8 }, (_, at) => (bits >> at & 1) * value);
      const { hostname } = new URL(`http://[${groups.map((each) => each.toString(16)).join(":")}]`);
      expect(`[${textOf(groups)}]`).toBe(hostname);
    }
  }
  expect(textOf([0, 0, 0, 0, 0, 0xffff, 0x7f00, 1])).toBe("::ffff:127.0.0.1");
  expect(textOf([0xfe80, 0, 0, 0, 0, 0, 0, 1], 2)).toBe("fe80::1%2");
});

test("a path may start with a byte order mark", () => {
  const encoded = new TextEncoder().encode("\ufeffpath\0");
  scratch().bytes.set(encoded);
  expect(unixPath(0, encoded.length)).toBe("\ufeffpath");
});
