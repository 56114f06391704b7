/** Trackers: each mistake is found, at its place in the program, and what is no mistake is not. */
import * as fs from "node:fs";
import {
  borrow,
  closeMany,
  currentProcess,
  duplicate,
  duplicateHandle,
  duplicateMany,
  duplicateOnto,
  type HandleProblem,
  type HandleReport,
  openProcess,
  OwnedHandle,
  redirect,
  spawn,
  trackHandles,
} from "duphandle";
import { beforeAll, describe, expect, test } from "vitest";
import { badKinds, badNumbers } from "../support/bad_values.ts";
import { connected } from "../support/channel_ends.ts";
import { childFiles } from "../support/child_files.ts";
import { commandFor, programPath, runProgram } from "../support/program.ts";
import { expectedProblems } from "../support/expected_problems.ts";
import { socketPair } from "../support/sockets.ts";
import {
  closeRaw,
  isWindows,
  openRaw,
  pipeRaw,
  readRaw,
  temporaryFile,
} from "../support/system.ts";
import { openOnce } from "../support/windows_objects.ts";

const PROGRAM = "track/mistakes.ts";
const source = fs.readFileSync(programPath(PROGRAM), "utf8").split("\n");

/** What the program is to be told of each of its mistakes, and what its mistake leads to. */
const mistakes: readonly (readonly [
  name: string,
  problem: HandleProblem,
  told?: Readonly<Record<string, unknown>>,
])[] = [
  ["forgotten", "leak"],
  ["forgottenProcess", "leak"],
  ["forgottenOfMany", "leak"],
  ["forgottenByError", "leak"],
  ["forgottenCopyOfConsumed", "leak"],
  ["forgottenInherited", "leak"],
  ["forgottenInMessage", "leak"],
  ["closedTwice", "double-close"],
  ["closedAfterUsing", "double-close"],
  ["closedAfterConsumed", "double-close"],
  ["closedAfterMany", "double-close"],
  ["closedProcessTwice", "double-close"],
  ["closedByOther", "foreign-close", { code: "EBADF" }],
  ["closedByOtherThenUsed", "foreign-close", { code: "EBADF" }],
  ["closedByOtherThenForgotten", "foreign-close"],
  ["closedByOtherThenReleased", "foreign-close"],
  ["closedByOtherOfMany", "foreign-close", { code: "EBADF" }],
  ["ownedTwice", "two-owners"],
  ["ownedTwiceAndClosed", "foreign-close", { code: "EBADF" }],
  ["recycledAndClosed", "recycled", { code: "EBADF", others: "others" }],
  ["recycledAndUsed", "recycled", { code: "EBADF", others: "others" }],
  ["recycledAndReleased", "recycled", { code: "EBADF", others: "others" }],
  ["recycledAndClosedOfMany", "recycled", { others: "others" }],
  ["recycledAndLent", "recycled", { code: "EBADF", others: "others" }],
  ["recycledAndForgotten", "recycled", { others: "others" }],
  ["recycledBySameFile", "recycled", { code: "EBADF", others: "mine" }],
  ["recycledByMany", "recycled", { code: "EBADF", others: "mine" }],
  ["recycledByProcess", "recycled", { code: "EBADF" }],
  ["recycledByOwner", "recycled", { code: "EBADF", others: "others" }],
  ["usedAfterClose", "use-after-close"],
  ["usedAfterRelease", "use-after-close"],
  ["releasedTwice", "use-after-close"],
  ["borrowedTooLong", "use-after-close"],
  ["usedAfterMany", "use-after-close"],
  ["sentAfterClose", "use-after-close"],
];

/** A descriptor of the runtime is no HANDLE, and dup3 is not there. */
const onPosix: typeof mistakes = [
  ["ownedByRuntime", "foreign-close", { code: "EBADF" }],
  ["replaced", "recycled", { code: "EBADF", others: "others" }],
  ["usedAfterToFd", "use-after-close"],
];

type Results = Record<string, { told?: unknown; reports: HandleReport[] }>;

