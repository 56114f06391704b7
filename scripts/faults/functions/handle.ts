/** Faults while handles are duplicated, adopted and closed. */
import { openSync } from "node:fs";
import {
  borrow,
  duplicate,
  duplicateOnto,
  type DuplicateOptions,
  type HandleSource,
  OwnedHandle,
} from "duphandle";
import { check, type Subject, subject } from "../subject.ts";
import {
  closeFd,
  closeFile,
  closeOwned,
  file,
  open,
  openBorrowed,
  openDeno,
  openOwned,
  other,
} from "./fixture.ts";

/** `duplicate` of a descriptor of the runtime, with options. */
function duplicating(
  name: string,
  options: DuplicateOptions | undefined,
  flags?: string,
): Subject {
  return subject(`duplicate ${name}`.trimEnd(), "duplicate", {
    setup: () => open(flags),
    run: (fd) => options === undefined ? duplicate(fd) : duplicate(fd, options),
    clean: (fd, copy) => {
      closeOwned(copy);
      if (options?.closeSource !== true) closeFd(fd);
    },
  });
}

/** The faults of `duphandle/handle`. */
export const handleSubjects: readonly Subject[] = [
  duplicating("", undefined),
  duplicating("minimum", { minimum: 40 }),
  duplicating("inheritable", { inheritable: true }),
  duplicating("access", { access: "read" }),
  duplicating("access, as it is", { access: "read" }, "r"),
  duplicating("access, minimum", { access: "read", minimum: 200 }),
  duplicating("access, inheritable", { access: "write", inheritable: true }),
  duplicating("closeSource", { closeSource: true }),
  duplicating("closeSource, access", { closeSource: true, access: "read" }),
  subject("duplicate a FileHandle, closeSource", "duplicate", {
    setup: async () => await (await import("node:fs/promises")).open(file, "r+"),
    run: (source) => duplicate(source, { closeSource: true }),
    clean: async (source, copy) => {
      closeOwned(copy);
      await source.close().catch(() => {}); // the call has begun to close it
    },
    allThreads: true,
  }),
  subject("duplicate a Deno.FsFile", "duplicate", {
    setup: openDeno,
    run: (source) => duplicate(source as unknown as HandleSource),
    clean: (source, copy) => {
      closeOwned(copy);
      source.close();
    },
    runtimes: ["deno"],
  }),
  subject("Handle.duplicate", "Handle#duplicate", {
    setup: openBorrowed,
    run: ({ source }) => source.duplicate(),
    clean: ({ owner }, copy) => {
      closeOwned(copy);
      closeOwned(owner);
    },
  }),
  subject("Handle.duplicate closeSource", "Handle#duplicate", {
    setup: () => openOwned(),
    run: (source) => source.duplicate({ closeSource: true }),
    clean: (source, copy) => {
      closeOwned(copy);
      check(source.closed, "the source is not consumed");
    },
  }),
  subject("duplicateOnto", "duplicateOnto", {
    setup: () => ({ source: open(), target: openSync(other, "r") }),
    run: ({ source, target }) => {
      duplicateOnto(source, target);
      return true;
    },
    clean: ({ source, target }, isDone) => {
      closeFd(source);
      closeFd(target, isDone === true ? file : other);
    },
  }),
  ...["get", "set"].map((what) =>
    subject(`Handle.inheritable ${what}`, "Handle#inheritable", {
      setup: () => openOwned(),
      run: (handle) => what === "get" ? handle.inheritable : handle.inheritable = true,
      clean: (handle, value) => {
        if (value !== undefined) check(handle.inheritable === value, "inheritable is another");
        closeOwned(handle);
      },
    })
  ),
  subject("OwnedHandle.fromRaw and release", ["OwnedHandle.fromRaw", "OwnedHandle#release"], {
    setup: () => openOwned().release(),
    run: (raw) => OwnedHandle.fromRaw(OwnedHandle.fromRaw(raw).release()),
    clean: (raw, owner) => closeOwned(owner ?? OwnedHandle.fromRaw(raw)),
  }),
  subject("borrow", ["borrow", "OwnedHandle#borrow", "BorrowedHandle#raw", "OwnedHandle#raw"], {
    setup: () => openOwned(),
    run: (owner) => borrow(owner.borrow().raw).raw,
    clean: closeOwned,
  }),
  subject("Handle.closed", ["OwnedHandle#closed", "BorrowedHandle#closed"], {
    setup: () => openOwned(),
    run: (owner) => owner.closed || owner.borrow().closed,
    clean: closeOwned,
  }),
  subject("OwnedHandle.fromFd", "OwnedHandle.fromFd", {
    setup: () => open(),
    run: (fd) => OwnedHandle.fromFd(fd),
    clean: (_, owner) => closeOwned(owner),
  }),
  subject("OwnedHandle.close", ["OwnedHandle#close", "OwnedHandle#closeRaw"], {
    setup: () => openOwned(),
    run: (owner) => owner.close(),
    clean: (owner) => check(owner.closed, "the handle is not closed"),
  }),
  subject("OwnedHandle dispose", "OwnedHandle#Symbol(Symbol.dispose)", {
    setup: () => openOwned(),
    run: (owner) => owner[Symbol.dispose](),
    clean: (owner) => check(owner.closed, "the handle is not closed"),
  }),
  subject("OwnedHandle asyncDispose", "OwnedHandle#Symbol(Symbol.asyncDispose)", {
    setup: () => openOwned(),
    run: (owner) => owner[Symbol.asyncDispose](),
    clean: (owner) => check(owner.closed, "the handle is not closed"),
  }),
  ...[false, true].flatMap((inheritable) => [
    subject(`OwnedHandle.toFd${inheritable ? " inheritable" : ""}`, "OwnedHandle#toFd", {
      setup: () => {
        const owner = openOwned();
        owner.inheritable = inheritable;
        return owner;
      },
      run: (owner) => owner.toFd(),
      clean: (owner, fd) => {
        closeFd(fd);
        check(owner.closed, "the handle is not consumed");
      },
    }),
    subject(
      `OwnedHandle.toFileHandle${inheritable ? " inheritable" : ""}`,
      "OwnedHandle#toFileHandle",
      {
        setup: () => {
          const owner = openOwned();
          owner.inheritable = inheritable;
          return owner;
        },
        run: (owner) => owner.toFileHandle(),
        clean: async (owner, opened) => {
          await closeFile(opened);
          check(owner.closed, "the handle is not consumed");
        },
        allThreads: true,
      },
    ),
  ]),
];
