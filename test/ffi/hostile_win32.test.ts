/** `duphandle/win32` with arguments that lie, refuse values and call the library while they are used. */
import { duplicateSocket, socketFromInfo } from "duphandle";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { Intruder, lyingBuffers } from "../support/hostile_values.ts";
import { isWindows, temporaryFile } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";
import {
  closeAll,
  connectedSockets,
  copyOf,
  freshName,
  newSocket,
  openOnce,
} from "../support/windows_objects.ts";

const { DUPLICATE_SAME_ACCESS, INVALID_HANDLE_VALUE, PAGE_READWRITE } = win32;
const content = new TextEncoder().encode("what it has");

/** Leaves text in the memory that all calls share. */
function disturb(): void {
  expect(() =>
    win32.CreateFileW(`C:\\${"what another call has left".repeat(100)}`, 0, 0, null, 3, 0, 0)
  )
    .toThrow(win32.HandleError);
  const pipe = win32.CreatePipe({ bInheritHandle: true }, 4096);
  win32.WriteFile(pipe[1], new Uint8Array(4000).fill(0x41));
  win32.ReadFile(pipe[0], new Uint8Array(80));
  closeAll(...pipe);
}

/** Runs a test for each buffer that lies: the real bytes count, and no code of the buffer runs. */
function forEachLie(
  bytes: Uint8Array,
  use: (view: Uint8Array, memory: Uint8Array, name: string) => void,
): void {
  const intruder = new Intruder(disturb);
  for (const { name, view, memory } of lyingBuffers(bytes, intruder)) use(view, memory, name);
  expect(intruder.runs).toBe(0);
}

