/** Rows of the support table: many files, inspection, and the system calls. */
import { type Feature, refused, yes } from "./claims.ts";

/** The rows, in their order. */
export const otherFeatures: readonly Feature[] = [
  {
    name: "`DescriptorPool`",
    claims: [
      {
        answer: "yes",
        note: "Without privileges as many files may wait as `RLIMIT_NOFILE` says.",
        tests: [
          ["pool/pool.test.ts", "use() finds every file where it was left"],
          ["pool/pool.test.ts", "pin() keeps number and object"],
          ["pool/linux.test.ts", "keeps a pipe and a socket with what is in them"],
          ["pool/linux.test.ts", "keeps a deleted file"],
        ],
      },
      {
        answer: "yes",
        note: "`use` passes the `HANDLE`: Deno for Windows makes descriptors slowly.",
        on: "windows-deno",
        tests: [
          ["pool/pool.test.ts", "use() finds every file where it was left"],
          ["pool/windows.test.ts", "files are open at once, each at a position of its own"],
        ],
      },
      yes(
        ["pool/pool.test.ts", "use() finds every file where it was left"],
        ["pool/pool.test.ts", "pin() keeps number and object"],
        ["pool/windows.test.ts", "files are open at once, each at a position of its own"],
      ),
    ],
  },
  {
    name: "`raiseDescriptorLimit`",
    claims: [
      yes(["pool/raise_limit.test.ts", "raises the soft limit to the hard one"]),
      refused("There is no such limit to raise: use `DescriptorPool`.", [
        "pool/raise_limit.test.ts",
        "is ENOTSUP on Windows",
      ]),
    ],
  },
  {
    name: "`inspectHandle`, `listHandles`",
    claims: [yes(
      ["inspect/inspect.test.ts", "inspectHandle() describes a file with all its properties"],
      ["inspect/inspect.test.ts", "inspectHandle() reports whether child processes inherit it"],
      ["inspect/inspect.test.ts", "listHandles() has what is open and not what is closed"],
      ["inspect/inspect.test.ts", "listHandles() of another process shows its handles"],
    )],
  },
  {
    name: "`inspectHandle`, `listHandles`: sockets",
    claims: [
      yes(
        ["inspect/sockets.test.ts", "has the addresses that the runtime says"],
        ["inspect/sockets.test.ts", "are what that process says"],
        ["inspect/sockets.test.ts", "knows the other end of a pair"],
      ),
      {
        answer: "of this process",
        note: "Windows does not say what the sockets of another process are.",
        tests: [["inspect/sockets.test.ts", "has the addresses that Winsock says"]],
      },
    ],
  },
  {
    name: "`findHandles`",
    claims: [yes(
      ["inspect/find.test.ts", "finds the handles of every process to the file, and no others"],
      ["inspect/find.test.ts", "finds a listening socket of this process and of another"],
      ["inspect/find.test.ts", "finds the process of a server of the runtime"],
      ["inspect/find.test.ts", "finds what shares the open file, in every process"],
    )],
  },
  {
    name: "`isSameObject`",
    claims: [yes(
      ["inspect/inspect.test.ts", "isSameObject() is true of a duplicate"],
      ["inspect/inspect.test.ts", "isSameObject() is false of another opening of the same path"],
    )],
  },
  {
    name: "`trackHandles`",
    claims: [yes(
      ["track/track.test.ts", "a mistake 'forgotten' is reported as 'leak'"],
      ["track/track.test.ts", "a mistake 'closedTwice' is reported as 'double-close'"],
      ["track/track.test.ts", "a mistake 'closedByOther' is reported as 'foreign-close'"],
      ["track/track.test.ts", "a clean program that"],
    )],
  },
  {
    name: "`duphandle/posix`",
    claims: [
      yes(["ffi/posix.test.ts", "duphandle/posix (ENOTSUP on Windows, see above)"]),
      refused("Use the functions of `duphandle`, or `duphandle/win32`.", [
        "ffi/posix.test.ts",
        "on Windows every call says what to use instead",
      ]),
    ],
  },
  {
    name: "`duphandle/win32`",
    claims: [
      yes(
        ["ffi/win32.test.ts", "duphandle/win32 (ENOTSUP on POSIX, see above)"],
        ["ffi/win32_duplicate.test.ts", "DuplicateHandle() on Windows"],
      ),
      refused("Use the functions of `duphandle`, or `duphandle/posix`.", [
        "ffi/win32.test.ts",
        "on POSIX every call says what to use instead",
      ]),
    ],
  },
];
