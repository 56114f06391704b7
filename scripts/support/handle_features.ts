/** Rows of the support table: handles and files of this process. */
import { type Feature, refused, yes } from "./claims.ts";

const duplicate = "handle/duplicate.test.ts";
const access = "handle/access.test.ts";
const copies = "file/copy_file_handle.test.ts";
const adoption = "file/adoption.test.ts";
const denoWindows = "handle/deno_windows.test.ts";

const onto = "handle/duplicate_onto.test.ts";
const windows = "redirect/windows.test.ts";
const ONTO_NOTE =
  "Deno does not expose its descriptors, and Bun not the `HANDLE` of its `console.log`: use `duplicate`.";
const REDIRECT_NOTE =
  "Deno's children, and `console.log` of Bun, have a `HANDLE` that cannot be exchanged: start a " +
  "child with `stdio`.";

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
        answer: "yes",
        note: "Above 2 it must be a file on a disk, or `ENOTSUP` says what to use.",
        on: "windows-deno",
        tests: [
          [duplicate, "takes an fd of the runtime"],
          [duplicate, "takes the standard"],
          [denoWindows, "has as a source a descriptor, a FileHandle and a Deno.FsFile, told apart"],
          [denoWindows, "has as a source no pipe"],
        ],
      },
      yes([duplicate, "takes an fd of the runtime"], [duplicate, "takes the standard"]),
    ],
  },
  {
    name: "`Deno.FsFile`, both ways",
    claims: [
      {
        answer: "yes",
        on: "windows-deno",
        tests: [
          [denoWindows, "makes of a handle a Deno.FsFile, and finds that one again"],
          [denoWindows, "has as a source a descriptor, a FileHandle and a Deno.FsFile, told apart"],
        ],
      },
      yes(
        ["handle/deno_file.test.ts", "Deno.FsFile as a source the duplicate shares the position"],
        [
          "handle/deno_file.test.ts",
          "Deno.FsFile as a result is Deno's own, and shares the position",
        ],
      ),
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
      {
        answer: "yes, but 1 and 2",
        note: ONTO_NOTE,
        on: "windows-bun",
        tests: [
          [onto, "in Bun and Node for Windows makes a descriptor refer"],
          [windows, "is ENOTSUP, and says what to use"],
        ],
      },
      {
        ...yes(
          [onto, "in Bun and Node for Windows makes a descriptor refer"],
          [windows, "duplicateOnto() replaces it for good: a pipe, fd 1"],
        ),
        on: "windows-node",
      },
      { ...refused(ONTO_NOTE, [windows, "is ENOTSUP, and says what to use"]), on: "windows-deno" },
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
        note:
          "Of a pipe or an overlapped file, an object of this library with the methods of a `FileHandle`.",
        on: "windows-deno",
        tests: [
          [copies, "gives a file that stays open when the source is closed"],
          [copies, "has streams, lines and web streams"],
          [denoWindows, "makes of a handle a FileHandle of Deno's own"],
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
    ],
  },
  {
    name: "`duphandle/register`",
    claims: [
      yes(["register/register.test.ts", "adds duplicate() to the runtime's own FileHandle"]),
    ],
  },
  {
    name: "`redirect`",
    claims: [
      yes(
        ["redirect/redirect.test.ts", "nests, and shows the newest that was not restored"],
        [
          "redirect/redirect.test.ts",
          "of standard descriptors (Windows: windows.test.ts) children follow",
        ],
      ),
      {
        answer: "yes, but 1 and 2",
        note: REDIRECT_NOTE,
        on: "windows-bun",
        tests: [
          ["redirect/redirect.test.ts", "nests, and shows the newest that was not restored"],
          [windows, "console.log of Bun keeps its HANDLE"],
          [windows, "is ENOTSUP, and says what to use"],
        ],
      },
      {
        ...yes(
          ["redirect/redirect.test.ts", "nests, and shows the newest that was not restored"],
          [windows, "everything follows, and comes back: a pipe, fd 1"],
          [windows, "no number and no handle is another thread's"],
        ),
        on: "windows-node",
      },
      {
        ...refused(
          REDIRECT_NOTE,
          [windows, "children of Deno get another HANDLE"],
          [windows, "is ENOTSUP, and says what to use"],
        ),
        on: "windows-deno",
      },
    ],
  },
];
