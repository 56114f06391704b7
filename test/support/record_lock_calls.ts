/**
 * Every public function that takes a source, for the table test of record locks: how it is called, and
 * what has to be closed afterwards. A function that closes a descriptor of the file by its nature names the
 * row of docs/ownership.md that tells so.
 */
import { spawn as runtimeSpawn } from "node:child_process";
import * as fs from "node:fs";
import { open } from "node:fs/promises";
import "duphandle/register";
import {
  borrow,
  closeMany,
  copyFileHandle,
  copyFileHandleSync,
  CopyFlags,
  currentProcess,
  DescriptorPool,
  duplicate,
  duplicateHandle,
  duplicateMany,
  duplicateOnto,
  findHandles,
  HandleChannel,
  inspectHandle,
  isSameObject,
  listHandles,
  notify,
  openProcess,
  OwnedHandle,
  receiveHandles,
  redirect,
  sendHandles,
  spawn,
  trackHandles,
  Upgrade,
} from "duphandle";
import { AF_UNIX, bind, close, SOCK_CLOEXEC, SOCK_DGRAM, socket } from "duphandle/posix";
import { isDeno, openRaw, temporaryFolder } from "./system.ts";
import { unixPair } from "./unix_pairs.ts";

/** Something to be done after the locks were looked at. */
type After = (() => unknown) | void;

/** How a function is called with a file that is locked. */
export interface LockCall {
  readonly name: string;
  /** The exports that it covers, by the names of scripts/faults/exports.ts. */
  readonly covers: readonly string[];
  /**
   * Calls it. What it returns closes the results, after the locks were looked at.
   *
   * @param path the file
   * @param fd a descriptor of the runtime on the file, which stays open
   */
  readonly call: (path: string, fd: number) => After | Promise<After>;
  /** Where the function ends the locks by its nature: the beginning of the row of docs/ownership.md. */
  readonly documented?: string;
}

function row(
  name: string,
  covers: string | readonly string[],
  call: LockCall["call"],
  documented?: string | false,
): LockCall {
  return {
    name,
    covers: typeof covers === "string" ? [covers] : covers,
    call,
    ...(typeof documented === "string" ? { documented } : {}),
  };
}

const closing = "`close()`, the end of a `using` block, `closeMany`, `closeSource: true`";
const adopting = "`toFd()`, `toFileHandle()` in Deno";
const narrowing = "`copyFileHandle`, `copyFileHandleSync` with less access, in Deno";
const moving = "`duplicate` with `access` **and** `minimum`";
const redirecting = "`redirect`, and its `restore()`";
const onto = "`duplicateOnto`";
const pooling = "`DescriptorPool`: whatever it does";
const waiting = "`channel.send` while the peer is slow, or with more than 253 handles";

/** Closes what a function returned. */
function closes(result: { close(): unknown }): () => unknown {
  return () => result.close();
}

const flags = {
  "": 0,
  " Inherit": CopyFlags.Inherit,
  " CloseOnExec": CopyFlags.CloseOnExec,
  " ReadOnly": CopyFlags.ReadOnly,
  " WriteOnly": CopyFlags.WriteOnly,
} as const;

const copying = Object.entries(flags).flatMap(([name, flag]) => {
  const documented = isDeno && name.endsWith("Only") && narrowing;
  return [
    row(`copyFileHandleSync${name}`, "copyFileHandleSync", (_, fd) => {
      const copy = copyFileHandleSync(fd, flag);
      return () => fs.closeSync(copy);
    }, documented),
    row(`copyFileHandleSync${name} of a handle`, "copyFileHandleSync", (_, fd) => {
      const copy = copyFileHandleSync(borrow(fd), flag);
      return () => fs.closeSync(copy);
    }, documented),
    row(`copyFileHandle${name}`, "copyFileHandle", async (_, fd) => {
      return closes(await copyFileHandle(fd, flag));
    }, documented),
    row(`copyFileHandle${name} of a handle`, "copyFileHandle", async (_, fd) => {
      return closes(await copyFileHandle(borrow(fd), flag));
    }, documented),
  ];
});