/** The line of the program that has the mark. */
function markedLine(mark: string): number | undefined {
  const at = source.findIndex((line) => line.endsWith(`// ${mark}`));
  return at === -1 ? undefined : at + 1;
}

/** The line of the program to which a stack leads first. */
function firstLine(stack: string | undefined): number {
  return Number(/mistakes\.ts:(\d+)/.exec(stack ?? "")?.[1]);
}

/** Calls from as deep as that. */
function deeply<Result>(depth: number, call: () => Result): Result {
  const result = depth === 0 ? call() : deeply(depth - 1, call);
  return result; // no tail call, of which an engine keeps no trace
}

/** The problems, in order. */
function problems(reports: readonly HandleReport[]): HandleProblem[] {
  return reports.map(({ problem }) => problem);
}

const all = isWindows ? mistakes : [...mistakes, ...onPosix];

describe("a mistake", () => {
  let results: Results;
  beforeAll(() => {
    results = runProgram(PROGRAM).result as Results;
  });

  test.each(all.map(([name, problem, told]) => ({ name, problem, told })))(
    "$name is reported as $problem, with the places that led to it",
    ({ name, problem, told }) => {
      const result = results[name]!;
      expect(result.told).toEqual(told);
      const others: HandleProblem[] = name === "ownedTwiceAndClosed" ? ["two-owners"] : [];
      expect(problems(result.reports)).toEqual([...others, problem]);
      const found = result.reports.at(-1)!;
      expect(found.message).toMatch(/^Handle -?\d+ \(\w+\) was .*: .+/);
      for (const place of ["created", "closed", "now"] as const) {
        const line = markedLine(`${name}: ${place}`);
        if (line !== undefined) expect(firstLine(found[place]), place).toBe(line);
      }
    },
  );

  test("is in the table, with a mark in the program for every one", () => {
    const marks = source.flatMap((line) =>
      /\/\/ (\w+): (?:created|closed|now)$/.exec(line)?.[1] ?? []
    );
    const names = [...mistakes, ...onPosix].map(([name]) => name);
    // The handles of a message are made by the channel, when the event loop brings them.
    expect(names.filter((name) => !marks.includes(name))).toEqual(["forgottenInMessage"]);
    expect(Object.keys(results).sort()).toEqual(all.map(([name]) => name).sort());
  });
});

/** What programs do that make no mistake. */
const clean: readonly (readonly [name: string, run: () => void | Promise<void>])[] = [
  ["closes what it duplicates", () => {
    const copy = duplicate(1);
    copy.duplicate().close();
    duplicate(copy, { closeSource: true, inheritable: true }).close();
  }],
  ["closes before the end of a using block", async () => {
    using copy = duplicate(1);
    copy.close();
    await using late = duplicate(1);
    late.close();
  }],
  ["guards a handle until it is released", () => {
    let raw: number;
    {
      using guard = duplicate(1);
      raw = guard.release();
      guard.close();
    }
    closeRaw(raw);
  }],
  ["asks whether a handle is closed", () => {
    const copy = duplicate(1);
    const borrowed = copy.borrow();
    copy.close();
    if (!copy.closed || !borrowed.closed) throw new Error("it is closed");
  }],
  ["takes and gives processes", () => {
    using me = currentProcess();
    using parent = openProcess(process.ppid);
    using copy = parent.duplicate();
    void copy.raw;
    me.take(copy.raw, {}).close();
    const raw = duplicateHandle({ sourceProcess: me, sourceHandle: copy, targetProcess: me });
    OwnedHandle.fromRaw(raw).close();
  }],
  ["closes many at once before the end of a using block", () => {
    using first = duplicate(1);
    using second = duplicate(1);
    closeMany([first, second]);
  }],
  ["closes many at once, and some of them before", () => {
    const copies = duplicateMany(Array<number>(300).fill(1));
    copies[7]!.close();
    closeMany([...copies, ...copies]);
    closeMany(copies);
  }],
  ["reuses numbers", () => {
    using file = temporaryFile("");
    for (let round = 0; round < 50; round++) {
      const { reader, writer } = pipeRaw();
      reader.close();
      using opened = openRaw(file.path, "r+");
      duplicate(opened, { access: "read" }).close();
      closeRaw(writer.release());
    }
  }],
  ["uses sockets", () => {
    const [near, far] = socketPair();
    void [near.raw, far.raw];
    near.close();
    far.close();
  }],
  ["moves, renames, grows and deletes its file", () => {
    using file = temporaryFile("a");
    using handle = openRaw(file.path, "r+");
    fs.appendFileSync(file.path, "b");
    fs.chmodSync(file.path, 0o600);
    fs.renameSync(file.path, `${file.path}.new`);
    handle.inheritable = true;
    fs.unlinkSync(`${file.path}.new`);
    if (readRaw(handle.raw, 2) !== "ab") throw new Error("it has two bytes");
  }],
  ["sends handles over a channel", async () => {
    using file = temporaryFile("ab");
    using handle = openRaw(file.path, "r");
    await using ends = await connected();
    await ends.near.send("two", [handle, handle]);
    using received = await ends.far.receive();
    received!.handles[0]!.close();
    await ends.near.send("none");
    using _ = await ends.far.receive();
  }],
  ["gives handles to a child", async () => {
    using files = childFiles();
    using handle = duplicate(1);
    const [command, ...args] = commandFor(programPath("child/inherited_names.ts"));
    await files.result(spawn(command!, args, { ...files.options, handles: { handle } }));
  }],
];

