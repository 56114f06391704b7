/** Waiting for a server of the runtime to listen. */
import type { Server } from "node:net";
import { failure } from "../../ffi/error.ts";

/**
 * Waits until a server listens, or fails to.
 *
 * @param start has the server listen
 * @throws {HandleError} `ECANCELED` when the server is closed meanwhile, also by what listens for the event
 */
export async function listening(server: Server, start: () => void): Promise<void> {
  await started(server, start);
  if (!server.listening) throw closedMeanwhile();
}

function started(server: Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (then: () => void) => {
      server.off("listening", onListening).off("error", onError).off("close", onClose);
      then();
    };
    const onListening = () => settle(resolve);
    const fail = (error: unknown) => settle(() => reject(error));
    // Of a server that listens, an event is that of an earlier time: the descriptor is the server's now.
    const onError = (error: unknown) => server.listening || fail(error);
    const onClose = () => server.listening || fail(closedMeanwhile());
    server.on("listening", onListening).on("error", onError).on("close", onClose);
    try {
      start();
    } catch (error) {
      fail(error);
    }
  });
}

function closedMeanwhile(): Error {
  return failure("ECANCELED", "listen", {
    message:
      "Cannot make a handle a server's: the server was closed before the promise of it was " +
      "fulfilled; its socket is closed, too",
  });
}
