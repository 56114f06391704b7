/** Addresses of the Internet as text: RFC 4291, RFC 4007. */

/** One of the four numbers of an IPv4 address. A zero before a number would mean octal to some programs. */
const NUMBER = /^(?:0|[1-9]\d{0,2})$/;
/** One of the eight groups of an IPv6 address. */
const GROUP = /^[0-9a-f]{1,4}$/i;
/** An IPv6 address, and the number of its interface. */
const SCOPED = /^([^%]+?)(?:%(\d{1,10}))?$/;
/** An IPv6 address whose last two groups are written as an IPv4 address. */
const MIXED = /^(.*:)([^:]*\.[^:]*)$/;

/** The four bytes of an IPv4 address such as `127.0.0.1`; `undefined` when the text is none. */
export function parseIPv4(text: string): number[] | undefined {
  const parts = text.split(".");
  const bytes = parts.map(Number);
  const isAddress = parts.length === 4 && parts.every((part) => NUMBER.test(part)) &&
    bytes.every((byte) => byte <= 255);
  return isAddress ? bytes : undefined;
}

/** An IPv6 address. */
export interface IPv6Address {
  /** The 16 bytes. */
  readonly bytes: readonly number[];
  /** The number of its interface; 0 for none. */
  readonly scope: number;
}

/** The IPv6 address of a text such as `::1` or `fe80::1%2`; `undefined` when the text is none. */
export function parseIPv6(text: string): IPv6Address | undefined {
  const [, address, zone = "0"] = SCOPED.exec(text) ?? [];
  const scope = Number(zone);
  const halves = address === undefined ? undefined : halvesOf(address);
  if (halves === undefined || scope > 0xffff_ffff) return undefined;
  const count = halves.flat().length;
  // "::" stands for at least one group.
  if (halves.length === 1 ? count !== 8 : halves.length !== 2 || count > 7) return undefined;
  const [first, second = []] = halves;
  const zeros = Array<number>(8 - count).fill(0);
  const bytes = [...first!, ...zeros, ...second].flatMap((group) => [group >> 8, group & 0xff]);
  return { bytes, scope };
}

/** The groups before and after "::". */
function halvesOf(address: string): number[][] | undefined {
  const [, start, four] = MIXED.exec(address) ?? [];
  const tail = four === undefined ? undefined : parseIPv4(four);
  if (four !== undefined && tail === undefined) return undefined;
  const hex = (high: number, low: number) => (high << 8 | low).toString(16);
  const [a, b, c, d] = (tail ?? []) as [number, number, number, number];
  const text = tail === undefined ? address : `${start}${hex(a, b)}:${hex(c, d)}`;
  const halves = text.split("::").map((half) => half === "" ? [] : half.split(":"));
  if (!halves.flat().every((group) => GROUP.test(group))) return undefined;
  return halves.map((half) => half.map((group) => parseInt(group, 16)));
}
