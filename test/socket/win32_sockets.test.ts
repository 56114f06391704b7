import { borrow, duplicate, duplicateSocket, OwnedHandle, socketFromInfo } from "duphandle";
import * as win32 from "duphandle/win32";
import { beforeAll, describe, expect, test } from "vitest";
import { refuseUnduplicable } from "../../src/handle/windows.ts";
import { isWindows, openRaw, temporaryFile } from "../support/system.ts";
import { thrownBy } from "../support/thrown.ts";
import {
  closeAll,
  connectedSockets,
  copyOf,
  newSocket,
  openOnce,
  startChild,
} from "../support/windows_objects.ts";

const INFO_SIZE = 628;

function sendText(socket: number, text: string): void {
  win32.send(socket, new TextEncoder().encode(text), 0);
}

function receiveText(socket: number): string {
  const buffer = new Uint8Array(64);
  return new TextDecoder().decode(buffer.subarray(0, win32.recv(socket, buffer, 0)));
}

beforeAll(openOnce);

test("what is no socket, no process and no socket's information is refused", () => {
  const open = duplicate(1);
  for (const pid of [0, -1, 1.5, NaN, 2 ** 32, "1", null, undefined]) {
    expect(() => duplicateSocket(open, pid as number), String(pid)).toThrow(TypeError);
  }
  for (const socket of [null, undefined, "4", {}, 1n]) {
    expect(() => duplicateSocket(socket as never, process.pid), String(socket)).toThrow(TypeError);
  }
  const notInfo = [null, "x".repeat(INFO_SIZE), new Uint8Array(627), new ArrayBuffer(INFO_SIZE)];
  for (const info of notInfo) expect(() => socketFromInfo(info as never)).toThrow(TypeError);
  open.close();
  expect(thrownBy(() => duplicateSocket(open, process.pid)).code).toBe("EBADF");
});

test.skipIf(isWindows)("on POSIX both say what to use instead", () => {
  const refused = {
    code: "ENOTSUP",
    status: "ERROR_NOT_SUPPORTED",
    syscall: "WSADuplicateSocketW",
  };
  expect(thrownBy(() => duplicateSocket(5, process.pid))).toMatchObject({ ...refused, handle: 5 });
  const error = thrownBy(() => socketFromInfo(new Uint8Array(INFO_SIZE)));
  expect(error).toMatchObject({ ...refused, syscall: "WSASocketW" });
  for (const way of ["duplicate()", "HandleChannel", "take()"]) {
    expect(error.message).toContain(way);
  }
});

describe.runIf(isWindows)("sockets", () => {
  test("Winsock's calls connect, send, receive and close", () => {
    const [client, server] = connectedSockets();
    sendText(client, "ping");
    expect(receiveText(server)).toBe("ping");
    expect(win32.getsockname(client)).toMatchObject({ address: "127.0.0.1" });
    expect(win32.getsockopt(client, win32.SOL_SOCKET, win32.SO_TYPE)).toBe(win32.SOCK_STREAM);
    win32.setsockopt(server, win32.SOL_SOCKET, win32.SO_RCVTIMEO, 1);
    expect(thrownBy(() => receiveText(server))).toMatchObject({ code: "ETIMEDOUT", native: 10060 });
    win32.closesocket(client);
    expect(receiveText(server)).toBe("");
    win32.closesocket(server);
    expect(thrownBy(() => win32.closesocket(server))).toMatchObject({
      code: "ENOTSOCK",
      status: "WSAENOTSOCK",
      native: 10038,
      syscall: "closesocket",
      handle: server,
    });
  });

  test("errors have the names of both systems", () => {
    const [bound, other, third] = [newSocket(), newSocket(), newSocket()];
    win32.bind(bound, { address: "127.0.0.1", port: 0 });
    const address = win32.getsockname(bound);
    expect(thrownBy(() => win32.connect(other, address))).toMatchObject({
      code: "ECONNREFUSED",
      status: "WSAECONNREFUSED",
      native: 10061,
    });
    expect(thrownBy(() => win32.bind(third, address))).toMatchObject({
      code: "EADDRINUSE",
      status: "WSAEADDRINUSE",
      native: 10048,
    });
    for (const address of ["localhost", "1.2.3", "1.2.3.256", "::g", 1]) {
      const name = { address: address as string, port: 1 };
      expect(() => win32.bind(other, name), String(address)).toThrow(TypeError);
    }
    expect(() => win32.bind(other, { address: "127.0.0.1", port: 65_536 })).toThrow(TypeError);
    for (const socket of [bound, other, third]) win32.closesocket(socket);
  });

  test("a socket goes to a child, which uses it after the parent closed its own", async () => {
    await using child = startChild("socket/win32_socket.ts");
    const [client, server] = connectedSockets();
    using owner = OwnedHandle.fromRaw(copyOf(server));
    const info = duplicateSocket(server, child.pid);
    expect(info.length).toBe(INFO_SIZE);
    child.tell("info", [...info]);
    expect(await child.hear("made")).toEqual({ inheritable: false });
    win32.closesocket(server);
    owner.close();
    sendText(client, "from the parent");
    child.tell("closed", true);
    expect(await child.hear("received")).toBe("from the parent");
    expect(await child.ended()).toBe(0);
    expect(receiveText(client)).toBe("from the child");
    expect(receiveText(client)).toBe(""); // no process has the other end any more
    win32.closesocket(client);
  });

  test("a socket of this process from its own information is a socket of its own", () => {
    const [client, server] = connectedSockets();
    const copy = socketFromInfo(duplicateSocket(borrow(server), process.pid));
    expect(copy.raw).not.toBe(server);
    win32.closesocket(server);
    sendText(copy.raw, "still here");
    expect(receiveText(client)).toBe("still here");
    const { raw } = copy;
    copy.close();
    copy.close();
    expect(copy.closed).toBe(true);
    expect(thrownBy(() => win32.getsockopt(raw, win32.SOL_SOCKET, win32.SO_TYPE)).code)
      .toBe("ENOTSOCK");
    expect(receiveText(client)).toBe("");
    win32.closesocket(client);
  });

  test("what is no socket is ENOTSOCK, and no process is an error", () => {
    const event = win32.CreateEventW(null, false, false, null);
    expect(thrownBy(() => duplicateSocket(event, process.pid)).code).toBe("ENOTSOCK");
    const socket = newSocket();
    expect(() => duplicateSocket(socket, 0xffff_fffc)).toThrow(win32.HandleError);
    win32.closesocket(socket);
    win32.CloseHandle(event);
  });
});