describe.runIf(isWindows)("duphandle/win32 (ENOTSUP on POSIX, see win32.test.ts)", () => {
  beforeAll(openOnce);

  test("WriteFile() and ReadFile() use the memory that a buffer has, whatever it says", () => {
    const [reader, writer] = win32.CreatePipe(null, 65_536);
    forEachLie(content, (view, _, name) => {
      expect(win32.WriteFile(writer, view), name).toBe(content.length);
      const buffer = new Uint8Array(100);
      expect(buffer.slice(0, win32.ReadFile(reader, buffer)), name).toEqual(content);
      expect(() => win32.WriteFile(writer, view, content.length + 1), name).toThrow(TypeError);
    });
    forEachLie(new Uint8Array(content.length), (view, memory, name) => {
      win32.WriteFile(writer, content);
      expect(win32.ReadFile(reader, view), name).toBe(content.length);
      expect([...memory], name).toEqual([...content]);
      expect(() => win32.ReadFile(reader, view, content.length + 1), name).toThrow(TypeError);
    });
    for (const count of [9, 65_537, 2 ** 31, 2 ** 32, 2 ** 53 - 1]) {
      expect(() => win32.WriteFile(writer, new Uint8Array(8), count)).toThrow(TypeError);
    }
    closeAll(reader, writer);
  });

  test("send(), recv() and WSASocketW() do, too", () => {
    const [client, server] = connectedSockets();
    forEachLie(content, (view, _, name) => {
      expect(win32.send(client, view, 0), name).toBe(content.length);
      const buffer = new Uint8Array(100);
      expect(buffer.slice(0, win32.recv(server, buffer, 0)), name).toEqual(content);
    });
    forEachLie(new Uint8Array(content.length), (view, memory, name) => {
      win32.send(client, content, 0);
      expect(win32.recv(server, view, 0), name).toBe(content.length);
      expect([...memory], name).toEqual([...content]);
    });
    const info = duplicateSocket(client, process.pid);
    const [lie] = lyingBuffers(info, new Intruder(disturb));
    socketFromInfo(lie!.view).close();
    for (const each of [client, server]) win32.closesocket(each);
  });

  test("RegSetValueExW() does, too", () => {
    const path = `Software\\duphandle ${process.pid}`;
    const { phkResult: key } = win32.RegCreateKeyExW(
      win32.HKEY_CURRENT_USER,
      path,
      0,
      null,
      1,
      0xf003f,
      null,
    );
    const REG_BINARY = 3;
    forEachLie(content, (view, _, name) => {
      win32.RegSetValueExW(key, "value", 0, REG_BINARY, view);
      expect(win32.RegQueryValueExW(key, "value", null).lpData, name).toEqual(content);
      win32.RegSetValueExW(key, "value", 0, REG_BINARY, view, 4);
      expect(win32.RegQueryValueExW(key, "value", null).lpData, name).toEqual(content.slice(0, 4));
    });
    win32.RegCloseKey(key);
    win32.RegDeleteKeyW(win32.HKEY_CURRENT_USER, path);
  });

  test("attributes are read once, and the result is right when their getter calls the library", () => {
    const intruder = new Intruder(disturb);
    const attributes = {
      get bInheritHandle() {
        intruder.run();
        return true;
      },
    };
    const name = freshName();
    using file = temporaryFile("abc");
    const CREATE_NEW = 1;
    const made = [
      win32.CreateEventW(attributes, true, true, name),
      win32.CreateMutexW(attributes, false, freshName()),
      win32.CreateSemaphoreW(attributes, 1, 2, freshName()),
      win32.CreateWaitableTimerW(attributes, true, freshName()),
      win32.CreateJobObjectW(attributes, freshName()),
      win32.CreateFileMappingW(
        INVALID_HANDLE_VALUE,
        attributes,
        PAGE_READWRITE,
        0,
        4096,
        freshName(),
      ),
      win32.CreateFileW(`${file.path}.new`, win32.GENERIC_WRITE, 7, attributes, CREATE_NEW, 0, 0),
      ...win32.CreatePipe(attributes),
    ];
    const slotName = `\\\\.\\mailslot\\duphandle ${process.pid} hostile`;
    const slot = win32.CreateMailslotW(slotName, 0, 0, attributes); // Wine does not make it inheritable
    expect(intruder.runs).toBe(9);
    expect(made.map(win32.GetHandleInformation)).toEqual(made.map(() => win32.HANDLE_FLAG_INHERIT));
    const EVENT_ALL_ACCESS = 0x1f0003;
    const again = win32.OpenEventW(EVENT_ALL_ACCESS, false, name);
    expect(win32.CompareObjectHandles(made[0]!, again)).toBe(true);
    closeAll(...made, again, slot);
  });

  test("SetCommTimeouts() reads each time-out once, before it writes any", () => {
    const intruder = new Intruder(disturb);
    const get = (_: object, name: string) => {
      intruder.run();
      return name === "ReadIntervalTimeout" && intruder.runs > 1 ? "changed" : 0;
    };
    const [reader, writer] = win32.CreatePipe();
    const timeouts = new Proxy({}, { get: get as never }) as win32.CommTimeouts;
    expect(() => win32.SetCommTimeouts(reader, timeouts)).toThrow(win32.HandleError);
    expect(intruder.runs).toBe(5);
    closeAll(reader, writer);
  });

  test("bind() reads an address once, and binds to it when its getters call the library", () => {
    const intruder = new Intruder(disturb);
    const socket = newSocket();
    win32.bind(socket, {
      get address() {
        intruder.run();
        return "127.0.0.1";
      },
      get port() {
        intruder.run();
        return 0;
      },
    });
    expect(intruder.runs).toBe(2);
    expect(win32.getsockname(socket).address).toBe("127.0.0.1");
    win32.closesocket(socket);
  });

  test("DuplicateHandle() makes nothing for an object that takes no value, and leaves nothing open", () => {
    const [reader, writer] = win32.CreatePipe();
    const duplicate = (out: unknown) =>
      win32.DuplicateHandle(-1, reader, -1, out as never, 0, false, DUPLICATE_SAME_ACCESS);
    const references = () => win32.NtQueryObject(reader).HandleCount;
    let sets = 0;
    const refusesLater = {
      set 0(_: number) {
        if (++sets > 1) throw new RangeError("hostile");
      },
    };
    expect(() => duplicate(Object.freeze([0]))).toThrow(TypeError);
    expect(() =>
      duplicate({
        get 0() {
          return 0;
        },
      })
    ).toThrow(TypeError);
    expect(() => duplicate(new Proxy([0], { set: () => false }))).toThrow(TypeError);
    expect(() => duplicate(refusesLater)).toThrow("hostile");
    expect(references()).toBe(1);
    const taken: number[] = [];
    const reentrant = {
      set 0(value: number) {
        disturb();
        taken.push(value);
      },
    };
    const handle = duplicate(reentrant);
    expect(taken).toEqual([0, handle]);
    expect(win32.CompareObjectHandles(handle, reader)).toBe(true);
    closeAll(handle, copyOf(reader), reader, writer);
    expect(() => win32.DuplicateHandle(-1, 4, -1, [0], 2 ** 40, false, 0)).toThrow(TypeError);
  });

  test("MapViewOfFile() refuses a mapping whose memory is not there", () => {
    const SEC_RESERVE = 0x400_0000;
    const reserved = win32.CreateFileMappingW(
      INVALID_HANDLE_VALUE,
      null,
      PAGE_READWRITE | SEC_RESERVE,
      0,
      65_536,
      null,
    );
    const { FILE_MAP_READ, FILE_MAP_WRITE } = win32;
    for (const access of [FILE_MAP_READ, FILE_MAP_WRITE]) {
      const error = thrownBy(() => win32.MapViewOfFile(reserved, access, 0, 0, 0));
      expect(error).toMatchObject({ code: "ENOTSUP", syscall: "MapViewOfFile" });
      expect(error.message).toContain("SEC_RESERVE");
    }
    const plain = win32.CreateFileMappingW(
      INVALID_HANDLE_VALUE,
      null,
      PAGE_READWRITE,
      0,
      100,
      null,
    );
    const view = win32.MapViewOfFile(plain, FILE_MAP_WRITE, 0, 0, 100);
    view.fill(1);
    win32.UnmapViewOfFile(view);
    closeAll(reserved, plain);
  });

  test("UnmapViewOfFile() takes the memory away that it mapped, whatever the array says", () => {
    const mapping = win32.CreateFileMappingW(
      INVALID_HANDLE_VALUE,
      null,
      PAGE_READWRITE,
      0,
      4096,
      null,
    );
    const map = () => win32.MapViewOfFile(mapping, win32.FILE_MAP_WRITE, 0, 0, 4096);
    const lying = map();
    const other = new Uint8Array(lying.buffer, 8);
    Object.defineProperty(lying.buffer, "transfer", { value() {} });
    Object.defineProperty(lying, "buffer", { value: new ArrayBuffer(8) });
    Object.defineProperty(lying, "length", { value: 4096 });
    win32.UnmapViewOfFile(lying);
    expect([other.length, other[0], lying[0]]).toEqual([0, undefined, undefined]);
    expect(() => win32.UnmapViewOfFile(lying)).toThrow(TypeError);
    const moved = map();
    const [buffer] = [(moved.buffer as ArrayBuffer).transfer()];
    expect(() => win32.UnmapViewOfFile(moved)).toThrow("another array has its memory now");
    new Uint8Array(buffer).fill(1); // it is mapped still
    for (const value of [new Uint8Array(8), {}, null, 4096, Object.create(moved)]) {
      expect(() => win32.UnmapViewOfFile(value as never)).toThrow(TypeError);
    }
    closeAll(mapping);
  });

  test("no address is passed on in a completion packet", () => {
    const port = win32.CreateIoCompletionPort(INVALID_HANDLE_VALUE, 0, 0, 0);
    for (const overlapped of [1, 3, 65_536, 2 ** 40, -0, NaN, 0n, null]) {
      expect(() => win32.PostQueuedCompletionStatus(port, 0, 0, overlapped as 0)).toThrow(
        TypeError,
      );
    }
    expect(thrownBy(() => win32.GetQueuedCompletionStatus(port, 0)).code).toBe("ETIMEDOUT");
    closeAll(port);
  });
});
