/** Listening at a named pipe and connecting to one, by the runtime's own `node:net`. */
import type { Server, Socket } from "node:net";
import { hasCode } from "../../ffi/error.ts";
import { isForbidden } from "../../ffi/host.ts";
import { GENERIC_READ, OPEN_EXISTING } from "../../ffi/win32/constants.ts";
import { CreateFileW } from "../../ffi/win32/file.ts";
import { GetNamedPipeServerProcessId, WaitNamedPipeW } from "../../ffi/win32/pipe.ts";
import { frame, Kind } from "./frames.ts";
import { closeAll } from "../handle/raw.ts";
import { nodeNet } from "../util/node.ts";
import { REFUSAL_MS } from "./windows_stream.ts";
import {
  busyError,
  connectError,
  inUseError,
  isDenied,
  listenError,
  mayPass,
  nameError,
} from "./windows_pipe_errors.ts";

/** A flag of `CreateFileW`: the server may not impersonate this user. */
const SECURITY_SQOS_PRESENT = 0x0010_0000;
/** What the system says of a name that no pipe has. */
const ERROR_FILE_NOT_FOUND = 2;
/** The longest pause between two attempts, in milliseconds. */
const MAX_RETRY_MS = 20;
/** The most instances that Deno can be configured to have; beyond them it silently stops listening. */
const DENO_INSTANCES = 254;
/** The environment variable by which Deno is configured. */
const DENO_VARIABLE = "NODE_PENDING_PIPE_INSTANCES";
/** In Deno, the most connections. The other instances are for connections that wait to be refused. */
const DENO_CONNECTIONS = 240;
/** The most clients that are refused and have time to read why. */
const MAX_REFUSED = 1024;
const MAX_REFUSED_IN_DENO = 60;
/** How long to wait until pipes that are closed have disappeared, in milliseconds. */
const CLOSE_TIMEOUT_MS = 1000;

/**
 * The state of a pipe, found without connecting to it; "busy" when all instances are in use.
 *
 * @throws {HandleError} `EINVAL` when no pipe can have this name
 */
function stateOf(path: string): "none" | "busy" | "free" {
  try {
    WaitNamedPipeW(path, 1);
    return "free";
  } catch (error) {
    if (hasCode(error, "ENOENT") && error.native === ERROR_FILE_NOT_FOUND) return "none";
    if (hasCode(error, "EBUSY", "ETIMEDOUT", "EACCES")) return "busy";
    throw nameError(path, error);
  }
}

/**
 * Waits until no pipe has this name. Not every system refuses a second server, so this function
 * checks; and runtimes close a connection a moment after they report that it is closed.
 *
 * @throws {HandleError} `EADDRINUSE` when a process listens, or channels stay open;
 * `EINVAL` when no pipe can have this name
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
export function probeServer(path: string, signal: AbortSignal): Promise<PipeServer> {
  return retryWhileBusy(path, signal, () => {
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
export function connectTo(path: string, signal: AbortSignal): Promise<Socket> {
  return retryWhileBusy(path, signal, () =>
    new Promise<Socket>((resolve, reject) => {
      const socket = nodeNet().connect(path);
      const abort = () => {
        socket.destroy();
        reject(signal.reason);
      };
      signal.addEventListener("abort", abort, { once: true });
      // Both have no effect once it is connected.
      socket.on("error", reject);
      socket.once("close", () => reject(new Error("the connection has ended")));
      socket.once("connect", () => {
        signal.removeEventListener("abort", abort);
        resolve(socket);
      });
      socket.once("close", () => signal.removeEventListener("abort", abort));
    }));
}

/** What a listener at a pipe reports. */
export interface PipeEvents {
  /** Is called with each connection, whichever process it comes from. What it throws ends the connection. */
  onConnection(socket: Socket): void;
  /** Is called when listening fails, or something later that does not end the listener. */
  onError(error: unknown): void;
}

/** Starts to listen. The pipe exists when this function returns. */
export function startListening(path: string, { onConnection, onError }: PipeEvents): Server {
  let openConnections = 0;
  const server = nodeNet().createServer((socket) => {
    socket.on("error", () => {}); // "close" follows
    socket.once("close", () => openConnections--);
    if (++openConnections > DENO_CONNECTIONS && isDeno()) return refuse(socket);
    try {
      onConnection(socket);
    } catch (error) {
      socket.destroy();
      onError(error);
    }
  });
  // For ever: an error without a listener would end the process.
  server.on("error", (cause) => onError(listenError(path, cause)));
  try {
    withDenoInstances(() => server.listen({ path, exclusive: true }));
  } catch (error) {
    throw listenError(path, error);
  }
  return server;
}

/** Refuses a client, which tries again. */
function refuse(socket: Socket): void {
  socket.end(frame(Kind.Busy));
  socket.resume(); // its end is seen by reading
  const timer = setTimeout(() => socket.destroy(), REFUSAL_MS);
  timer.unref?.();
  socket.once("close", () => clearTimeout(timer));
}

/** Starts to listen, and waits until the runtime reports it. */
export function listen(path: string, { onConnection, onError }: PipeEvents): Promise<Server> {
  return new Promise((resolve, reject) => {
    let hasStarted = false;
    const server = startListening(path, {
      onConnection,
      onError: (error) => hasStarted ? onError(error) : reject(error as Error),
    });
    server.once("listening", () => {
      hasStarted = true;
      resolve(server);
    });
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

/** Tries again while all instances of the pipe are in use, until the signal. */
async function retryWhileBusy<Value>(
  path: string,
  signal: AbortSignal,
  attempt: () => Value | Promise<Value>,
): Promise<Value> {
  let wasBusy = false;
  const throwIfOver = () => {
    if (signal.aborted) throw wasBusy ? busyError(path, signal.reason) : signal.reason;
  };
  for (let wait = 1;; wait = Math.min(2 * wait, MAX_RETRY_MS)) {
    throwIfOver();
    try {
      return await attempt();
    } catch (error) {
      throwIfOver();
      // The runtimes have different codes for a busy pipe, so the system decides.
      const isGone = isForbidden(error) || stateOf(path) === "none";
      if (isGone || isDenied(error) || !mayPass(error)) throw connectError(path, error);
      wasBusy = true;
    }
    await pause(wait);
  }
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

/** The most clients that are refused and have time to read why. */
export function maxRefusedClients(): number {
  return isDeno() ? MAX_REFUSED_IN_DENO : MAX_REFUSED;
}