const duplicating = [
  row("duplicate", "duplicate", (_, fd) => closes(duplicate(fd))),
  row("duplicate of an object", "duplicate", (_, fd) => closes(duplicate({ fd }))),
  row("duplicate of a handle", "duplicate", (_, fd) => closes(duplicate(borrow(fd)))),
  row("duplicate, minimum", "duplicate", (_, fd) => closes(duplicate(fd, { minimum: 90 }))),
  row("duplicate, inheritable", "duplicate", (_, fd) => {
    return closes(duplicate(fd, { inheritable: true }));
  }),
  row("duplicate, access", "duplicate", (_, fd) => closes(duplicate(fd, { access: "read" }))),
  row("duplicate, access and minimum", "duplicate", (_, fd) => {
    return closes(duplicate(fd, { access: "read", minimum: 90 }));
  }, moving),
  row("duplicate, closeSource", "duplicate", (path) => {
    return closes(duplicate(fs.openSync(path, "r"), { closeSource: true }));
  }, closing),
  row("Handle.duplicate", "Handle#duplicate", (_, fd) => closes(borrow(fd).duplicate())),
  row("Handle.inheritable", "Handle#inheritable", (_, fd) => {
    const handle = borrow(fd);
    handle.inheritable = true;
    handle.inheritable = false;
  }),
  row("borrow", ["borrow", "OwnedHandle#borrow", "BorrowedHandle#raw"], (_, fd) => {
    void borrow(fd).raw;
  }),
  row("duplicateOnto", "duplicateOnto", (_, fd) => {
    const target = fs.openSync("/dev/null", "r");
    duplicateOnto(fd, target);
    return () => fs.closeSync(target);
  }),
  row("duplicateOnto a descriptor of the file", "duplicateOnto", (path, fd) => {
    const target = fs.openSync(path, "r");
    duplicateOnto(fd, target);
    return () => fs.closeSync(target);
  }, onto),
  row("duplicateMany", "duplicateMany", (_, fd) => {
    const copies = duplicateMany([fd, borrow(fd), { fd }]);
    return () => closeMany(copies);
  }),
  row("duplicateMany, many", "duplicateMany", (_, fd) => {
    const copies = duplicateMany(Array<number>(300).fill(fd));
    return () => closeMany(copies);
  }),
  row("duplicateMany, access", "duplicateMany", (_, fd) => {
    const copies = duplicateMany([fd, fd], { access: "read" });
    return () => closeMany(copies);
  }),
  row("duplicateMany, closeSource", "duplicateMany", (path) => {
    const copies = duplicateMany([fs.openSync(path, "r")], { closeSource: true });
    return () => closeMany(copies);
  }, closing),
];

const owning = [
  row(
    "OwnedHandle.fromRaw and release",
    ["OwnedHandle.fromRaw", "OwnedHandle#release"],
    (_, fd) => {
      OwnedHandle.fromRaw(fd).release();
    },
  ),
  row("OwnedHandle.fromFd", "OwnedHandle.fromFd", (path) => {
    return closes(OwnedHandle.fromFd(fs.openSync(path, "r")));
  }, "`OwnedHandle.fromFd`"),
  row("OwnedHandle.toFd", "OwnedHandle#toFd", (_, fd) => {
    const copy = duplicate(fd).toFd();
    return () => fs.closeSync(copy);
  }, isDeno && adopting),
  row("OwnedHandle.toFileHandle", "OwnedHandle#toFileHandle", async (_, fd) => {
    return closes(await duplicate(fd).toFileHandle());
  }, isDeno && adopting),
  row("OwnedHandle.close", ["OwnedHandle#close", "OwnedHandle#closeRaw"], (path) => {
    openRaw(path, "r").close();
  }, closing),
  row(
    "OwnedHandle dispose",
    ["OwnedHandle#Symbol(Symbol.dispose)", "OwnedHandle#Symbol(Symbol.asyncDispose)"],
    (path) => openRaw(path, "r")[Symbol.dispose](),
    closing,
  ),
  row("closeMany", "closeMany", (path) => closeMany([openRaw(path, "r")]), closing),
  row("copyFileHandle CloseSource", "copyFileHandle", async (path) => {
    return closes(await copyFileHandle(await open(path), CopyFlags.CloseSource));
  }, closing),
  row("FileHandle.duplicate of register", "FileHandle#duplicate", async (path) => {
    const source = await open(path);
    const copy = await source.duplicate();
    return async () => {
      await copy.close();
      await source.close();
    };
  }),
];

