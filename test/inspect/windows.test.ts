/** Inspecting handles on Windows: kinds, names, other processes. */
import * as fs from "node:fs";
import { once } from "node:events";
import * as net from "node:net";
import * as path from "node:path";
import {
  borrow,
  type HandleInfo,
  inspectHandle,
  isSameObject,
  listHandles,
  openProcess,
} from "duphandle";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { openHandles } from "../../ffi/win32/inspect.ts";
import { Peer, startOnce } from "../support/peer.ts";
import { isDeno, isWindows, temporaryFile, temporaryFolder } from "../support/system.ts";
import {
  closeAll,
  connectedSockets,
  copyOf,
  freshName,
  openOnce,
  signalled,
} from "../support/windows_objects.ts";

const me = -1;
const FILE_FLAG_BACKUP_SEMANTICS = 0x0200_0000;

beforeAll(async () => {
  await startOnce();
  await openOnce();
});

/** A kind of object: how a handle of it is made, and its description. */
interface Kind {
  readonly make: () => number;
  readonly close?: (handle: number) => void;
  readonly expected: Partial<HandleInfo>;
}

const named = (name: string) => expect.stringContaining(name.replace("Local\\", "")) as string;
const eventName = freshName();

const kinds: readonly Kind[] = [
  {
    make: () => win32.CreateEventW(null, true, false, eventName),
    expected: { kind: "event", access: "read-write", name: named(eventName) },
  },
  { make: () => win32.CreateMutexW(null, false, null), expected: { kind: "mutex" } },
  { make: () => win32.CreateSemaphoreW(null, 0, 1, null), expected: { kind: "semaphore" } },
  { make: () => win32.CreateWaitableTimerW(null, true, null), expected: { kind: "timer" } },
  {
    make: () => win32.CreateFileMappingW(-1, null, win32.PAGE_READWRITE, 0, 4096, null),
    expected: { kind: "section", access: "read-write" },
  },
  {
    make: () => win32.OpenProcess(win32.PROCESS_QUERY_LIMITED_INFORMATION, false, process.pid),
    expected: { kind: "process", access: "read" },
  },
  {
    make: () => win32.OpenProcess(win32.SYNCHRONIZE, false, process.pid),
    expected: { kind: "process", access: "none", accessMask: win32.SYNCHRONIZE },
  },
  {
    make: () => copyOf(win32.GetCurrentThread()),
    expected: { kind: "thread", access: "read-write" },
  },
  { make: () => win32.CreateJobObjectW(null, null), expected: { kind: "job" } },
  {
    make: () => win32.OpenProcessToken(me, win32.TOKEN_QUERY),
    expected: { kind: "token", access: "read" },
  },
  {
    make: () => win32.RegOpenKeyExW(win32.HKEY_CURRENT_USER, "Software", 0, win32.KEY_READ),
    expected: {
      kind: "key",
      access: "read",
      accessMask: win32.KEY_READ,
      name: expect.stringMatching(/^\\REGISTRY\\User\\.*\\Software$/i) as string,
    },
  },
  {
    make: () => win32.CreateDesktopW(`inspect ${process.pid}`, null, null, 0, 0x1ff, null),
    close: win32.CloseDesktop,
    expected: { kind: "desktop", access: "read-write" },
  },
  {
    make: () => win32.CreateWindowStationW(null, 0, 0x37f, null),
    close: win32.CloseWindowStation,
    expected: { kind: "window-station", access: "read-write" },
  },
  {
    make: () => win32.CreateIoCompletionPort(-1, 0, 0, 1),
    expected: { kind: "completion-port", access: "read-write" },
  },
  {
    make: () => open("\\\\.\\NUL", win32.GENERIC_READ, 0),
    expected: { kind: "device", access: "read" },
  },
  {
    make: () => open("C:\\Windows", win32.GENERIC_READ, FILE_FLAG_BACKUP_SEMANTICS),
    expected: {
      kind: "directory",
      access: "read",
      path: expect.stringMatching(/^C:\\windows$/i) as string,
    },
  },
];

