/** Rows of the support table: handles of other processes, and of what kind. */
import { type Feature, type Proof, refused, yes } from "./claims.ts";

const processes = "process/process.test.ts";
const permission = "process/take_permission.test.ts";
const between = "process/duplicate_handle.test.ts";
const attributes = "process/same_attributes.test.ts";
const sockets = "socket/win32_sockets.test.ts";

/** A channel between a parent and its child, whichever way handles go over it. */
const withChildren: readonly Proof[] = [
  ["child/channel.test.ts", "parentChannel() gives the same channel at every call"],
  ["child/channel.test.ts", "parentChannel() gives undefined in a process that has none"],
  ["child/channel.test.ts", "the limits of spawn() and parentChannel() are kept to"],
  ["channel/pairs.test.ts", "with 'deno' at the other end by spawn() and parentChannel()"],
  ["channel/pairs.test.ts", "with 'bun' at the other end by spawn() and parentChannel()"],
  ["channel/pairs.test.ts", "with 'node' at the other end by spawn() and parentChannel()"],
];

/** The rows, in their order. */
export const processFeatures: readonly Feature[] = [
  {
    name: "`currentProcess`, `openProcess`",
    claims: [yes(
      [processes, "currentProcess() its duplicate is a real handle"],
      [processes, "openProcess() of a process that has ended"],
    )],
  },
  {
    name: "`take` from a process",
    claims: [
      {
        answer: "yes",
        note:
          "It needs the right to debug the process; `allowTake` grants it where Yama restricts it. " +
          "The source stays open there: `closeSource` is `ENOTSUP`, since only that process can " +
          "close it.",
        on: "linux",
        tests: [
          [processes, "take() makes a handle to the same open file"],
          [processes, "take() takes the handle away with closeSource"],
          [permission, "allowTake() is accepted"],
        ],
      },
      yes(
        [processes, "take() makes a handle to the same open file"],
        [processes, "take() takes the handle away with closeSource"],
      ),
    ],
  },
  {
    name: "`give`, `ForeignHandle.close`",
    claims: [
      yes(
        [processes, "give() makes a handle in the other process"],
        [processes, "close() closes the handle in the other process"],
      ),
      refused(
        "The kernel has no such call: use `spawn` or a channel, or let the other process `take`.",
        [processes, "give() says on Linux what to use instead"],
        [processes, "close() says on Linux that only the process itself can"],
      ),
    ],
  },
  {
    name: "`duplicateHandle` into this process",
    claims: [yes(
      [between, "within this process gives a raw handle to the same object"],
      [between, "between processes takes from another process"],
      [attributes, "makes the duplicate inheritable as its source is"],
      [attributes, "is of the source in another process too"],
    )],
  },
  {
    name: "`duplicateHandle` into another process",
    claims: [
      yes(
        [between, "between processes works from a second process to a third"],
        [between, "between processes gives to another process, and closes there without a target"],
        [attributes, "goes into, out of and between other processes"],
      ),
      refused("Use a channel.", [
        between,
        "says on Linux what is impossible, and what to use instead",
      ]),
    ],
  },
  {
    name: "pseudo-handle of the thread: `borrow(-2)`",
    claims: [
      yes(["ffi/win32.test.ts", "borrow() takes the pseudo-handle of the thread"]),
      {
        answer: "there is none",
        on: "linux",
        tests: [["handle/bad_input.test.ts", "borrow() refuses"]],
      },
    ],
  },
  {
    name: "kinds of objects",
    claims: [
      {
        answer: "all",
        tests: [["handle/linux_kinds.test.ts", "duplicate() (the kinds of Linux"]],
      },
      {
        answer: "all but two",
        note: "I/O completion ports and sockets would silently break, and are refused.",
        tests: [
          ["ffi/win32_objects.test.ts", "a duplicate and its source are one object"],
          ["ffi/win32_sessions.test.ts", "a duplicate and its source are one object"],
          [sockets, "what would silently break is refused"],
        ],
      },
    ],
  },
  {
    name: "`duplicateSocket`, `socketFromInfo`",
    claims: [
      yes([sockets, "a socket goes to a child, which uses it after the parent closed its own"]),
      refused("Not needed: a socket is duplicated, sent and taken like any other descriptor.", [
        sockets,
        "on POSIX both say what to use instead",
      ]),
    ],
  },
  {
    name: "`spawn`, `inherited`",
    claims: [yes(
      ["child/spawn.test.ts", "spawn() takes every kind of source"],
      ["child/inherited.test.ts", "inherited() gives each handle once"],
      ["child/pairs.test.ts", "a child in 'deno' gets a file, pipes and a socket"],
      ["child/pairs.test.ts", "a child in 'bun' gets a file, pipes and a socket"],
      ["child/pairs.test.ts", "a child in 'node' gets a file, pipes and a socket"],
    )],
  },
  {
    name: "`spawn`: a handle in `stdio`",
    claims: [
      yes([
        "child/stdio_handles.test.ts",
        "a handle in stdio is the standard input and output of the child",
      ]),
    ],
  },
  {
    name: "`HandleChannel`, `parentChannel`",
    claims: [
      {
        answer: "yes",
        on: "windows",
        tests: [
          ["channel/handles.test.ts", "of every kind refers to the object that was sent"],
          ["channel/pairs.test.ts", "messages each way arrive whole"],
          ["channel/server.test.ts", "a server has a channel for each that connects"],
          ...withChildren,
          ["channel/windows_sockets.test.ts", "arrive in their places, work, and outlive those"],
          ["channel/windows_sockets.test.ts", "in 'deno' a listener and a connection are served"],
          ["channel/windows_sockets.test.ts", "in 'bun' a listener and a connection are served"],
          ["channel/windows_sockets.test.ts", "in 'node' a listener and a connection are served"],
        ],
      },
      yes(
        ["channel/handles.test.ts", "of every kind refers to the object that was sent"],
        ["channel/pairs.test.ts", "messages each way arrive whole"],
        ["channel/server.test.ts", "a server has a channel for each that connects"],
        ...withChildren,
      ),
    ],
  },
  {
    name: "`Upgrade`",
    claims: [
      yes(
        ["upgrade/load.test.ts", "from 'node:http' to 'node:http' of 'deno', and back"],
        ["upgrade/load.test.ts", "ten times in a row: 'node:http'"],
        ["upgrade/failures.test.ts", "the new process ends before it is ready"],
        ["upgrade/failures.test.ts", "the old process dies before the new one is ready"],
      ),
      refused(
        "Let a process that stays have the listeners, and pass them to each new server by the `handles` of `spawn`.",
        ["upgrade/start.test.ts", "is for Linux: elsewhere the error names the handles of spawn()"],
      ),
    ],
  },
];
