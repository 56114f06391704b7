/**
 * A connection for a worker thread: the main thread accepts it and sends its number, and the worker owns
 * it from then on. Threads share their descriptors, so nothing has to be copied.
 * `deno run -A examples/connection_to_worker.ts`, or the same with `bun` or `node`.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { isMainThread, parentPort, threadId, Worker } from "node:worker_threads";
import { duplicate, OwnedHandle } from "duphandle";

if (process.platform === "win32") console.log("skipped: this is for Linux; see docs/sockets.md");
else await (isMainThread ? accept() : serve());

async function accept(): Promise<void> {
  const worker = new Worker(new URL(import.meta.url));
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    try {
      const connection = duplicate(socket, { closeSource: true }); // this thread's runtime lets go of it
      worker.postMessage(connection.release()); //                     and the worker has the duty to close
    } catch (error) {
      socket.destroy();
      console.log("a client went away:", error);
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  for (let at = 1; at <= 3; at++) console.log(await ask(server.address(), `hello ${at}`));
  server.close();
  await worker.terminate();
}

function serve(): void {
  parentPort!.on("message", (raw: number) => {
    const connection = OwnedHandle.fromRaw(raw);
    try {
      const socket = connection.toSocket();
      socket.on("data", (text) => socket.end(`worker ${threadId} answers "${text}"`));
      socket.on("error", (error) => console.log("a client went away:", error.message));
    } catch (error) {
      connection.close(); // which does nothing once the socket has it
      console.log("a client went away:", error);
    }
  });
}

/** What a client gets who sends this. */
async function ask(address: unknown, text: string): Promise<string> {
  const client = connect((address as AddressInfo).port, "127.0.0.1");
  client.write(text);
  let answer = "";
  for await (const part of client) answer += part;
  return answer;
}