describe.runIf(isWindows)("what would silently break is refused", () => {
  test("a socket: duplicateSocket() is named", () => {
    const [client, server] = connectedSockets();
    for (const socket of [client, server]) {
      const error = thrownBy(() => refuseUnduplicable(socket, "DuplicateHandle"));
      expect(error).toMatchObject({ code: "ENOTSUP", syscall: "DuplicateHandle", handle: socket });
      expect(error.message).toContain("duplicateSocket()");
      expect(thrownBy(() => duplicate(borrow(socket)))).toMatchObject({ code: "ENOTSUP" });
    }
    using owner = socketFromInfo(duplicateSocket(server, process.pid));
    expect(thrownBy(() => owner.duplicate()).code).toBe("ENOTSUP");
    win32.closesocket(client);
    win32.closesocket(server);
  });

  test("an I/O completion port: the reason is given", () => {
    const port = win32.CreateIoCompletionPort(win32.INVALID_HANDLE_VALUE, 0, 0, 0);
    const error = thrownBy(() => refuseUnduplicable(port, "DuplicateHandle"));
    expect(error).toMatchObject({ code: "ENOTSUP", syscall: "DuplicateHandle", handle: port });
    expect(error.message).toContain("a duplicate could not be used");
    expect(thrownBy(() => duplicate(borrow(port)))).toMatchObject({ code: "ENOTSUP" });
    win32.CloseHandle(port);
  });

  test("and nothing else, not even what is not open", () => {
    using file = temporaryFile("abc");
    using both = openRaw(file.path, "r+");
    using one = openRaw(file.path, "r");
    const [reader, writer] = win32.CreatePipe();
    const name = `\\\\.\\mailslot\\duphandle ${process.pid}`;
    const objects = [
      win32.CreateEventW(null, false, false, null),
      win32.CreateMutexW(null, false, null),
      win32.CreateSemaphoreW(null, 0, 1, null),
      win32.CreateJobObjectW(null, null),
      win32.CreateFileMappingW(-1, null, win32.PAGE_READWRITE, 0, 4096, null),
      win32.CreateMailslotW(name, 0, 0, null),
      win32.OpenProcess(win32.PROCESS_ALL_ACCESS, false, process.pid),
      reader,
      writer,
    ];
    for (const raw of [...objects, both.raw, one.raw, -1, -2]) {
      expect(() => refuseUnduplicable(raw, "DuplicateHandle")).not.toThrow();
    }
    closeAll(...objects);
    expect(() => refuseUnduplicable(reader, "DuplicateHandle")).not.toThrow();
  });
});
