/** Faults while the runtime's own files are copied, many handles are made, and output is redirected. */
import { closeSync, openSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import "duphandle/register";
import {
  closeMany,
  copyFileHandle,
  copyFileHandleSync,
  CopyFlags,
  duplicateMany,
  type DuplicateOptions,
  type FsFile,
  redirect,
} from "duphandle";
import { check, type Subject, subject } from "../subject.ts";
import {
  closeFd,
  closeFile,
  closeOwned,
  type DenoFile,
  file,
  open,
  openBorrowed,
  openDeno,
  openOwned,
  other,
} from "./fixture.ts";

const flags: Readonly<Record<string, number>> = {
  "": CopyFlags.SameAccess,
  " ReadOnly": CopyFlags.ReadOnly,
  " WriteOnly": CopyFlags.WriteOnly,
  " Inherit": CopyFlags.Inherit,
  " CloseOnExec": CopyFlags.CloseOnExec,
  " CloseSource": CopyFlags.CloseSource,
  " ReadOnly, CloseSource": CopyFlags.ReadOnly | CopyFlags.CloseSource,
};

const copying = Object.entries(flags).flatMap(([name, flag]) => {
  const isClosed = (flag & CopyFlags.CloseSource) !== 0;
  return [
    subject(`copyFileHandleSync${name}`, "copyFileHandleSync", {
      setup: () => open(),
      run: (fd) => copyFileHandleSync(fd, flag),
      clean: (fd, copy) => {
        closeFd(copy);
        if (!isClosed) closeFd(fd);
      },
    }),
    subject(`copyFileHandle${name}`, "copyFileHandle", {
      setup: () => openFile(file, "r+"),
      run: (source) => copyFileHandle(source, flag),
      clean: async (source, copy) => {
        await closeFile(copy);
        if (isClosed) check(source.fd === -1, "the source is not consumed");
        else await closeFile(source);
      },
      allThreads: true,
    }),
  ];
});

const copyingDenoFiles = [false, true].map((closeSource) =>
  subject(`copyFileHandle Deno.FsFile${closeSource ? ", closeSource" : ""}`, "copyFileHandle", {
    setup: openDeno,
    run: (source) => copyFileHandle(source as unknown as FsFile, { closeSource }),
    clean: (source, copy) => {
      (copy as unknown as DenoFile | undefined)?.close();
      if (!closeSource) source.close();
    },
    runtimes: ["deno"],
    allThreads: true,
  })
);

/** `duplicateMany` of a descriptor that is in the list several times. */
function making(name: string, count: number, options?: DuplicateOptions): Subject {
  return subject(`duplicateMany ${name}`, "duplicateMany", {
    setup: () => open(),
    run: (fd) => duplicateMany(Array<number>(count).fill(fd), options),
    clean: (fd, copies = []) => {
      check(copies.length === 0 || copies.length === count, `${copies.length} were made`);
      copies.forEach(closeOwned);
      if (options?.closeSource !== true) closeFd(fd);
    },
  });
}

/** `closeMany`. */
function closing(name: string, count: number, holes: readonly number[] = []): Subject {
  return subject(`closeMany ${name}`, "closeMany", {
    setup: () => {
      const fd = open();
      const all = duplicateMany(Array<number>(count).fill(fd));
      closeSync(fd);
      for (const at of holes) all[at]!.close();
      return all;
    },
    run: (all) => closeMany(all),
    clean: (all) => check(all.every(({ closed }) => closed), "a handle is not closed"),
  });
}

const redirecting = [1, undefined].flatMap((standard) => {
  const name = standard === undefined ? "a file" : `fd ${standard}`;
  const setup = () => ({ source: open(), fd: standard ?? openSync(other, "r+") });
  const clean = ({ source, fd }: ReturnType<typeof setup>) => {
    closeFd(source);
    if (standard === undefined) closeFd(fd, other);
  };
  return [
    subject(`redirect ${name}`, "redirect", {
      setup,
      run: ({ source, fd }) => redirect(fd, source),
      clean: (state, redirection) => {
        redirection?.restore();
        clean(state);
      },
    }),
    subject(`redirect ${name}, restore`, "redirect", {
      setup: () => {
        const state = setup();
        return { ...state, redirection: redirect(state.fd, state.source) };
      },
      run: ({ redirection }) => redirection.restore(),
      clean: (state) => {
        state.redirection.restore(); // it can be called again after an error
        clean(state);
      },
    }),
    subject(`redirect ${name} twice`, "redirect", {
      setup: () => {
        const state = setup();
        return { ...state, first: redirect(state.fd, state.source) };
      },
      run: ({ fd, source }) => redirect(fd, source),
      clean: (state, second) => {
        second?.restore();
        state.first.restore();
        clean(state);
      },
    }),
  ];
});

/** The faults of `duphandle/file`, `/batch`, `/redirect` and `/register`. */
export const fileSubjects: readonly Subject[] = [
  ...copying,
  ...copyingDenoFiles,
  subject("copyFileHandleSync of a handle", "copyFileHandleSync", {
    setup: openBorrowed,
    run: ({ source }) => copyFileHandleSync(source),
    clean: ({ owner }, copy) => {
      closeFd(copy);
      closeOwned(owner);
    },
  }),
  subject("copyFileHandle of a handle", "copyFileHandle", {
    setup: openBorrowed,
    run: ({ source }) => copyFileHandle(source),
    clean: async ({ owner }, copy) => {
      await closeFile(copy);
      closeOwned(owner);
    },
    allThreads: true,
  }),
  subject("copyFileHandle of a handle, CloseSource", "copyFileHandle", {
    setup: () => openOwned(),
    run: (source) => copyFileHandle(source, CopyFlags.CloseSource),
    clean: async (source, copy) => {
      await closeFile(copy);
      check(source.closed, "the source is not consumed");
    },
    allThreads: true,
  }),
  subject("FileHandle.duplicate of register", "FileHandle#duplicate", {
    setup: () => openFile(file, "r+"),
    run: (source) => source.duplicate(),
    clean: async (source, copy) => {
      await closeFile(copy);
      await closeFile(source);
    },
    allThreads: true,
  }),
  making("few", 3),
  making("few, access", 3, { access: "read" }),
  making("few, minimum", 3, { minimum: 60 }),
  making("few, closeSource", 3, { closeSource: true }),
  making("one", 1),
  making("many", 300),
  making("many, closeSource", 300, { closeSource: true }),
  closing("few", 3),
  closing("many", 300),
  closing("many, with holes", 300, [100, 200]),
  ...redirecting,
];