/** Another process with a descriptor of the file, which is its standard input. */
function holder(path: string): { pid: number; end: () => Promise<unknown>; ready: Promise<void> } {
  // The shell opens it: to open and close it here would end the locks.
  const child = runtimeSpawn("sh", ["-c", 'exec < "$0"; echo ready; exec sleep 100', path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ready = new Promise<void>((resolve) => child.stdout.once("data", () => resolve()));
  const end = () =>
    new Promise((resolve) => {
      child.once("close", resolve);
      child.kill("SIGKILL");
    });
  return { pid: child.pid as number, end, ready };
}

/** `take` from another process that has the file open. */
function taking(inheritable: boolean): LockCall {
  const name = `ProcessHandle.take${inheritable ? ", inheritable" : ""}`;
  return row(name, "ProcessHandle#take", async (path) => {
    const { pid, end, ready } = holder(path);
    await ready;
    using target = openProcess(pid);
    const taken = target.take(0, { inheritable });
    return async () => {
      taken.close();
      await end();
    };
  });
}

const betweenProcesses = [
  taking(false),
  taking(true),
  row("ProcessHandle.give", "ProcessHandle#give", (_, fd) => {
    const self = currentProcess(); // Linux has no such call for another process
    const given = self.give(borrow(fd));
    return () => {
      given.close();
      self.close();
    };
  }),
  ...[false, true].map((inheritHandle) =>
    row(`duplicateHandle${inheritHandle ? ", inherited" : ""}`, "duplicateHandle", (_, fd) => {
      using self = currentProcess();
      const raw = duplicateHandle({
        sourceProcess: self,
        sourceHandle: fd,
        targetProcess: self,
        inheritHandle,
      });
      return closes(OwnedHandle.fromRaw(raw));
    })
  ),
  ...[{}, { channel: true }].map((options) =>
    row(`spawn${"channel" in options ? ", channel" : ""}`, "spawn", async (_, fd) => {
      const child = spawn("true", { stdio: "ignore", ...options, handles: { a: fd } });
      await new Promise((resolve) => child.once("close", resolve));
      const { channel } = child as { channel?: HandleChannel };
      await channel?.close();
    })
  ),
  row("spawn, a handle in stdio", "spawn", async (_, fd) => {
    const child = spawn("true", { stdio: ["ignore", "ignore", "ignore", borrow(fd)] });
    await new Promise((resolve) => child.once("close", resolve));
  }),
  // Deno's own node:child_process duplicates a number in stdio and closes the duplicate.
  ...isDeno ? [] : [
    row("spawn, a descriptor in stdio", "spawn", async (_, fd) => {
      const child = spawn("true", { stdio: ["ignore", "ignore", fd], handles: { a: 0 } });
      await new Promise((resolve) => child.once("close", resolve));
    }),
  ],
  sending("HandleChannel.send", 1),
  row("sendHandles and receiveHandles", ["sendHandles", "receiveHandles"], async (_, fd) => {
    const pair = unixPair();
    await sendHandles(pair.one, new Uint8Array(1), [fd]);
    const received = await receiveHandles(pair.other);
    return () => {
      received?.[Symbol.dispose]();
      pair[Symbol.dispose]();
    };
  }),
  sending("HandleChannel.send, more than a message holds", 300, waiting),
];

/** A message that is sent and received in this process. */
function sending(name: string, count: number, documented?: string): LockCall {
  return row(name, ["HandleChannel#send", "HandleChannel#receive"], async (_, fd) => {
    const folder = temporaryFolder();
    let accept: (channel: HandleChannel) => void = () => {};
    const accepted = new Promise<HandleChannel>((resolve) => accept = resolve);
    const server = await HandleChannel.listen(`${folder.path}/socket`, accept);
    const client = await HandleChannel.connect(`${folder.path}/socket`);
    const other = await accepted;
    const [received] = await Promise.all([
      other.receive(),
      client.send("text", Array<number>(count).fill(fd)),
    ]);
    return async () => {
      received?.[Symbol.dispose]();
      await Promise.all([client.close(), other.close(), server.close()]);
      folder[Symbol.dispose]();
    };
  }, documented);
}

/** Sends the file to a manager that reads nothing. */
const notifying = process.platform !== "linux" ? [] : [
  row("notify", "notify", (_, fd) => {
    const path = `\0duphandle-test-${crypto.randomUUID()}`;
    const manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bind(manager, { family: "unix", path });
    process.env["NOTIFY_SOCKET"] = path.replace("\0", "@");
    notify("READY=1", { a: fd });
    delete process.env["NOTIFY_SOCKET"];
    return () => close(manager);
  }),
];

const redirected = [
  row("redirect to the file", "redirect", (_, fd) => {
    const target = fs.openSync("/dev/null", "r");
    const redirection = redirect(target, fd);
    return () => {
      redirection.restore();
      fs.closeSync(target);
    };
  }),
  row("redirect to the file, and restore", "redirect", (_, fd) => {
    const target = fs.openSync("/dev/null", "r");
    redirect(target, fd).restore();
    return () => fs.closeSync(target);
  }, redirecting),
  row("redirect of the file", "redirect", (path, fd) => {
    const target = fs.openSync(path, "r+");
    const redirection = redirect(target, fd);
    return () => {
      redirection.restore();
      fs.closeSync(target);
    };
  }, redirecting),
];

const looking = [
  row("inspectHandle", "inspectHandle", (_, fd) => void inspectHandle(fd)),
  row("findHandles", "findHandles", (path, fd) => {
    findHandles({ path });
    findHandles(fd);
    findHandles({ port: 1 });
  }),
  row("isSameObject", "isSameObject", (_, fd) => void isSameObject(fd, 0)),
  row("listHandles", "listHandles", () => void listHandles()),
  row("trackHandles", "trackHandles", (_, fd) => {
    using tracker = trackHandles();
    const copy = duplicate(fd);
    tracker.leaks();
    return closes(copy);
  }),
  row("DescriptorPool.add", "DescriptorPool#add", (path) => {
    const pool = new DescriptorPool({ limit: 8 });
    pool.add(openRaw(path, "r"));
    return closes(pool);
  }, pooling),
];

const upgrading = [
  row("Upgrade.handle", ["Upgrade#handle", "Upgrade#ready", "Upgrade#upgrade"], async (_, fd) => {
    const upgrade = await Upgrade.start({ command: "/no/such/program" });
    const copy = upgrade.handle("file", () => duplicate(fd));
    upgrade.ready();
    await upgrade.upgrade().catch(({ code }) => {
      if (code !== "ENOENT") throw new Error(code);
    });
    return async () => {
      copy.close();
      await upgrade.close();
    };
  }),
  row("Upgrade.close", "Upgrade#close", async (_, fd) => {
    const upgrade = await Upgrade.start();
    const copy = upgrade.handle("file", () => duplicate(fd));
    await upgrade.close();
    return closes(copy);
  }, closing),
];

interface DenoFile {
  close(): void;
}

const ofDeno = !isDeno ? [] : [
  row("duplicate of a Deno.FsFile", "duplicate", (path) => {
    const file = openDeno(path);
    const copy = duplicate(file as unknown as number);
    return () => {
      copy.close();
      file.close();
    };
  }),
  row("copyFileHandle of a Deno.FsFile", "copyFileHandle", async (path) => {
    const file = openDeno(path);
    const copy = await copyFileHandle(file as unknown as number, 0) as unknown as DenoFile;
    return () => {
      copy.close();
      file.close();
    };
  }),
];

function openDeno(path: string): DenoFile {
  const { Deno } = globalThis as unknown as {
    Deno: { openSync(path: string): DenoFile };
  };
  return Deno.openSync(path);
}

/** All rows. */
export const lockCalls: readonly LockCall[] = [
  ...duplicating,
  ...owning,
  ...copying,
  ...betweenProcesses,
  ...notifying,
  ...redirected,
  ...looking,
  ...upgrading,
  ...ofDeno,
];

/** The exports that take no source, and what they take. */
export const withoutSource: Readonly<Record<string, readonly string[]>> = {
  "their own state": [
    ...[
      "OwnedHandle#raw",
      "OwnedHandle#closed",
      "BorrowedHandle#closed",
      "PooledDescriptor#closed",
    ],
    ...["HandleTracker#reports", "HandleTracker#live", "HandleTracker#leaks", "HandleTracker#stop"],
    "HandleTracker#Symbol(Symbol.dispose)",
    ...["HandleChannel#pid", "HandleChannel#closed", "HandleChannel#ref", "HandleChannel#unref"],
    ...["HandleChannel#close", "HandleServer#close", "HandleChannel#Symbol(Symbol.asyncDispose)"],
    ...["HandleServer#Symbol(Symbol.asyncDispose)", "HandleChannel#Symbol(Symbol.asyncIterator)"],
    ...["DescriptorPool#stats", "DescriptorPool#close", "PooledDescriptor#use"],
    ...["PooledDescriptor#pin", "PooledDescriptor#close", "DescriptorPool#Symbol(Symbol.dispose)"],
    ...["DescriptorPool#Symbol(Symbol.asyncDispose)", "PooledDescriptor#Symbol(Symbol.dispose)"],
    "ProcessHandle#closeRaw",
    ...["ForeignHandle#close", "ForeignHandle#Symbol(Symbol.dispose)"],
    "Upgrade#Symbol(Symbol.asyncDispose)",
  ],
  "nothing, a pid, a path or a name": [
    ...["currentProcess", "openProcess", "allowTake", "raiseDescriptorLimit", "parentChannel"],
    ...["inherited", "inheritedNames", "HandleChannel.listen", "HandleChannel.connect"],
    ...["listenOn", "Upgrade.start", "Upgrade#listener"],
    ...["listenFds", "watchdogInterval", "inetdSocket"],
  ],
  "sockets, pipes and terminals": [
    ...["serveOn", "OwnedHandle#toServer", "OwnedHandle#toSocket", "OwnedHandle#toReadable"],
    ...["OwnedHandle#toWritable", "OwnedHandle#toDatagram"],
    ...["stopAccepting", "drain", "drainable"],
  ],
  "sockets of Windows": ["duplicateSocket", "socketFromInfo"],
  "what a constructor takes": [
    ...["BorrowedHandle", "DescriptorPool", "ForeignHandle", "Handle", "HandleChannel"],
    ...["HandleError", "HandleServer", "HandleTracker", "OwnedHandle", "PooledDescriptor"],
    ...["ProcessHandle", "Upgrade"],
  ],
};
