/** Rows of the support table: handles and files of this process. */
import { type Feature, refused, yes } from "./claims.ts";

const duplicate = "handle/duplicate.test.ts";
const access = "handle/access.test.ts";
const copies = "file/copy_file_handle.test.ts";
const adoption = "file/adoption.test.ts";

/** The rows, in their order. */
export const handleFeatures: readonly Feature[] = [
  {
    name: "`duplicate` of a `Handle`",
    claims: [yes(
      [duplicate, "shares the position with its source"],
      [duplicate, "goes on when the source is closed"],
      [duplicate, "a method of every Handle does the same"],
    )],
  },
  {
    name: "`duplicate` of an fd, a `FileHandle`",
    claims: [
      {
        answer: "0, 1 and 2",
        note:
          "`ENOTSUP` above 2: Deno for Windows does not reveal the `HANDLE` of a descriptor; use a `Handle`.",
        on: "windows-deno",
        tests: [[duplicate, "takes an fd of the runtime"], [duplicate, "takes the standard"]],
      },
      yes([duplicate, "takes an fd of the runtime"], [duplicate, "takes the standard"]),
    ],
  },
  {
    name: "`Deno.FsFile`, both ways",
    claims: [
      yes(
        ["handle/deno_file.test.ts", "Deno.FsFile as a source the duplicate shares the position"],
        [
          "handle/deno_file.test.ts",
          "Deno.FsFile as a result is Deno's own, and shares the position",
        ],
      ),
      refused("Use an `OwnedHandle`, or `node:fs`.", [
        "handle/deno_file.test.ts",
        "Deno.FsFile on another system is refused in both directions",
      ]),
      {
        answer: "there is none",
        tests: [["handle/deno_file.test.ts", "no other runtime has a Deno.FsFile"]],
      },
    ],
  },
  {
    name: "`OwnedHandle`, `borrow`",
    claims: [yes(
      ["handle/handle.test.ts", "OwnedHandle close() closes once"],
      ["handle/handle.test.ts", "release() leaves the handle open"],
      ["handle/handle.test.ts", "borrow() uses a handle that other code closes"],
      ["handle/handle.test.ts", "each closes its own, the others keep working"],
    )],
  },
  {
    name: "`access`",
    claims: [
      {
        answer: "yes",
        note:
          "Less access than the source has needs a new open file, with a position of its own; " +
          "for a socket it is `ENOTSUP`.",
        tests: [
          [access, '"read" of a read-write file reads and refuses to write'],
          [access, "never gives what the source lacks"],
          [access, "says that a socket cannot be narrowed"],
        ],
      },
      {
        answer: "yes",
        note: "The position stays shared.",
        tests: [
          [access, '"read" of a read-write file reads and refuses to write'],
          [access, "never gives what the source lacks"],
          [access, '"write" keeps a source that may only append'],
        ],
      },
    ],
  },
  {
    name: "`inheritable`, `closeSource`",
    claims: [yes(
      [duplicate, "is not inheritable unless asked"],
      [duplicate, "with closeSource consumes an owned handle"],
      [duplicate, "with closeSource consumes the source also when the call fails"],
    )],
  },
  {
    name: "`minimum`",
    claims: [
      yes([duplicate, "at or above minimum"], [access, "honours minimum"]),
      {
        ...refused("Windows chooses the number.", [duplicate, "at or above minimum"]),
        on: "windows",
      },
    ],
  },
  {
    name: "`duplicateOnto`",
    claims: [
      yes(
        ["handle/duplicate_onto.test.ts", "makes the target refer to the source's object"],
        ["handle/duplicate_onto.test.ts", "is atomic"],
        ["handle/duplicate_onto_standard.test.ts", "everything follows: a pipe, fd 1"],
      ),
      refused("Windows has no such step: use `duplicate`.", [
        "handle/duplicate_onto.test.ts",
        "says what to use on Windows",
      ]),
    ],
  },
  {
    name: "`duplicateMany`, `closeMany`",
    claims: [yes(
      ["batch/batch.test.ts", "handles are duplicated in order"],
      ["batch/batch.test.ts", "handles are not duplicated when one of them is not open"],
      ["batch/batch.test.ts", "closeMany() closes each kind in its own way"],
    )],
  },
  {
    name: "`copyFileHandle`, `toFileHandle`",
    claims: [
      {
        answer: "yes",
        note: "The result is an object of this library, with the methods of a `FileHandle`.",
        tests: [
          [copies, "gives a file that stays open when the source is closed"],
          [copies, "has streams, lines and web streams"],
          ["windows_file/ownership.test.ts", "has every method of the runtime's own FileHandle"],
        ],
      },
      yes(
        [copies, "gives a file that stays open when the source is closed"],
        [copies, "has streams, lines and web streams"],
      ),
    ],
  },
  {
    name: "`copyFileHandleSync`, `toFd`, `fromFd`",
    claims: [
      yes(
        [adoption, "copyFileHandleSync() gives an fd for node:fs"],
        [adoption, "toFd() and fromFd() hand one handle over and back"],
      ),
      refused("Deno for Windows cannot make descriptors: use `copyFileHandle`, `toFileHandle`.", [
        adoption,
        "says that Deno for Windows makes no descriptors",
      ]),
    ],
  },
  {
    name: "`duphandle/register`",
    claims: [
      yes(["register/register.test.ts", "adds duplicate() to the runtime's own FileHandle"]),
      refused("Its source would be a descriptor: use `copyFileHandle` of a `Handle`.", [
        "register/register.test.ts",
        "is ENOTSUP in Deno for Windows",
      ]),
    ],
  },
  {
    name: "`redirect`",
    claims: [
      yes(
        ["redirect/redirect.test.ts", "nests, and shows the newest that was not restored"],
        [
          "redirect/redirect.test.ts",
          "of standard descriptors (Windows: ENOTSUP, see above) children follow",
        ],
      ),
      refused(
        "The runtimes keep the `HANDLE` that they started with: start a child with `stdio`.",
        [
          "redirect/redirect.test.ts",
          "says what to use on Windows",
        ],
      ),
    ],
  },
];