function open(file: string, access: number, flags: number): number {
  return win32.CreateFileW(file, access, 7, null, win32.OPEN_EXISTING, flags, 0);
}

/** The description by inspectHandle(), which is that of listHandles(). */
function describeHandle(raw: number): HandleInfo {
  const info = inspectHandle(borrow(raw));
  expect(listHandles().find((each) => each.raw === raw)).toEqual(info);
  return info;
}

describe.runIf(isWindows)("inspectHandle() on Windows", () => {
  test.each(kinds.map((kind) => [kind.expected.kind, kind] as const))(
    "describes a handle of the kind %s, and so does the list",
    (_, { make, expected, close = win32.CloseHandle }) => {
      const handle = make();
      const copy = copyOf(handle);
      const info = describeHandle(handle);
      const { GrantedAccess, HandleCount } = win32.NtQueryObject(handle);
      expect(info).toMatchObject({ accessMask: GrantedAccess, references: HandleCount });
      expect(info).toMatchObject({ raw: handle, pid: process.pid, inheritable: false });
      expect(info).toMatchObject(expected);
      win32.CloseHandle(copy);
      // The count includes handles of the system to a thread, a process and a station.
      expect(describeHandle(handle).references).toBe(HandleCount - 1);
      close(handle);
    },
  );

  test("reports the rights of a handle, not those of its object", () => {
    const event = win32.CreateEventW(null, true, false, null);
    const rights = [[win32.SYNCHRONIZE, "none"], [1, "read"], [2, "write"], [3, "read-write"]];
    for (const [mask, access] of rights as [number, string][]) {
      const narrow = win32.DuplicateHandle(me, event, me, [0], mask, true, 0);
      expect(describeHandle(narrow)).toMatchObject({ access, accessMask: mask, inheritable: true });
      expect(isSameObject(borrow(event), borrow(narrow))).toBe(true);
      win32.CloseHandle(narrow);
    }
    win32.CloseHandle(event);
  });

  test("describes the ends of a pipe and of a socket", () => {
    const [client, server] = connectedSockets();
    for (const socket of [client, server]) {
      expect(describeHandle(socket)).toMatchObject({ kind: "socket", access: "read-write" });
      win32.closesocket(socket);
    }
    const pipe = win32.CreatePipe();
    expect(pipe.map((end) => describeHandle(end).access)).toEqual(["read", "write"]);
    expect(pipe.map((end) => describeHandle(end).kind)).toEqual(["pipe", "pipe"]);
    closeAll(...pipe);
  });

  test("describes a file in a directory with a long name and letters of many languages", () => {
    using folder = temporaryFolder();
    const deep = path.join(fs.realpathSync.native(folder.path), "x".repeat(100), "y".repeat(100));
    fs.mkdirSync(deep, { recursive: true });
    const file = path.join(deep, "grün ☃ 名.txt");
    fs.writeFileSync(file, "abc");
    const handle = open(`\\\\?\\${file}`, win32.GENERIC_READ, 0);
    expect(describeHandle(handle)).toMatchObject({ kind: "file", path: file, position: 0 });
    win32.CloseHandle(handle);
  });

  // Wine does not report that a file is deleted when Deno deletes it.
  test.skipIf(isDeno)("reports a file as deleted that disappears with its last handle", () => {
    using file = temporaryFile("abc");
    const DELETE = 0x0001_0000;
    const handle = open(file.path, (win32.GENERIC_READ | DELETE) >>> 0, 0);
    expect(describeHandle(handle)).not.toHaveProperty("deleted");
    fs.unlinkSync(file.path);
    expect(describeHandle(handle)).toMatchObject({ kind: "file", deleted: true });
    win32.CloseHandle(handle);
  });

  test("describes the objects of pseudo-handles, and counts no handle for them", () => {
    const before = win32.NtQueryObject(me).HandleCount;
    expect(inspectHandle(borrow(win32.GetCurrentThread()))).toMatchObject({
      raw: -2,
      kind: "thread",
      inheritable: false,
    });
    const real = copyOf(win32.GetCurrentThread());
    expect(isSameObject(borrow(-2), borrow(real))).toBe(true);
    win32.CloseHandle(real);
    expect(win32.NtQueryObject(me).HandleCount).toBe(before);
  });
});

