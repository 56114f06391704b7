/** Handles as entries of `stdio`. */
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import {
  borrow,
  duplicate,
  type HandleStdioEntry,
  inspectHandle,
  type OwnedHandle,
  spawn,
} from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { expectedProblems } from "../support/expected_problems.ts";
import { commandFor, hasCommand, programPath } from "../support/program.ts";
import { lockRecords, recordLocks } from "../support/record_locks.ts";
import { socketPair } from "../support/sockets.ts";
import {
  closeRaw,
  isBun,
  isDeno,
  isWindows,
  openRaw,
  pipeRaw,
  positionOf,
  readRaw,
  temporaryFile,
  temporaryFolder,
} from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";
import { openOnce } from "../support/windows_objects.ts";

beforeAll(openOnce);

function uppercase(stdio: readonly HandleStdioEntry[]) {
  const [command, ...args] = commandFor(programPath("child/uppercase.ts")) as [string];
  return spawn(command, args, { stdio });
}

/** Starts a shell, and gives the link of each of its descriptors. */
async function linksOfChild(
  stdio: readonly HandleStdioEntry[],
  handles: Record<string, OwnedHandle> = {},
): Promise<Map<number, string>> {
  using list = temporaryFile("");
  // In a subshell, so that the list is not among the descriptors.
  const child = spawn("sh", ["-c", `(ls -l /proc/$$/fd >'${list.path}'); exit 0`], {
    stdio,
    handles,
  });
  await once(child, "exit");
  const lines = fs.readFileSync(list.path, "utf8").matchAll(/ (\d+) -> (.*)$/gm);
  return new Map([...lines].map(([, fd, link]) => [Number(fd), link!]));
}

const linkOf = (fd: number) => fs.readlinkSync(`/proc/self/fd/${fd}`);

describe("a handle in stdio", () => {
  test("is the standard input and output of the child, and stays the caller's", async () => {
    using folder = temporaryFolder();
    const [input, output, errors] = ["input", "output", "errors"].map((name) =>
      path.join(folder.path, name)
    ) as [string, string, string];
    fs.writeFileSync(input, "one two three");
    for (const file of [output, errors]) fs.writeFileSync(file, "");
    using from = openRaw(input, "r");
    using to = openRaw(output, "r+");
    using log = openRaw(errors, "r+");
    readRaw(from.raw, 4);
    const child = uppercase([from, to, borrow(log.raw)]);
    expect((await once(child, "exit"))[0]).toBe(0);
    expect(fs.readFileSync(output, "utf8")).toBe("TWO THREE");
    expect(fs.readFileSync(errors, "utf8")).toContain("copied");
    // One position, shared with the child; and the same rights as before.
    expect([positionOf(from.raw), positionOf(to.raw)]).toEqual([13, 9]);
    for (const handle of [from, to, log]) expect(inspectHandle(handle).inheritable).toBe(false);
  });

  test("ends with the child: a pipe that it got has an end", async () => {
    const pipe = pipeRaw();
    using file = temporaryFile("abc");
    using from = openRaw(file.path, "r");
    const child = uppercase([from, pipe.writer, "inherit"]);
    const exit = once(child, "exit");
    pipe.writer.close();
    await exit;
    expect(readRaw(pipe.reader.raw, 10)).toBe("ABC");
    expect(readRaw(pipe.reader.raw, 10), "the end").toBe("");
    pipe.reader.close();
  });
});

describe("a handle in stdio that is closed", () => {
  test("is EBADF, and nothing is started", () => {
    using folder = temporaryFolder();
    const marker = path.join(folder.path, "started");
    using file = temporaryFile("");
    const closed = openRaw(file.path, "r");
    closed.close();
    const gone = openRaw(file.path, "r");
    const { raw } = gone;
    closeRaw(gone.release());
    expectedProblems("use-after-close");
    for (const handle of [closed, borrow(raw)]) {
      for (const place of [0, 1, 2, 3]) {
        const stdio: HandleStdioEntry[] = ["ignore", "ignore", "ignore", "ignore"];
        stdio[place] = handle;
        const script = `require("fs").writeFileSync(${JSON.stringify(marker)}, "")`;
        expect(thrownBy(() => spawn(process.execPath, ["-e", script], { stdio })))
          .toMatchObject({ code: "EBADF" });
      }
    }
    expect(fs.existsSync(marker)).toBe(false);
  });

  const places: Record<string, (run: () => unknown, handle: OwnedHandle) => object> = {
    "the fd of a later entry": (run, handle) => ({
      stdio: [handle, "ignore", {
        get fd() {
          run();
          return 2;
        },
      }],
    }),
    "a named handle": (run, handle) => ({
      stdio: [handle, "ignore", "ignore"],
      handles: {
        other: {
          get fd() {
            run();
            return 1;
          },
        },
      },
    }),
    "an option": (run, handle) => ({
      stdio: [handle],
      get cwd() {
        return void run();
      },
    }),
  };

  test.each(Object.keys(places))("by the reading of %s is refused", (place) => {
    using file = temporaryFile("");
    const handle = openRaw(file.path, "r");
    const others: OwnedHandle[] = [];
    const replace = () => {
      if (!handle.closed) handle.close();
      others.push(openRaw(file.path, "r")); // what takes the number must not be passed
    };
    expectedProblems("use-after-close");
    expect(thrownBy(() => spawn(process.execPath, [], places[place]!(replace, handle))))
      .toMatchObject({ code: "EBADF" });
    for (const other of others) other.close();
  });
});

