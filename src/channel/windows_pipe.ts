/** Listening at a named pipe and connecting to one, by the runtime's own `node:net`. */
import type { Server, Socket } from "node:net";
import { failure, HandleError, hasCode } from "../../ffi/error.ts";
import { isForbidden } from "../../ffi/host.ts";
import { GENERIC_READ, OPEN_EXISTING } from "../../ffi/win32/constants.ts";
import { CreateFileW } from "../../ffi/win32/file.ts";
import { GetNamedPipeServerProcessId, WaitNamedPipeW } from "../../ffi/win32/pipe.ts";
import { closeAll } from "../handle/raw.ts";
import { nodeNet } from "../util/node.ts";

/** A flag of `CreateFileW`: the server may not impersonate this user. */
const SECURITY_SQOS_PRESENT = 0x0010_0000;
/** All instances of the pipe are in use: for a moment, or because the server has closed. */
const ERROR_PIPE_BUSY = 231;
/** How long to try to connect while all instances are in use, in milliseconds. */
const TIMEOUT_MS = 10_000;
/** The longest pause between two attempts, in milliseconds. */
const MAX_RETRY_MS = 20;
/** The most instances that Deno can be configured to have; beyond them it silently stops listening. */
const DENO_INSTANCES = 254;
/** The environment variable by which Deno is configured. */
const DENO_VARIABLE = "NODE_PENDING_PIPE_INSTANCES";
/** In Deno, the most connections. The other instances are for connections that wait to be refused. */
const DENO_CONNECTIONS = 240;
/** How long to wait until pipes that are closed have disappeared, in milliseconds. */
const CLOSE_TIMEOUT_MS = 1000;

/** The state of a pipe, found without connecting to it; "busy" when all instances are in use. */
function stateOf(path: string): "none" | "busy" | "free" {
  try {
    WaitNamedPipeW(path, 1);
    return "free";
  } catch (error) {
    return hasCode(error, "ENOENT") ? "none" : "busy";
  }
}

/**
 * Waits until no pipe has this name. Not every system refuses a second server, so this function
 * checks; and runtimes close a connection a moment after they report that it is closed.
 *
 * @throws {HandleError} `EADDRINUSE` when a process listens, or channels stay open
 */
export async function waitUntilFree(path: string): Promise<void> {
  await pollUntil(() => stateOf(path) !== "busy");
  if (stateOf(path) !== "none") throw inUseError(path);
}

/** Polls until the condition holds, at most as long as a pipe takes to close. */
async function pollUntil(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + CLOSE_TIMEOUT_MS; !condition() && Date.now() < end;) await pause(2);
}

/** The server of a pipe. */
export interface PipeServer {
  /** The process that made the pipe. */
  readonly pid: number;
  /** The connection by which the pid was found. It carries no data; the caller closes it. */
  readonly probe: number;
}

/**
 * Finds the process that made a pipe, by a connection that carries no data. The caller closes that
 * connection when the server has accepted the next one as well: Deno for Windows can end in a panic
 * when a connection is closed just when it begins to read (tokio-rs/mio#1819).
 */
export function probeServer(path: string): Promise<PipeServer> {
  return retryWhileBusy(path, () => {
    const flags = SECURITY_SQOS_PRESENT;
    const probe = CreateFileW(path, GENERIC_READ, 0, null, OPEN_EXISTING, flags, 0);
    try {
      return { pid: GetNamedPipeServerProcessId(probe), probe };
    } catch (error) {
      closeAll([probe]);
      throw error;
    }
  });
}

/** Connects to a pipe. */
export function connectTo(path: string): Promise<Socket> {
  return retryWhileBusy(path, () =>
    new Promise<Socket>((resolve, reject) => {
      const socket = nodeNet().connect(path);
      socket.on("error", reject); // has no effect once it is connected
      socket.once("connect", () => resolve(socket));
    }));
}

/**
 * Starts to listen. The pipe exists when this function returns.
 *
 * @param onConnection is called with each connection, whichever process it comes from
 * @param onError is called when listening fails
 */
