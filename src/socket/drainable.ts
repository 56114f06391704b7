/** Handlers of `Deno.serve` and `Bun.serve` whose answers close their connections while the server drains. */
import { show } from "../../ffi/check.ts";
import { shared } from "../util/shared.ts";

/** What the handlers of this thread go by. */
interface State {
  /** The servers that drain. */
  readonly draining: Set<object>;
  /** Whether there is a handler. */
  hasHandlers: boolean;
}

const state = (): State =>
  shared("drainable", 1, () => ({ draining: new Set(), hasHandlers: false }));

/** Whether this thread has made a handler by {@linkcode drainable}. */
export function hasDrainable(): boolean {
  return state().hasHandlers;
}

/** Has the answers of a server close their connections from now on, until the result is called. */
export function closeAfterAnswers(server: object): () => void {
  const { draining } = state();
  draining.add(server);
  return () => void draining.delete(server);
}

/**
 * Wraps the handler of a `Deno.serve` or `Bun.serve`, so that {@linkcode drain} can end its connections without
 * losing a request. These servers do not let anything else see their requests; servers of `node:http` need no
 * wrapper.
 *
 * While the server drains, each answer has the header `Connection: close`, also that of a request that came before;
 * the client then makes a new connection for its next request, which another process accepts. At other times
 * the answers are those of the handler, unchanged. An answer that opens a WebSocket stays as it is, and so does one
 * that the runtime makes, as when the handler throws.
 *
 * In Bun only answers of the server that drains have the header. `Deno.serve` does not tell its handler which
 * server it is, so there the answers of all wrapped handlers have it while any server of the thread
 * drains, which costs their clients a new connection and no more.
 *
 * @param handler the `handler` of `Deno.serve`, or the `fetch` or the handler of a route of `Bun.serve`: a function
 * that returns a `Response`, or a promise of it
 * @returns a function with the same parameters, which returns what the handler returns
 * @throws {TypeError} when it is no function
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-9.6
 *
 * @example
 * ```ts
 * import { drain, drainable, inherited, serveOn } from "duphandle";
 *
 * const handler = drainable((request: Request) => new Response(`${new URL(request.url).pathname}\n`));
 *
 * async function serve() { // in Deno
 *   const server = serveOn(inherited("http"), (placeholder) => Deno.serve({ ...placeholder, handler }));
 *   process.once("SIGTERM", async () => {
 *     console.log(`${await drain(server, { timeout: 10_000 })} connections were cut off`);
 *   });
 * }
 *
 * console.log(typeof serve);
 * ```
 */
export function drainable<Handler extends (...args: never[]) => unknown>(
  handler: Handler,
): Handler {
  if (typeof handler !== "function") {
    throw new TypeError(`Cannot use ${show(handler)} as a handler: it must be a function`);
  }
  const { draining } = state();
  state().hasHandlers = true;
  const isClosing = (server: unknown) =>
    draining.size > 0 && (!("Bun" in globalThis) || draining.has(server as object));
  function answer(this: unknown, ...args: never[]): unknown {
    const result = handler.apply(this, args);
    return isThenable(result)
      ? Promise.resolve(result).then((response) =>
        isClosing(args[1]) ? closing(response) : response
      )
      : isClosing(args[1])
      ? closing(result)
      : result;
  }
  // Deno makes no Request for a handler without parameters.
  Object.defineProperty(answer, "length", { value: handler.length });
  return answer as Handler;
}

function isThenable(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

/** The answer with the header; one that opens a WebSocket, or is none, as it is. */
function closing(response: unknown): unknown {
  if (!(response instanceof Response) || response.status === 101) return response;
  try {
    response.headers.set("connection", "close");
    return response;
  } catch {
    // Those of Response.redirect() and of fetch() cannot be changed.
    const changed = new Response(response.body, response);
    changed.headers.set("connection", "close");
    return changed;
  }
}