/** Windows has no step that replaces an object. */
const cleanOnPosix: typeof clean = [
  ["replaces the object of a handle by duplicateOnto() and redirect()", () => {
    using file = temporaryFile("new");
    using other = openRaw(file.path, "r");
    using target = duplicate(1);
    duplicateOnto(other, target.raw);
    if (readRaw(target.raw, 3) !== "new") throw new Error("it is the other file");
    {
      using _ = redirect(target.raw, 1);
      void target.inheritable;
    }
    void target.raw;
  }],
];

const cleanOfRuntime: typeof clean = [
  ["gives a handle to the runtime", async () => {
    using file = temporaryFile("ab");
    using handle = openRaw(file.path, "r");
    fs.closeSync(duplicate(handle).toFd());
    const runtimes = await duplicate(handle).toFileHandle();
    await runtimes.readFile();
    await runtimes.close();
    OwnedHandle.fromFd(fs.openSync(file.path, "r")).close();
  }],
];

describe("a clean program", () => {
  beforeAll(openOnce);

  test.each([...clean, ...cleanOfRuntime, ...isWindows ? [] : cleanOnPosix])(
    "that %s is not reported",
    async (_, run) => {
      using tracker = trackHandles();
      await run();
      tracker.stop();
      expect(tracker.reports).toEqual([]);
    },
  );
});