export function startListening(
  path: string,
  onConnection: (socket: Socket) => void,
  onError: (error: unknown) => void,
): Server {
  let openConnections = 0;
  const server = nodeNet().createServer((socket) => {
    socket.on("error", () => {}); // "close" follows
    socket.once("close", () => openConnections--);
    if (++openConnections > DENO_CONNECTIONS && isDeno()) socket.destroy();
    else onConnection(socket);
  });
  server.once("error", (cause) => onError(listenError(path, cause)));
  try {
    withDenoInstances(() => server.listen({ path, exclusive: true }));
  } catch (error) {
    throw isForbidden(error) ? permissionError(path, error) : error;
  }
  return server;
}

/** Starts to listen, and waits until the runtime reports it. */
export function listen(path: string, onConnection: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = startListening(path, onConnection, reject);
    server.once("listening", () => resolve(server));
  });
}

/**
 * Stops listening. The connections stay open, so the server's own callback, which comes after the
 * last of them, would come too late.
 */
export async function stopListening(server: Server, path: string): Promise<void> {
  // Unless Deno has the next instance ready, it leaks the last connection. It closes that instance
  // a moment later.
  if (isDeno()) await pollUntil(() => stateOf(path) === "free");
  server.close();
  await pollUntil(() => stateOf(path) !== "free");
}

/** Tries again while all instances of the pipe are in use. */
async function retryWhileBusy<Value>(
  path: string,
  attempt: () => Value | Promise<Value>,
): Promise<Value> {
  const end = Date.now() + TIMEOUT_MS;
  for (let wait = 1;; wait = Math.min(2 * wait, MAX_RETRY_MS)) {
    try {
      return await attempt();
    } catch (error) {
      if (isForbidden(error)) throw permissionError(path, error);
      if (!isBusy(path, error)) throw connectError(path, error);
      if (Date.now() > end) throw busyError(path, error);
    }
    await pause(wait);
  }
}

/** The runtimes have different codes for a busy pipe, so the system decides. */
function isBusy(path: string, error: unknown): boolean {
  if (error instanceof HandleError) return error.native === ERROR_PIPE_BUSY;
  return !isDenied(error) && stateOf(path) !== "none";
}

/** Listens with more than the four instances that are Deno's default, which it reads at that moment. */
function withDenoInstances(listen: () => void): void {
  if (!isDeno()) return listen();
  const { env } = globalThis.process;
  const before = env[DENO_VARIABLE];
  env[DENO_VARIABLE] = String(DENO_INSTANCES);
  try {
    listen();
  } finally {
    if (before === undefined) delete env[DENO_VARIABLE];
    else env[DENO_VARIABLE] = before;
  }
}

function isDeno(): boolean {
  return "Deno" in globalThis;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | undefined)?.code;
}

function isDenied(error: unknown): boolean {
  return codeOf(error) === "EACCES" || codeOf(error) === "EPERM";
}

function listenError(path: string, cause: unknown): HandleError {
  return codeOf(cause) === "EADDRINUSE"
    ? inUseError(path, cause)
    : failure("EACCES", "CreateNamedPipe", {
      message: `Cannot listen at ${path}: the system does not allow this process to make the ` +
        "pipe; use another name",
      cause,
    });
}

function inUseError(path: string, cause?: unknown): HandleError {
  return failure("EADDRINUSE", "CreateNamedPipe", {
    message:
      `Cannot listen at ${path}: a pipe of this name exists, of a process that listens or of ` +
      "channels that are still open; close them, or use another name",
    cause,
  });
}

function connectError(path: string, cause: unknown): HandleError {
  const code = isDenied(cause) ? "EACCES" : "ENOENT";
  const why = code === "EACCES"
    ? "it belongs to another user; connect to a process of this user"
    : "no process listens there; start the process that does, or check the name";
  return failure(code, "CreateFileW", { message: `Cannot connect to ${path}: ${why}`, cause });
}

function busyError(path: string, cause: unknown): HandleError {
  return failure("ECONNREFUSED", "CreateFileW", {
    message: `Cannot connect to ${path}: no connection was accepted for ${TIMEOUT_MS / 1000} ` +
      "seconds; the server was closed and its channels are still open, or it is too busy: start " +
      "a server with another name, or try again",
    cause,
  });
}

/** The error for a permission that Deno requires. */
function permissionError(path: string, cause: unknown): HandleError {
  return failure("EACCES", "CreateFileW", {
    message: `Cannot use ${path}: Deno does not permit it; run with --allow-all, which Deno ` +
      "requires for pipes",
    cause,
  });
}
