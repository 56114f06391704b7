/** Objects of Windows and their duplicates, in this process and in another. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import * as win32 from "duphandle/win32";
import { openHandles } from "../../ffi/win32/inspect.ts";
import { kindOf } from "../../ffi/win32/object.ts";
import { commandFor, programPath } from "./program.ts";
import { isWindows, temporaryFolder } from "./system.ts";

/**
 * Has everything opened that is opened once and kept until the process ends: by Windows for a
 * library and for the folder of names, by a runtime for its first child and its first listener.
 */
export async function openOnce(): Promise<void> {
  await once(spawn(process.execPath, ["--version"], { stdio: "ignore" }), "exit");
  await listenOnce();
  if (!isWindows) return;
  win32.CloseHandle(win32.CreateEventW(null, false, false, freshName()));
  const name = `duphandle ${process.pid}`;
  const { DESKTOP_CREATEWINDOW } = win32;
  win32.CloseDesktop(win32.CreateDesktopW(name, null, null, 0, DESKTOP_CREATEWINDOW, null));
  for (const socket of connectedSockets()) win32.closesocket(socket);
}

/** How many files this process has open. A runtime opens what is no file at any time. */
export function openFileCount(): number {
  const isFile = (handle: number) => {
    try {
      return kindOf(handle) === "File";
    } catch {
      return false; // it was closed meanwhile
    }
  };
  return openHandles().filter(({ handle }) => isFile(handle)).length;
}

/** Has the runtime open what it keeps once it has had a TCP connection, and a server for it. */
export async function connectOnce(): Promise<void> {
  const server = net.createServer((socket) => socket.on("error", () => {}).end());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const client = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1").resume();
  await once(client, "close");
  server.close();
  await once(server, "close");
}

async function listenOnce(): Promise<void> {
  using folder = temporaryFolder();
  const server = net.createServer();
  const name = path.basename(folder.path);
  server.listen(isWindows ? `\\\\.\\pipe\\${name}` : path.join(folder.path, "socket"));
  await once(server, "listening");
  server.close();
  await once(server, "close");
}

/** Two sockets of this machine that are connected. A test that would wait for ever fails. */
export function connectedSockets(): [client: number, server: number] {
  const listener = newSocket();
  win32.bind(listener, { address: "127.0.0.1", port: 0 });
  win32.listen(listener, 1);
  const client = newSocket();
  win32.connect(client, win32.getsockname(listener));
  const server = win32.accept(listener);
  win32.closesocket(listener);
  for (const socket of [client, server]) {
    win32.setsockopt(socket, win32.SOL_SOCKET, win32.SO_RCVTIMEO, 20_000);
  }
  return [client, server];
}

/** A TCP socket. */
export function newSocket(): number {
  const { AF_INET, IPPROTO_TCP, SOCK_STREAM, WSA_FLAG_NO_HANDLE_INHERIT, WSA_FLAG_OVERLAPPED } =
    win32;
  const flags = WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT;
  return win32.WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, null, 0, flags);
}

/** A duplicate in this process, by the system's own call. */
export function copyOf(handle: number): number {
  return win32.DuplicateHandle(-1, handle, -1, [0], 0, false, win32.DUPLICATE_SAME_ACCESS);
}

/** Closes them all. */
export function closeAll(...handles: readonly number[]): void {
  for (const handle of handles) win32.CloseHandle(handle);
}

/** Whether an object is signalled now. What a wait takes, it takes. */
export function signalled(handle: number): boolean {
  return win32.WaitForSingleObject(handle, 0) === win32.WAIT_OBJECT_0;
}

let names = 0;

/** A name that no other test uses. */
export function freshName(): string {
  return `Local\\duphandle ${process.pid} ${++names}`;
}

/** A program beside the tests that runs beside the test. */
export interface Child {
  readonly pid: number;
  /** A duplicate for the child, of use there only. */
  give(handle: number): number;
  /** Writes what the child waits for. */
  tell(file: string, what: unknown): void;
  /** Waits for what the child writes. */
  hear(file: string): Promise<unknown>;
  /** Waits for its end; gives its exit code. */
  ended(): Promise<number>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a program that gets a folder as its argument: what the two tell each other are files in
 * it. Its output goes to a file, because Node for Windows does not survive a pipe under Wine.
 *
 * @param windowsHide whether it gets a console of its own, without a window
 */
export function startChild(program: string, windowsHide: boolean = false): Child {
  const folder = temporaryFolder();
  const output = path.join(folder.path, "output.txt");
  const script = programPath(program);
  const [command, ...args] = commandFor(script, { args: [folder.path] });
  const log = fs.openSync(output, "w");
  const child = spawn(command as string, args, { stdio: ["ignore", log, log], windowsHide });
  fs.closeSync(log);
  const pid = child.pid as number;
  const exit = once(child, "exit") as Promise<[number]>;
  let running = true;
  exit.then(() => running = false);
  return {
    pid,
    give(handle) {
      const target = win32.OpenProcess(win32.PROCESS_DUP_HANDLE, false, pid);
      try {
        return win32.DuplicateHandle(-1, handle, target, [0], 0, false, 2);
      } finally {
        win32.CloseHandle(target);
      }
    },
    tell: (file, what) => tell(folder.path, file, what),
    hear: (file) =>
      hear(folder.path, file, () => {
        if (!running) throw new Error(`${program} ended: ${fs.readFileSync(output, "utf8")}`);
      }),
    async ended() {
      const [code] = await exit;
      return code;
    },
    async [Symbol.asyncDispose]() {
      if (running) child.kill();
      await exit;
      folder[Symbol.dispose]();
    },
  };
}

/** Writes a value for the other side, which sees all of it or nothing. */
export function tell(folder: string, file: string, what: unknown): void {
  const target = path.join(folder, file);
  fs.writeFileSync(`${target}.new`, JSON.stringify(what));
  fs.renameSync(`${target}.new`, target);
}

/** Waits for a value from the other side. `check` throws when none will come. */
export async function hear(folder: string, file: string, check?: () => void): Promise<unknown> {
  const source = path.join(folder, file);
  while (!fs.existsSync(source)) {
    check?.();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return JSON.parse(fs.readFileSync(source, "utf8"));
}
