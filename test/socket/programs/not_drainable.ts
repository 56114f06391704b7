/** A native server whose handler is not wrapped: it reports why it does not drain, and that it still answers. */
import { drain, type ListeningServer } from "duphandle";
import { ask } from "../../support/listeners.ts";
import { bun, deno, stopNative } from "../../support/natives.ts";
import { report } from "../../support/report.ts";
import { isBun, isDeno } from "../../support/system.ts";

if (!isDeno && !isBun) report({ message: "", answer: "hello" }); // Node has no native server
else {
  const options = { port: 0, hostname: "127.0.0.1" };
  const answer = () => new Response("hello");
  const server = isDeno
    ? deno.serve({ ...options, onListen() {} }, answer)
    : bun.serve({ ...options, fetch: answer });
  const { message } = await drain(server as ListeningServer).then(
    () => ({ message: "it drained" }),
    (error: Error) => error,
  );
  const { port } = (server.addr ?? server) as { port: number };
  report({ message, answer: await ask({ host: "127.0.0.1", port }) });
  await stopNative(server);
}
