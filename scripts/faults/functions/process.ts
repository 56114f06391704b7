/** Faults while handles of other processes are used, and while children are started. */
import type { ChildProcess } from "node:child_process";
import { closeSync, statSync } from "node:fs";
import {
  allowTake,
  borrow,
  currentProcess,
  duplicateHandle,
  inherited,
  inheritedNames,
  openProcess,
  parentChannel,
  type ProcessHandle,
  spawn,
} from "duphandle";
import { close as closeDescriptor, O_CLOEXEC, O_NONBLOCK, socketpair } from "duphandle/posix";
import { RESERVED } from "../../../src/channel/types.ts";
import { encodeHandles } from "../../../src/child/types.ts";
import { check, type Subject, subject } from "../subject.ts";
import { child, closeOwned, open, openOwned } from "./fixture.ts";

const AF_UNIX = 1;
/** SOCK_STREAM, SOCK_CLOEXEC and SOCK_NONBLOCK. */
const STREAM = 1 | O_CLOEXEC | O_NONBLOCK;

/** A number that the child has: its standard input. */
const CHILD_FD = 0;

function close(handle: { close(): void } | undefined): void {
  handle?.close();
}

/** Waits until a child has started, or could not be. */
function started<Child extends Pick<ChildProcess, "once">>(made: Child): Promise<Child> {
  return new Promise((resolve, reject) => {
    made.once("spawn", () => resolve(made));
    made.once("error", reject);
  });
}

/** Ends a child and waits for its end. */
async function end(
  made: Pick<ChildProcess, "once" | "exitCode" | "kill"> | undefined,
): Promise<void> {
  if (made === undefined || made.exitCode !== null) return;
  await new Promise((resolve) => {
    made.once("close", resolve);
    made.kill("SIGKILL");
  });
}

const starting = {
  nothing: {},
  handles: { handles: true },
  "a handle in stdio": { inStdio: true },
  channel: { channel: true },
  "handles, channel": { handles: true, channel: true },
} as const;

const spawning = Object.entries(starting).map(([name, options]) =>
  subject(`spawn ${name}`, "spawn", {
    setup: () => open(),
    run: (fd) => {
      const handles = "handles" in options ? { handles: { a: fd, b: fd } } : {};
      return started(
        spawn("sleep", ["60"], {
          stdio: "inStdio" in options ? ["ignore", borrow(fd), "ignore", borrow(fd)] : "ignore",
          ...handles,
          channel: "channel" in options,
        }),
      );
    },
    clean: async (fd, made) => {
      const channel = (made as { channel?: { close(): Promise<void> } } | undefined)?.channel;
      await end(made);
      await channel?.close();
      closeSync(fd);
    },
    only: {
      calls: ["socketpair SOCK_NONBLOCK", "fcntl", "statx", "getdents64", "fstat", "close /file>"],
      reason: "the others are node:child_process's, whose errors come as it gives them",
    },
  })
);

/** The value of DUPHANDLE_HANDLES that a parent would give for these. */
function inheritedValue(names: readonly string[], values: readonly number[]): string {
  const tags = values.map((raw) => {
    const { dev, ino } = statSync(`/proc/self/fd/${raw}`);
    return `${dev}:${ino}`;
  });
  return encodeHandles(names, { values, tags, stdio: [] });
}

function inheritedSetup(): number {
  const raw = openOwned().release();
  process.env["DUPHANDLE_HANDLES"] = inheritedValue(["log"], [raw]);
  return raw;
}

/** The faults of `duphandle/process` and `duphandle/child`. */
export const processSubjects: readonly Subject[] = [
  subject("openProcess", ["openProcess", "ProcessHandle#closeRaw"], {
    setup: () => child.pid as number,
    run: openProcess,
    clean: (_, opened) => close(opened),
  }),
  subject("currentProcess", "currentProcess", {
    setup: () => {},
    run: currentProcess,
    clean: (_, opened) => close(opened),
  }),
  ...[false, true].map((inheritable) =>
    subject(`take${inheritable ? " inheritable" : ""}`, "ProcessHandle#take", {
      setup: () => openProcess(child.pid as number),
      run: (target) => target.take(CHILD_FD, { inheritable }),
      clean: (target, taken) => {
        close(taken);
        target.close();
      },
    })
  ),
  subject("give", "ProcessHandle#give", {
    setup: () => ({ target: openProcess(child.pid as number), fd: openOwned() }),
    run: ({ target, fd }): unknown => {
      try {
        return target.give(fd);
      } catch (error) {
        // Linux has no such call.
        if ((error as { code?: string }).code === "ENOTSUP") return undefined;
        throw error;
      }
    },
    clean: ({ target, fd }) => {
      target.close();
      fd.close();
    },
  }),
  subject("duplicateHandle", "duplicateHandle", {
    setup: () => {
      const target: ProcessHandle = currentProcess();
      return { target, source: openProcess(child.pid as number) };
    },
    run: ({ target, source }) =>
      duplicateHandle({
        sourceProcess: source,
        sourceHandle: CHILD_FD,
        targetProcess: target,
        options: 2,
      }),
    clean: ({ target, source }, raw) => {
      if (raw !== undefined) closeDescriptor(raw);
      target.close();
      source.close();
    },
  }),
  subject("allowTake", "allowTake", {
    setup: () => {},
    run: () => allowTake("any"),
    clean: () => {},
  }),
  ...spawning,
  subject("inheritedNames", "inheritedNames", {
    setup: inheritedSetup,
    run: inheritedNames,
    clean: (raw, names) => {
      if (names !== undefined) check(names.join() === "log", `the names are ${names}`);
      closeDescriptor(raw);
    },
    fresh: true,
  }),
  subject("inherited", "inherited", {
    setup: inheritedSetup,
    run: () => inherited("log"),
    clean: (raw, log) => {
      if (log === undefined) closeDescriptor(raw);
      else closeOwned(log);
    },
    fresh: true,
  }),
  subject("parentChannel", "parentChannel", {
    setup: () => {
      const [stream, peerStream] = socketpair(AF_UNIX, STREAM, 0);
      const [handles, peerHandles] = socketpair(AF_UNIX, STREAM, 0);
      process.env["DUPHANDLE_HANDLES"] = inheritedValue(
        [`${RESERVED}stream`, `${RESERVED}handles`],
        [stream, handles],
      );
      return [peerStream, peerHandles];
    },
    run: () => parentChannel(),
    clean: async (peers, channel) => {
      peers.forEach(closeDescriptor);
      await channel?.close(); // what was inherited for it is closed, whatever the outcome
    },
    fresh: true,
  }),
];
