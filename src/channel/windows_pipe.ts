/** Listening at a named pipe and connecting to one, by the runtime's own `node:net`. */
import type { Server, Socket } from "node:net";
import { failure, HandleError, hasCode } from "../../ffi/error.ts";
import { isForbidden } from "../../ffi/host.ts";
import { GENERIC_READ, OPEN_EXISTING } from "../../ffi/win32/constants.ts";
import { CreateFileW } from "../../ffi/win32/file.ts";
import { CloseHandle } from "../../ffi/win32/handle.ts";
import { GetNamedPipeServerProcessId, WaitNamedPipeW } from "../../ffi/win32/pipe.ts";
import { nodeNet } from "../util/node_net.ts";

/** `CreateFileW`: whoever listens may not act as this user. */
const SECURITY_SQOS_PRESENT = 0x0010_0000;
/** No instance of the pipe is free now; one is between two clients, or for good. */
const ERROR_PIPE_BUSY = 231;
/** How long to ask for an instance that is free, and how often, in milliseconds. */
const PATIENCE = 10_000;
const LONGEST_PAUSE = 20;
/** The most instances that Deno can be told of: it stops listening, in silence, at the limit. */
const DENO_INSTANCES = 254;
/** What it is told by. */
const DENO_VARIABLE = "NODE_PENDING_PIPE_INSTANCES";
/** Deno turns away those beyond it. The rest are for who has connected and was not yet turned away. */
const DENO_CONNECTIONS = 240;
/** How long to wait, in milliseconds, for the end of pipes that are closed. */
const CLOSING = 1000;

/** What there is of a pipe, without connecting to it; one with no free instance is busy. */
function stateOf(path: string): "none" | "busy" | "free" {
  try {
    WaitNamedPipeW(path, 1);
    return "free";
  } catch (error) {
    return hasCode(error, "ENOENT") ? "none" : "busy";
  }
}

/**
 * Waits until nobody has a pipe of this name. Not every system refuses a second server, so it is
 * asked; and runtimes close a connection a moment after they say so.
 *
 * @throws {HandleError} `EADDRINUSE` when somebody listens, or channels stay open
 */
export async function vacant(path: string): Promise<void> {
  await until(() => stateOf(path) !== "busy");
  if (stateOf(path) !== "none") throw inUse(path);
}

/** Asks again and again, until it is so or a pipe that closes would be closed. */
async function until(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + CLOSING; !isSo() && Date.now() < end;) await pause(2);
}

/** Whose a pipe is. */
export interface PipeServer {
  /** The process that made it. */
  readonly pid: number;
  /** The connection by which that was asked, on which nothing comes or goes. */
  readonly asked: number;
}

/**
 * The process that made the pipe. It sees a connection on which nothing comes, and which the caller
 * closes when that process has seen the next one as well: Deno for Windows can end in a panic when
 * somebody hangs up just when it begins to read (tokio-rs/mio#1819).
 */
export function serverOf(path: string): Promise<PipeServer> {
  return patiently(path, () => {
    const flags = SECURITY_SQOS_PRESENT;
    const asked = CreateFileW(path, GENERIC_READ, 0, null, OPEN_EXISTING, flags, 0);
    try {
      return { pid: GetNamedPipeServerProcessId(asked), asked };
    } catch (error) {
      CloseHandle(asked);
      throw error;
    }
  });
}

/** Connects. */
export function connectTo(path: string): Promise<Socket> {
  return patiently(path, () =>
    new Promise<Socket>((resolve, reject) => {
      const socket = nodeNet().connect(path);
      socket.on("error", reject); // of no effect once it is connected
      socket.once("connect", () => resolve(socket));
    }));
}

/**
 * Starts to listen: the pipe is there when this returns.
 *
 * @param onConnection is called with each connection, whoever it is of
 * @param onError is called when it cannot listen
 */
