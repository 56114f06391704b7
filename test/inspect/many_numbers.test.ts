/**
 * Which descriptors are open and which share an open file, on Linux, wherever in the table they are: low
 * numbers are tried and high ones are listed, and where that changes is adapted to the table.
 */
import * as fs from "node:fs";
import { duplicate, inspectHandle, listHandles, openProcess, OwnedHandle } from "duphandle";
import * as posix from "duphandle/posix";
import { describe, expect, test } from "vitest";
import { openDescriptors } from "../../ffi/posix/identity.ts";
import * as linux from "../support/linux_objects.ts";
import { socketPair } from "../support/sockets.ts";
import { openRaw, pipeRaw, temporaryFile } from "../support/system.ts";

const isLinux = process.platform === "linux";

/** Some numbers far apart, the highest of which is below every usual limit. */
const FAR = [64, 65, 100, 128, 500, 511, 512, 900, 1000] as const;

/** The descriptors by the runtime's own list, without the one that reads it. */
function shown(): number[] {
  return fs.readdirSync("/proc/self/fd").map(Number).filter((fd) => linkOf(fd) !== undefined)
    .sort((a, b) => a - b);
}

function linkOf(fd: number): string | undefined {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}

/** How many descriptors share an open file by kcmp(2), asked for every number. */
function sharersByKcmp(raw: number): number {
  return shown().filter((fd) =>
    posix.kcmp(process.pid, process.pid, posix.KCMP_FILE, raw, fd) === 0
  ).length;
}

describe.runIf(isLinux)("the descriptors of this process", () => {
  test("are all found, as the table grows, has gaps, and shrinks", () => {
    using source = openRaw("/dev/null", "r");
    const made: OwnedHandle[] = [];
    const check = () => {
      expect(openDescriptors()).toEqual(shown());
      expect(openDescriptors()).toEqual(shown()); // adapted to the table
      expect(inspectHandle(source).references).toBe(made.length + 1);
    };
    check();
    for (const minimum of [...FAR].reverse()) {
      made.push(duplicate(source, { minimum }));
      check();
    }
    // A dense table, which then has only its highest number left.
    for (let at = 0; at < 300; at++) made.push(duplicate(source));
    check();
    made.sort((a, b) => a.raw - b.raw);
    const highest = made.pop()!;
    for (const handle of made.splice(0)) handle.close();
    made.push(highest);
    check();
    made.push(duplicate(source));
    check();
    for (const handle of made.splice(0)) handle.close();
    check();
  });

  test("are found when none is among the low numbers but the standard ones", () => {
    using source = openRaw("/dev/null", "r");
    using far = duplicate(source, { minimum: 1000 });
    source.close();
    expect(openDescriptors()).toContain(far.raw);
    expect(inspectHandle(far).references).toBe(1);
    using next = duplicate(far, { minimum: 1001 });
    expect([far, next].map((each) => inspectHandle(each).references)).toEqual([2, 2]);
  });
});

/** Pairs of objects of one kind that are two open files, many of them of one identity. */
const pairs: readonly (readonly [name: string, make: () => OwnedHandle[]])[] = [
  ["openings of one file", () => {
    using file = temporaryFile("abc");
    return [openRaw(file.path, "r"), openRaw(file.path, "r")];
  }],
  ["openings of one file under two names", () => {
    using file = temporaryFile("abc");
    fs.linkSync(file.path, `${file.path}.other`);
    const made = [openRaw(file.path, "r+"), openRaw(`${file.path}.other`, "r+")];
    fs.unlinkSync(`${file.path}.other`);
    return made;
  }],
  ["openings with O_PATH", () => [openPath("/dev/null"), openPath("/dev/null")]],
  ["O_PATH and a readable one", () => [openPath("/dev/null"), openRaw("/dev/null", "r")]],
  ["openings of a device", () => [openRaw("/dev/null", "r"), openRaw("/dev/null", "r")]],
  ["ends of a pipe", () => Object.values(pipeRaw())],
  ["sockets", () => [...socketPair()]],
  ["counters", () => [linux.eventfd(), linux.eventfd()]],
  ["a counter and a timer", () => [linux.eventfd(), linux.timerfd()]],
  ["memory", () => [linux.memfd(), linux.memfd()]],
  ["epoll", () => [linux.epoll(), linux.epoll()]],
  ["processes", () => [openProcess(process.pid), openProcess(process.pid)]],
];

function openPath(path: string): OwnedHandle {
  return OwnedHandle.fromRaw(posix.open(path, posix.O_PATH | posix.O_CLOEXEC));
}

describe.runIf(isLinux)("the handles that share an open file", () => {
  test.each(pairs)("are counted for %s, and no others", (_name, make) => {
    const originals = make();
    const groups = originals.map((original, at) => [
      original,
      duplicate(original),
      duplicate(original, { minimum: 700 }),
      ...Array.from({ length: at }, () => duplicate(original, { minimum: 3 })),
    ]);
    const counts = new Map(listHandles().map(({ raw, references }) => [raw, references]));
    const found = groups.map((group) =>
      group.map((each) => [inspectHandle(each).references, counts.get(each.raw)])
    );
    const asked = groups.map((group) => group.map(({ raw }) => sharersByKcmp(raw)));
    for (const handle of groups.flat()) handle.close();
    expect(found).toEqual(groups.map((group) => group.map(() => [group.length, group.length])));
    expect(asked).toEqual(groups.map((group) => group.map(() => group.length)));
  });
});