describe.runIf(isWindows)("listHandles() on Windows", () => {
  test("has exactly what the kernel's list has", () => {
    // Threads come and go.
    const listed = listHandles().filter(({ kind }) => kind !== "thread" && kind !== "other");
    const kernel = new Set(openHandles().map(({ handle }) => handle));
    expect(listed.length).toBeGreaterThan(5);
    expect(listed.filter(({ raw }) => !kernel.has(raw))).toEqual([]);
    const numbers = new Set(listHandles().map(({ raw }) => raw));
    expect(openHandles().filter(({ handle }) => !numbers.has(handle)).length).toBeLessThan(3);
  });

  test("describes every kind of handle in another process, and leaves no handle there", async () => {
    await using peer = await Peer.start();
    const target = win32.OpenProcess(win32.PROCESS_DUP_HANDLE, false, peer.pid);
    for (const { make, expected, close = win32.CloseHandle } of kinds) {
      const handle = make();
      const given = win32.DuplicateHandle(me, handle, target, [0], 0, true, 2);
      const { references: _, ...own } = inspectHandle(borrow(handle));
      const info = listHandles(peer.pid).find(({ raw }) => raw === given);
      const { references } = inspectHandle(borrow(handle));
      expect(info, expected.kind).toEqual({
        ...own,
        raw: given,
        pid: peer.pid,
        inheritable: true,
        references,
      });
      closeAll(win32.DuplicateHandle(target, given, me, [0], 0, false, 1 | 2));
      close(handle);
    }
    win32.CloseHandle(target);
  });

  // On Wine a query returns at once. On Windows it returns when the read ends, which the test ends itself.
  test("does not query a pipe while another process reads from it", async () => {
    await using peer = await Peer.start();
    using other = openProcess(peer.pid);
    const [reader, writer] = win32.CreatePipe();
    await using listener = await listen();
    const duplex = open(listener.path, 0xc000_0000, 0);
    const bothKinds = () => [reader, duplex].map((raw) => find(raw, listHandles())?.kind);
    expect(bothKinds()).toEqual(["pipe", "pipe"]);
    for (
      const [handle, expected, answer] of [
        [reader, "pipe", () => win32.WriteFile(writer, new Uint8Array([97]))],
        [duplex, "other", () => listener.write("a")],
      ] as const
    ) {
      const theirs = other.give(borrow(handle));
      const reading = peer.do("read", theirs.raw, 1);
      while (signalled(handle)) await new Promise((resolve) => setTimeout(resolve, 5));
      const lists = [find(handle, listHandles()), find(theirs.raw, listHandles(peer.pid))];
      await answer();
      expect(await reading).toBe("a");
      expect(lists.map((info) => info?.kind)).toEqual([expected, expected]);
      expect(inspectHandle(borrow(handle)).kind).toBe("pipe");
      theirs.close();
    }
    closeAll(reader, writer, duplex);
  });
});

function find(raw: number, list: readonly HandleInfo[]): HandleInfo | undefined {
  return list.find((each) => each.raw === raw);
}

/** Makes a named pipe for one client. */
async function listen() {
  const server = net.createServer();
  const path = `\\\\.\\pipe\\duphandle inspect ${process.pid}`;
  server.listen(path);
  await once(server, "listening");
  const connected = once(server, "connection") as Promise<[net.Socket]>;
  return {
    path,
    write: async (text: string) => void (await connected)[0].write(text),
    async [Symbol.asyncDispose]() {
      (await connected)[0].destroy();
      server.close();
      await once(server, "close");
    },
  };
}
