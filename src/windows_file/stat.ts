/** `stat()` and its relatives in Deno for Windows, with the values that libuv computes. */
import type { BigIntStats, Stats } from "node:fs";
import {
  FileBasicInformation,
  FileEndOfFileInformation,
  FileFsDeviceInformation,
  FileFsVolumeInformation,
  FileInternalInformation,
  FileStandardInformation,
  ntQuery,
  ntSet,
} from "../../ffi/win32/async_file.ts";
import { nodeFs } from "../util/node.ts";
import type { RawHandle } from "../util/raw_handle.ts";
import { wrongType } from "./arguments.ts";

const FILE_ATTRIBUTE_READONLY = 1;
const FILE_ATTRIBUTE_DIRECTORY = 0x10;
const FILE_ATTRIBUTE_NORMAL = 0x80;

const S_IFIFO = 0o010_000;
const S_IFCHR = 0o020_000;
const S_IFDIR = 0o040_000;
const S_IFREG = 0o100_000;

/** The `DEVICE_TYPE`s of disks and of pipes, as in `GetFileType`; all others are characters. */
const DISKS: ReadonlySet<number> = /* @__PURE__ */ new Set(
  [0x02, 0x03, 0x07, 0x08, 0x09, 0x14, 0x24, 0x2d, 0x35, 0x36, 0x52],
);
const PIPES: ReadonlySet<number> = /* @__PURE__ */ new Set([0x0c, 0x11]);

/** A `FILETIME` counts 100 ns from 1601. */
const EPOCH = 116_444_736_000_000_000n;

/** The numeric fields of a `Stats`, with times in nanoseconds. */
interface Numbers {
  readonly whole: Readonly<Record<string, bigint>>;
  readonly times: Readonly<Record<string, bigint>>;
}

/** `stat()`, as the runtime's own `Stats`. */
export async function windowsStat(raw: RawHandle): Promise<Stats> {
  const { whole, times } = await query(raw);
  const stats: Record<string, unknown> = Object.create(nodeFs().Stats.prototype);
  for (const [name, value] of Object.entries(whole)) stats[name] = Number(value);
  for (const [name, nanoseconds] of Object.entries(times)) {
    // In two steps, which keep the fraction as exact as a number can be.
    const milliseconds = Number(nanoseconds / 1_000_000n) + Number(nanoseconds % 1_000_000n) / 1e6;
    define(stats, `${name}Ms`, milliseconds);
    define(stats, name, new Date(Math.round(milliseconds)));
  }
  return stats as unknown as Stats;
}

/** `stat({ bigint: true })`: the same in bigints, with nanoseconds. */
export async function windowsBigIntStat(raw: RawHandle): Promise<BigIntStats> {
  const { whole, times } = await query(raw);
  // No runtime exports BigIntStats; the methods of Stats interpret the mode in the same way.
  const { prototype } = nodeFs().Stats;
  const mode = { ...whole, mode: Number(whole["mode"]) };
  const kind: Stats = Object.assign(Object.create(prototype), mode);
  const stats: Record<string, unknown> = {
    ...whole,
    isFile: () => kind.isFile(),
    isDirectory: () => kind.isDirectory(),
    isFIFO: () => kind.isFIFO(),
    isCharacterDevice: () => kind.isCharacterDevice(),
    isBlockDevice: () => false,
    isSocket: () => false,
    isSymbolicLink: () => false,
  };
  for (const [name, nanoseconds] of Object.entries(times)) {
    stats[`${name}Ms`] = nanoseconds / 1_000_000n;
    stats[`${name}Ns`] = nanoseconds;
    stats[name] = new Date(Number(nanoseconds / 1_000_000n));
  }
  return stats as unknown as BigIntStats;
}

/** Sets the length. Added bytes are zeros; the position does not change. */
export async function windowsTruncate(raw: RawHandle, length: number): Promise<void> {
  const fill = (data: DataView) => data.setBigInt64(0, BigInt(length), true);
  await ntSet(raw, FileEndOfFileInformation, 8, fill);
}

