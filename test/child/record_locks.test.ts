/** Which numbers the handles have in a child, and that spawn() closes no descriptor of a source here. */
import { once } from "node:events";
import * as fs from "node:fs";
import { borrow, duplicate, type HandleSpawnOptions, type OwnedHandle, spawn } from "duphandle";
import { describe, expect, test } from "vitest";
import { HANDLES_VARIABLE } from "../support/child_programs.ts";
import { hasCommand, runProgram } from "../support/program.ts";
import { lockRecords, recordLocks } from "../support/record_locks.ts";
import { isBun, isDeno, isWindows, openRaw, temporaryFile } from "../support/system.ts";
import { canTrace, failing } from "../support/trace.ts";
import { thrownBy } from "../support/thrown.ts";

/** A file, the descriptor of it that a test passes on, and its record locks. */
function lockedFile(name: string) {
  const file = temporaryFile(name);
  const handle = openRaw(file.path, "r+");
  lockRecords(handle.raw);
  return {
    raw: handle.raw,
    path: file.path,
    locks: () => recordLocks(file.path),
    [Symbol.dispose]() {
      handle.close();
      file[Symbol.dispose]();
    },
  };
}

/** Starts a child, and gives the file of each of its handles by the name of the handle. */
async function filesOfChild(options: HandleSpawnOptions): Promise<Record<string, string>> {
  using list = temporaryFile("");
  const output = fs.openSync(list.path, "w");
  const script = `echo $${HANDLES_VARIABLE}; for fd in /proc/$$/fd/*; do ` +
    'echo "${fd##*/} $(readlink "$fd")"; done';
  const [stdin = "ignore", , , ...more] = options.stdio as string[] ?? [];
  const child = spawn("bash", ["-c", script], {
    ...options,
    stdio: [stdin, output, "inherit", ...more] as "ignore"[],
  });
  fs.closeSync(output);
  expect((await once(child, "exit"))[0]).toBe(0);
  const [variable, ...lines] = fs.readFileSync(list.path, "utf8").trim().split("\n");
  const fileOf = new Map(lines.map((line) => line.split(" ") as [string, string]));
  const named = [...new URLSearchParams(variable)].filter(([name]) => name !== "");
  expect(new Set(named.map(([, number]) => number)).size).toBe(named.length);
  return Object.fromEntries(named.map(([name, number]) => [name, fileOf.get(number) ?? "nothing"]));
}

/** `stdio` of a number of entries, of which all after the third are closed in the child. */
const stdioOf = (length: number): "ignore"[] => Array.from({ length }, () => "ignore");

/** Duplicates with successive numbers, which are free until now. */
function inARow(sources: readonly { raw: number }[], start = 100): OwnedHandle[] {
  return sources.map(({ raw }, at) => duplicate(borrow(raw), { minimum: start + at }));
}

describe.skipIf(isWindows || !hasCommand("bash"))("the record locks of a process", () => {
  test("outlast the start of a child that gets their file", async () => {
    using a = lockedFile("a");
    using b = lockedFile("b");
    const handles = { a: borrow(a.raw), b: borrow(b.raw) };
    expect(await filesOfChild({ handles })).toEqual({ a: a.path, b: b.path });
    expect([a.locks(), b.locks()]).toEqual([1, 1]);
  });

  test("outlast it whatever number is in the way of another", async () => {
    using a = lockedFile("a");
    using b = lockedFile("b");
    using c = lockedFile("c");
    const [one, two, three] = inARow([a, b, c]) as [OwnedHandle, OwnedHandle, OwnedHandle];
    const paths = { one: a.path, two: b.path, three: c.path };
    const orders = [[one, two, three], [three, one, two], [two, three, one], [three, two, one]];
    const names = new Map([[one, "one"], [two, "two"], [three, "three"]] as const);
    for (const first of [98, 99, 100, 101, 102, 103, 104]) {
      // A source whose number stdio has for something else is the subject of the next test.
      const free = [one, two, three].filter(({ raw }) => raw >= first || !(isBun || isDeno));
      for (const order of orders) {
        const given = order.filter((handle) => free.includes(handle));
        if (given.length === 0) continue;
        const handles = Object.fromEntries(given.map((handle) => [names.get(handle)!, handle]));
        const seen = await filesOfChild({ stdio: stdioOf(first), handles });
        const expected = Object.keys(handles).map((name) => [name, paths[name as "one"]]);
        expect(seen, `${first}: ${Object.keys(handles)}`).toEqual(Object.fromEntries(expected));
        expect([a.locks(), b.locks(), c.locks()], String(first)).toEqual([1, 1, 1]);
      }
    }
    for (const handle of [one, two, three]) handle.close();
  });

  test("outlast it when stdio has their file too, or spawn() refuses it", () => {
    using a = lockedFile("a");
    using other = temporaryFile("");
    using source = openRaw(other.path, "r");
    const handles = Object.fromEntries(
      Array.from({ length: a.raw }, (_, at) => [`h${at}`, duplicate(source, { minimum: 200 })]),
    );
    const start = () =>
      spawn("true", [], { stdio: ["ignore", "ignore", "ignore", a.raw], handles });
    if (isBun) expect(start).toThrow(expect.objectContaining({ code: "ENOTSUP" }));
    else start();
    for (const handle of Object.values(handles)) handle.close();
    expect(a.locks()).toBe(1);
  });

  test("make spawn() refuse what a runtime could pass only by a temporary duplicate", async () => {
    using a = lockedFile("a");
    using b = temporaryFile("b");
    using other = openRaw(b.path, "r");
    const [low, free] = inARow([a, other]) as [OwnedHandle, OwnedHandle];
    const twice = (source: OwnedHandle) => ({ handles: { one: source, two: source } });
    const replaced = (source: OwnedHandle) => ({ stdio: stdioOf(110), handles: { one: source } });
    const cases: [HandleSpawnOptions, OwnedHandle, boolean][] = [
      [twice(low), low, isDeno],
      [replaced(low), low, isDeno || isBun],
      [twice(free), free, false],
      [replaced(free), free, false],
    ];
    for (const [options, source, isRefused] of cases) {
      const path = source === low ? a.path : b.path;
      if (isRefused) {
        expect(thrownBy(() => spawn("true", [], options))).toMatchObject({ code: "ENOTSUP" });
      } else {
        const seen = await filesOfChild(options);
        expect(new Set(Object.values(seen))).toEqual(new Set([path]));
      }
      expect(a.locks()).toBe(1);
    }
    low.close();
    free.close();
  });
});

test.skipIf(isWindows || !hasCommand("bash"))(
  "the standard descriptors of this process can be handles of a child with others",
  async () => {
    const links = [0, 1, 2].map((fd) => fs.readlinkSync(`/proc/self/fd/${fd}`));
    const child = await filesOfChild({ handles: { in: 0, out: 1, err: 2 } });
    expect(child).toEqual({ in: links[0], out: links[1], err: links[2] });
  },
);

test.runIf(canTrace)("a child that runs is returned, whatever a close says", () => {
  using file = temporaryFile("");
  const { result } = runProgram("child/start.ts", {
    args: [file.path],
    prefix: failing(file.path, "close:error=EIO"),
  });
  expect(result).toEqual({ code: 0 });
});