describe.skipIf(isWindows)("the numbers of handles in stdio", () => {
  test("are those of the entries, whatever number each has here", async () => {
    const files = ["a", "b", "c"].map((name) => temporaryFile(name));
    // Neighbours, whose numbers are those of entries.
    const made = files.map(({ path }) => openRaw(path, "r"));
    const handles = made.map((handle, at) => duplicate(handle, { minimum: 60 + at }));
    const [a, b, c] = handles as [OwnedHandle, OwnedHandle, OwnedHandle];
    const [first] = [a.raw];
    const nothing = (length: number) => Array<HandleStdioEntry>(length).fill("ignore");
    const orders = [[a, b, c], [c, a, b], [b, c, a], [c, b, a], [a, a, a], [b, b, a]];
    for (const before of [3, first - 1, first, first + 1, first + 2]) {
      for (const order of orders) {
        for (const named of [{}, { named: a }, { one: c, two: b }]) {
          const links = await linksOfChild([...nothing(before), ...order], named);
          const seen = order.map((_, at) => links.get(before + at));
          expect(seen, `${before}: ${order.map(({ raw }) => raw)}`)
            .toEqual(order.map(({ raw }) => linkOf(raw)));
          const named1 = Object.values(named).map(({ raw }) => linkOf(raw));
          expect([...links.values()]).toEqual(expect.arrayContaining(named1));
        }
      }
    }
    for (const handle of [...made, ...handles]) handle.close();
    for (const file of files) file[Symbol.dispose]();
  });

  test("may be exchanged between standard input, output and error", async () => {
    const files = ["a", "b", "c"].map((name) => temporaryFile(name));
    const [a, b, c] = files.map(({ path }) => openRaw(path, "r+")) as [
      OwnedHandle,
      OwnedHandle,
      OwnedHandle,
    ];
    const [zero, one, two] = [borrow(0), borrow(1), borrow(2)];
    const orders = [
      [a, b, c],
      [c, c, a],
      [zero, one, two],
      [zero, two, one],
      [two, zero, one],
      [one, one, one],
      [a, two, two],
      [a, zero, b],
      [a, b, c, zero, one, two],
      [a, b, c, two, c, two],
    ];
    for (const order of orders) {
      const links = await linksOfChild(order);
      const expected = order.map(({ raw }) => linkOf(raw));
      expect(order.map((_, at) => links.get(at)), `${order.map(({ raw }) => raw)}`)
        .toEqual(expected);
      // Nothing else of the caller's files, and nothing twice.
      const mine = files.map(({ path }) => path);
      const count = (list: Iterable<string>) =>
        [...list].filter((link) => mine.includes(link)).length;
      expect(count(links.values()), `${order.map(({ raw }) => raw)}`).toBe(count(expected));
    }
    for (const handle of [a, b, c]) handle.close();
    for (const file of files) file[Symbol.dispose]();
  });

  test("stand beside what Node takes: numbers, streams, files, words", async () => {
    using file = temporaryFile("x");
    using handle = openRaw(file.path, "r");
    const fd = fs.openSync(file.path, "r");
    const links = await linksOfChild(["ignore", process.stdout, 2, handle, fd, "pipe", handle]);
    expect(links.get(0)).toBe("/dev/null");
    expect([1, 2, 3, 4, 6].map((at) => links.get(at)))
      .toEqual([linkOf(1), linkOf(2), file.path, file.path, file.path]);
    expect(links.get(5)).toMatch(/^(pipe|socket):/);
    fs.closeSync(fd);
  });
});

test.skipIf(isWindows || !hasCommand("true"))(
  "record locks outlast a handle in stdio, or spawn() refuses it",
  async () => {
    using file = temporaryFile("a");
    using handle = openRaw(file.path, "r+");
    lockRecords(handle.raw);
    using high = duplicate(handle, { minimum: 60 });
    const cases: [HandleStdioEntry[], boolean][] = [
      [[high, "ignore", "ignore"], isDeno],
      [["ignore", "ignore", "ignore", high], false],
      [[...Array<HandleStdioEntry>(high.raw).fill("ignore"), high], false],
      [[...Array<HandleStdioEntry>(high.raw + 1).fill("ignore"), high], isDeno || isBun],
    ];
    for (const [stdio, isRefused] of cases) {
      if (isRefused) {
        expect(thrownBy(() => spawn("true", [], { stdio }))).toMatchObject({ code: "ENOTSUP" });
      } else {
        await once(spawn("true", [], { stdio }), "exit");
      }
      expect(recordLocks(file.path), String(stdio.length)).toBe(1);
    }
  },
);

describe.runIf(isWindows)("on Windows, a handle in stdio", () => {
  test("is refused when it is a socket: handles takes it", () => {
    const [near, far] = socketPair();
    expect(thrownBy(() => spawn("x", [], { stdio: [near, "ignore", "ignore"] })))
      .toMatchObject({
        code: "ENOTSUP",
        message: expect.stringContaining("option handles") as string,
      });
    near.close();
    far.close();
  });
});