/** Sets the times. */
export async function windowsUtimes(raw: RawHandle, atime: unknown, mtime: unknown): Promise<void> {
  const times = [fileTime("atime", atime), fileTime("mtime", mtime)] as const;
  await ntSet(raw, FileBasicInformation, 40, (data) => {
    // Windows does not change a time that is 0.
    data.setBigInt64(8, times[0], true);
    data.setBigInt64(16, times[1], true);
  });
}

/** Makes the file read-only when the mode has no write permission for the owner, else writable. */
export async function windowsChmod(raw: RawHandle, mode: unknown): Promise<void> {
  const bits = typeof mode === "string" && /^[0-7]+$/.test(mode) ? parseInt(mode, 8) : mode;
  if (typeof bits !== "number" || !Number.isInteger(bits)) {
    throw wrongType("mode", mode, "an integer or a string of octal digits");
  }
  const basic = await ntQuery("NtQueryInformationFile", raw, FileBasicInformation, 40);
  const others = basic.getUint32(32, true) & ~FILE_ATTRIBUTE_READONLY;
  const attributes = (bits & 0o200) === 0 ? others | FILE_ATTRIBUTE_READONLY : others;
  await ntSet(raw, FileBasicInformation, 40, (data) => {
    data.setUint32(32, attributes === 0 ? FILE_ATTRIBUTE_NORMAL : attributes, true);
  });
}

async function query(raw: RawHandle): Promise<Numbers> {
  const device = await ntQuery("NtQueryVolumeInformationFile", raw, FileFsDeviceInformation, 8);
  const type = device.getUint32(0, true);
  if (DISKS.has(type)) return await queryDisk(raw);
  return numbers({ mode: BigInt(PIPES.has(type) ? S_IFIFO : S_IFCHR), nlink: 1n }, {});
}

async function queryDisk(raw: RawHandle): Promise<Numbers> {
  const file = "NtQueryInformationFile";
  const basic = await ntQuery(file, raw, FileBasicInformation, 40);
  const standard = await ntQuery(file, raw, FileStandardInformation, 24);
  const internal = await ntQuery(file, raw, FileInternalInformation, 8);
  // The buffer ends before the volume label, which is not needed.
  const volume = "NtQueryVolumeInformationFile";
  const serial = await ntQuery(volume, raw, FileFsVolumeInformation, 24).then(
    (data) => data.getUint32(8, true),
    () => 0,
  );
  const attributes = basic.getUint32(32, true);
  const isDirectory = (attributes & FILE_ATTRIBUTE_DIRECTORY) !== 0;
  const rights = (attributes & FILE_ATTRIBUTE_READONLY) !== 0 ? 0o444 : 0o666;
  const time = (offset: number) => (basic.getBigInt64(offset, true) - EPOCH) * 100n;
  return numbers({
    dev: BigInt(serial),
    mode: BigInt((isDirectory ? S_IFDIR : S_IFREG) | rights),
    nlink: BigInt(standard.getUint32(16, true)),
    ino: internal.getBigUint64(0, true),
    size: isDirectory ? 0n : standard.getBigInt64(8, true),
    blocks: standard.getBigInt64(0, true) >> 9n,
  }, { atime: time(8), mtime: time(16), ctime: time(24), birthtime: time(0) });
}

function numbers(whole: Record<string, bigint>, times: Record<string, bigint>): Numbers {
  const zero = { dev: 0n, nlink: 0n, uid: 0n, gid: 0n, rdev: 0n, ino: 0n, size: 0n, blocks: 0n };
  return {
    whole: { ...zero, blksize: 4096n, ...whole },
    times: { atime: 0n, mtime: 0n, ctime: 0n, birthtime: 0n, ...times },
  };
}

/** Defines an own property: an assignment would call the accessors that some versions have. */
function define(stats: object, name: string, value: unknown): void {
  Object.defineProperty(stats, name, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

/** Seconds since 1970, as a number or digits, or a Date. */
function fileTime(name: string, value: unknown): bigint {
  const seconds = value instanceof Date ? value.getTime() / 1000 : value;
  const number = typeof seconds === "string" && seconds.trim() !== "" ? Number(seconds) : seconds;
  if (typeof number !== "number" || !Number.isFinite(number)) {
    throw wrongType(name, value, "a Date or seconds since 1970");
  }
  return BigInt(Math.round(number * 1000)) * 10_000n + EPOCH;
}