export function serve(
  path: string,
  onConnection: (socket: Socket) => void,
  onError: (error: unknown) => void,
): Server {
  let open = 0;
  const server = nodeNet().createServer((socket) => {
    socket.on("error", () => {}); // "close" comes after it
    socket.once("close", () => open--);
    if (++open > DENO_CONNECTIONS && isDeno()) socket.destroy();
    else onConnection(socket);
  });
  server.once("error", (cause) => onError(unserved(path, cause)));
  try {
    withInstances(() => server.listen({ path, exclusive: true }));
  } catch (error) {
    throw isForbidden(error) ? forbidden(path, error) : error;
  }
  return server;
}

/** Waits until the server listens. */
export function listening(path: string, onConnection: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = serve(path, onConnection, reject);
    server.once("listening", () => resolve(server));
  });
}

/** Stops to listen. The connections stay, so the server's own word would come too late. */
export async function stopListening(server: Server, path: string): Promise<void> {
  // Deno forgets, open, who connected last unless the next instance waits already. It closes that one
  // a moment later.
  if (isDeno()) await until(() => stateOf(path) === "free");
  server.close();
  await until(() => stateOf(path) !== "free");
}

/** Tries again as long as the pipe has no instance that is free. */
async function patiently<Value>(
  path: string,
  attempt: () => Value | Promise<Value>,
): Promise<Value> {
  const end = Date.now() + PATIENCE;
  for (let wait = 1;; wait = Math.min(2 * wait, LONGEST_PAUSE)) {
    try {
      return await attempt();
    } catch (error) {
      if (isForbidden(error)) throw forbidden(path, error);
      if (!isBusy(path, error)) throw unreached(path, error);
      if (Date.now() > end) throw tooBusy(path, error);
    }
    await pause(wait);
  }
}

/** Runtimes have several codes for it, so the system is asked. */
function isBusy(path: string, error: unknown): boolean {
  if (error instanceof HandleError) return error.native === ERROR_PIPE_BUSY;
  return codeOf(error) !== "EACCES" && codeOf(error) !== "EPERM" && stateOf(path) !== "none";
}

/** Has Deno allow more than four connections at once: it reads that when it starts to listen. */
function withInstances(listen: () => void): void {
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

function unserved(path: string, cause: unknown): HandleError {
  return codeOf(cause) === "EADDRINUSE"
    ? inUse(path, cause)
    : failure("EACCES", "CreateNamedPipe", {
      message: `Cannot listen at ${path}: the system does not let this process make that pipe; ` +
        "use another name",
      cause,
    });
}

/** The error for a name that is taken. */
function inUse(path: string, cause?: unknown): HandleError {
  return failure("EADDRINUSE", "CreateNamedPipe", {
    message:
      `Cannot listen at ${path}: there is a pipe of this name, of a process that listens or ` +
      "of channels that are still open; close them, or use another name",
    cause,
  });
}

function unreached(path: string, cause: unknown): HandleError {
  const code = codeOf(cause) === "EACCES" || codeOf(cause) === "EPERM" ? "EACCES" : "ENOENT";
  const why = code === "EACCES"
    ? "it is another user's; connect to a process of this user"
    : "nobody listens there; start the process that does, or check the name";
  return failure(code, "CreateFileW", { message: `Cannot connect to ${path}: ${why}`, cause });
}

function tooBusy(path: string, cause: unknown): HandleError {
  return failure("ECONNREFUSED", "CreateFileW", {
    message: `Cannot connect to ${path}: nobody was let in for ${PATIENCE / 1000} seconds; ` +
      "who listened there has stopped to, and its channels are open still, or it is too busy",
    cause,
  });
}

/** The error for a permission that Deno wants. */
function forbidden(path: string, cause: unknown): HandleError {
  return failure("EACCES", "CreateFileW", {
    message:
      `Cannot use ${path}: it is not permitted; run with --allow-all, which Deno wants for ` +
      "pipes",
    cause,
  });
}
