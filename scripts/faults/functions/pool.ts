/** Faults while a pool pages files, while handles are inspected, and while they are tracked. */
import { openSync } from "node:fs";
import {
  DescriptorPool,
  duplicate,
  findHandles,
  inspectHandle,
  isSameObject,
  listHandles,
  type PooledDescriptor,
  raiseDescriptorLimit,
  trackHandles,
} from "duphandle";
import {
  AF_UNIX,
  close as closeDescriptor,
  O_CLOEXEC,
  pipe2,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  socketpair,
} from "duphandle/posix";
import { check, checkFile, type Subject, subject } from "../subject.ts";
import {
  child,
  closeFd,
  closeOwned,
  type DenoFile,
  file,
  open,
  openDeno,
  openOwned,
  other,
} from "./fixture.ts";

/** A pool with files in it. */
function poolOf(limit: number, count: number): { pool: DescriptorPool; files: PooledDescriptor[] } {
  const pool = new DescriptorPool({ limit });
  const files = Array.from({ length: count }, () => pool.add(openOwned()));
  return { pool, files };
}

/** Every file of the pool must still be there, whatever failed. */
function closePool({ pool, files }: ReturnType<typeof poolOf>): void {
  for (const each of files) if (!each.closed) each.use((fd) => checkFile(fd, file));
  pool.close();
}

const adding = Object.entries({ "": [8, 1], ", the first out": [2, 2], ", more out": [2, 3] }).map(
  ([name, [limit, count]]) =>
    subject(`DescriptorPool.add${name}`, ["DescriptorPool#add", "DescriptorPool#stats"], {
      setup: () => ({ ...poolOf(limit!, count!), handle: openOwned() }),
      run: ({ pool, handle }) => pool.add(handle),
      clean: ({ handle, ...all }, added) => {
        if (added === undefined) closeOwned(handle);
        else {
          check(handle.closed, "the handle is not consumed");
          all.files.push(added);
        }
        closePool(all);
      },
    }),
);

const using = Object.entries({ "": 8, ", paged in": 2 }).flatMap(([name, limit]) => [
  subject(`PooledDescriptor.use${name}`, "PooledDescriptor#use", {
    setup: () => poolOf(limit, 4),
    run: ({ files }) => files[0]!.use((fd) => fd > 2),
    clean: closePool,
  }),
  subject(`PooledDescriptor.pin${name}`, "PooledDescriptor#pin", {
    setup: () => poolOf(limit, 4),
    run: ({ files }) => files[0]!.pin(),
    clean: (all, pin) => {
      pin?.[Symbol.dispose]();
      closePool(all);
    },
  }),
  subject(`PooledDescriptor.close${name}`, [
    "PooledDescriptor#close",
    "PooledDescriptor#Symbol(Symbol.dispose)",
  ], {
    setup: () => poolOf(limit, 4),
    run: ({ files }) => files[0]!.close(),
    clean: closePool,
  }),
  subject(`DescriptorPool.close${name}`, [
    "DescriptorPool",
    "DescriptorPool#close",
    "DescriptorPool#Symbol(Symbol.dispose)",
    "DescriptorPool#Symbol(Symbol.asyncDispose)",
  ], {
    setup: () => poolOf(limit, 4),
    run: ({ pool }) => pool.close(),
    clean: ({ pool }) => pool.close(),
  }),
]);

const inspecting = Object.entries({
  file: () => [open()],
  pipe: () => pipe2(O_CLOEXEC),
  socket: () => socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
}).map(([name, make]) =>
  subject(`inspectHandle of a ${name}`, "inspectHandle", {
    setup: make,
    run: ([fd]) => inspectHandle(fd!),
    clean: (all, info) => {
      if (info !== undefined) check(info.raw === all[0], "it is another handle");
      if (name === "file") closeFd(all[0]);
      else all.forEach(closeDescriptor);
    },
  })
);

const comparing = Object.entries({ "a duplicate": true, "another file": false }).map((
  [name, isSame],
) =>
  subject(`isSameObject of ${name}`, "isSameObject", {
    setup: () => {
      const fd = open();
      return { fd, second: isSame ? duplicate(fd).toFd() : openSync(other, "r") };
    },
    run: ({ fd, second }) => isSameObject(fd, second),
    clean: ({ fd, second }, found) => {
      if (found !== undefined) check(found === isSame, `the answer is ${found}`);
      closeFd(fd);
      closeFd(second, isSame ? file : other);
    },
  })
);

const finding = Object.entries({
  path: () => findHandles({ path: file }),
  source: (fd: number) => findHandles(fd),
  port: () => findHandles({ port: 1 }),
}).map(([name, find]) =>
  subject(`findHandles of a ${name}`, "findHandles", {
    setup: () => open(),
    run: (fd) => find(fd),
    clean: (fd, found) => {
      if (found !== undefined && name !== "port") {
        const holders = [...found, ...found.hidden].map(({ pid }) => pid);
        check(
          holders.includes(process.pid) || holders.includes(undefined),
          "this process is missing",
        );
      }
      closeFd(fd);
    },
  })
);

/** The faults of `duphandle/pool`, `/inspect` and `/track`. */
export const poolSubjects: readonly Subject[] = [
  ...adding,
  ...using,
  subject("raiseDescriptorLimit", "raiseDescriptorLimit", {
    setup: () => {},
    run: raiseDescriptorLimit,
    clean: () => {},
  }),
  ...inspecting,
  subject("inspectHandle of a Deno.FsFile", "inspectHandle", {
    setup: (): DenoFile => openDeno(),
    run: (source) => inspectHandle(source as unknown as number),
    clean: (source) => source.close(),
    runtimes: ["deno"],
  }),
  ...comparing,
  ...finding,
  subject("listHandles", "listHandles", {
    setup: () => {},
    run: () => listHandles(),
    clean: (_, found) => {
      if (found !== undefined) check(found.length > 2, `${found.length} handles`);
    },
  }),
  subject("listHandles of another process", "listHandles", {
    setup: () => child.pid as number,
    run: listHandles,
    clean: (_, found) => {
      if (found !== undefined) check(found.length >= 3, `${found.length} handles`);
    },
  }),
  subject("trackHandles", ["trackHandles", "HandleTracker#stop"], {
    setup: () => {},
    run: () => {
      using tracker = trackHandles();
      return tracker.live.length;
    },
    clean: () => {},
  }),
  subject("trackHandles, duplicate and close", [
    "HandleTracker#live",
    "HandleTracker#leaks",
    "HandleTracker#reports",
    "HandleTracker#Symbol(Symbol.dispose)",
  ], {
    setup: () => ({ fd: open(), tracker: trackHandles() }),
    run: ({ fd, tracker }) => {
      const copy = duplicate(fd);
      try {
        tracker.leaks();
      } finally {
        copy.close();
      }
    },
    clean: ({ fd, tracker }) => {
      tracker.stop();
      closeFd(fd);
    },
  }),
];