describe("trackHandles()", () => {
  test("tells which handles are open, and which of them are leaks", () => {
    const began = Date.now();
    const tracker = trackHandles();
    const first = duplicate(1);
    const second = openProcess(process.ppid);
    expect(tracker.live).toEqual([
      expect.objectContaining({ raw: first.raw, kind: "OwnedHandle" }),
      expect.objectContaining({ raw: second.raw, kind: "ProcessHandle" }),
    ]);
    const { when, created } = tracker.live[0]!;
    expect(when).toBeGreaterThanOrEqual(began);
    expect(when).toBeLessThanOrEqual(Date.now());
    expect(created).toContain("track.test.ts");
    expect(tracker.leaks().map(({ raw }) => raw)).toEqual([first.raw, second.raw]);
    expect(tracker.reports).toEqual([]);
    closeMany([first, second]);
    expect(tracker.live).toEqual([]);
    expect(tracker.leaks()).toEqual([]);
    tracker.stop();
    expect(tracker.reports).toEqual([]);
  });

  test("changes no class while it runs, and nothing is observed after the last stop", () => {
    // In a process of its own: the tracker of the set-up would go on.
    const { result } = runProgram("track/stop.ts");
    expect(result).toEqual({
      sameWhileRunning: true,
      same: true,
      observed: [false, true, true, false, true, false],
      reports: ["leak"],
      after: ["leak"],
    });
  });

  test("may run several times at once, each for the handles since its start", () => {
    using outer = trackHandles();
    const old = duplicate(1);
    const inner = trackHandles();
    const young = duplicate(1);
    expectedProblems("double-close", "double-close");
    for (const handle of [old, young]) {
      handle.close();
      handle.close();
    }
    const forgotten = duplicate(1);
    expect(inner.live.map(({ raw }) => raw)).toEqual([forgotten.raw]);
    inner.stop();
    expect(problems(inner.reports)).toEqual(["double-close", "leak"]);
    expect(problems(outer.reports)).toEqual(["double-close", "double-close"]);
    forgotten.close();
    outer.stop();
    expect(problems(outer.reports)).toEqual(["double-close", "double-close"]);
  });

  test("leaves alone what was made before it", () => {
    const old = duplicate(1);
    using tracker = trackHandles();
    expectedProblems("double-close");
    old.close();
    old.close();
    tracker.stop();
    expect(tracker.reports).toEqual([]);
  });

  test("calls onReport at once, and lets it throw where the mistake is made", () => {
    const heard: HandleReport[] = [];
    expectedProblems("double-close");
    using tracker = trackHandles({
      onReport(report) {
        heard.push(report);
        throw new RangeError(report.message);
      },
    });
    const copy = duplicate(1);
    copy.close();
    expect(() => copy.close()).toThrow(RangeError);
    expect(heard).toEqual(tracker.reports);
    expect(problems(heard)).toEqual(["double-close"]);
  });

  test("calls onReport, and when it throws the others are closed all the same", () => {
    expectedProblems("foreign-close");
    using tracker = trackHandles({
      onReport({ message }) {
        throw new RangeError(message);
      },
    });
    const copies = duplicateMany([1, 1, 1]);
    closeRaw(copies[1]!.raw);
    expect(() => closeMany(copies)).toThrow(RangeError);
    expect(copies.map(({ closed }) => closed)).toEqual([true, false, true]);
    expect(() => copies[1]!.close()).toThrow("EBADF");
    expect(problems(tracker.reports)).toEqual(["foreign-close"]);
  });

  test.for(
    [
      ["duplicate()", () => duplicate(1)],
      ["duplicateMany()", (lower: OwnedHandle[]) => {
        closeMany(lower); // where a batch has the sockets that it goes through
        return duplicateMany(Array.from({ length: 200 }, () => 1));
      }],
      ["openProcess()", () => openProcess(process.pid)],
    ] as const,
  )("calls onReport in %s, and when it throws no new handle stays open", ([, make]) => {
    expectedProblems("recycled");
    using tracker = trackHandles({
      onReport({ message }) {
        throw new RangeError(message);
      },
    });
    const lower = duplicateMany([1, 1]);
    const { raw } = duplicate(1);
    closeRaw(raw);
    expect(() => make(lower)).toThrow(RangeError);
    closeMany(lower);
    expect(problems(tracker.reports)).toEqual(["recycled"]);
    expect(() => borrow(raw).duplicate()).toThrow("EBADF");
  });

  test("shows as many calls as it is asked to", () => {
    const depthOf = (stackDepth: number) => {
      using tracker = trackHandles({ stackDepth });
      using _ = duplicate(1);
      return tracker.live[0]!.created.split("\n").length;
    };
    // The set-up's own tracker wants 16.
    expect(depthOf(1)).toBeLessThanOrEqual(16);
    expect(deeply(50, () => depthOf(40))).toBe(40);
  });

  test("refuses what are no options, and then tracks nothing", () => {
    for (const bad of [null, 3, "a", { onReport: 3 }, { stackdepth: 3 }, { onReport: null }]) {
      expect(() => trackHandles(bad as never), String(bad)).toThrow(TypeError);
    }
    for (const bad of [...badNumbers, ...badKinds, 0, 1001]) {
      if (bad === undefined) continue;
      expect(() => trackHandles({ stackDepth: bad as never })).toThrow(TypeError);
    }
  });
});
