/** What each kind of server needs to end without losing a request. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Server } from "node:net";
import { failure } from "../../ffi/error.ts";
import { closeAfterAnswers, hasDrainable } from "./drainable.ts";

/** A server that drains. */
export interface DrainingServer {
  /** Has each answer from now on close its connection, until the result is called. */
  closeAfterAnswers(): () => void;
  /** Closes the listening socket; may return a promise that the connections are closed. */
  close(): unknown;
  /** Whether `close()` closes the connections that are idle, and leaves all others. */
  readonly closesIdle: boolean;
  /** Closes the connections that the runtime knows. */
  closeAll(): unknown;
}

/** The methods of the servers of each runtime. Each may be missing. */
interface Methods {
  readonly listening?: unknown;
  readonly finished?: unknown;
  readonly fetch?: unknown;
  prependListener?: unknown;
  close?(): unknown;
  closeAllConnections?(): unknown;
  shutdown?(): Promise<void>;
  stop?(closeActiveConnections?: boolean): unknown;
}

/**
 * What a server can do.
 *
 * @throws {HandleError} `ENOTSUP` for one of Deno.serve or Bun.serve when no handler was wrapped
 */
export function drainingServer(server: object): DrainingServer {
  const methods = server as Methods;
  if (typeof methods.listening === "boolean" && typeof methods.prependListener === "function") {
    return nodeServer(server as Server & Methods);
  }
  const isWeb = "finished" in methods || typeof methods.fetch === "function";
  if (isWeb && !hasDrainable()) {
    throw failure("ENOTSUP", "drain", {
      message:
        "Cannot drain a server of Deno.serve or Bun.serve whose answers cannot be made to close their " +
        "connections: wrap its handler by drainable()",
    });
  }
  return {
    closeAfterAnswers: () => isWeb ? closeAfterAnswers(server) : () => {},
    // Deno drops half requests as well.
    closesIdle: isWeb && methods.stop !== undefined,
    close: () => methods.shutdown?.() ?? methods.stop?.() ?? methods.close?.(),
    closeAll: () => methods.stop?.(true),
  };
}

/** The events with a request of node:http, of which the second and third replace the first where they are heard. */
const REQUESTS = ["request", "checkContinue", "checkExpectation"] as const;

function nodeServer(server: Server & Methods): DrainingServer {
  return {
    closeAfterAnswers() {
      const heard = REQUESTS.filter((event) => event === "request" || server.listenerCount(event));
      for (const event of heard) server.prependListener(event, closeAfterAnswer);
      return () => {
        for (const event of heard) server.off(event, closeAfterAnswer);
      };
    },
    closesIdle: server.closeAllConnections !== undefined,
    close: () => new Promise((resolve) => server.close(resolve)),
    closeAll: () => server.closeAllConnections?.(),
  };
}

/** The last answer of each connection that is to be closed after it. */
const last: WeakMap<object, ServerResponse> = /* @__PURE__ */ new WeakMap();

/**
 * Has a response of node:http close its connection, unless the program sets the header `Connection` itself. Of requests
 * that a client sends without waiting for answers, the last one does: what follows a closing answer gets none.
 */
function closeAfterAnswer(request: IncomingMessage, response: ServerResponse): void {
  if (request.httpVersionMajor === 1) {
    const { socket } = request;
    const before = last.get(socket);
    if (before?.headersSent === false) before.shouldKeepAlive = true;
    last.delete(socket);
    if (!response.shouldKeepAlive) return;
    response.shouldKeepAlive = false;
    last.set(socket, response);
  } else (request as { stream?: { session?: { close(): void } } }).stream?.session?.close();
}
