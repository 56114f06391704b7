/** Puts a socket under a server while the kernel refuses to have it watched. */
import { duplicate, serveOn } from "duphandle";
import { fcntl_getfl, fcntl_setfl, O_NONBLOCK } from "duphandle/posix";
import { openDescriptors } from "../../../ffi/posix/identity.ts";
import { isListening, localName } from "../../../ffi/posix/socket_name.ts";
import { ask, makeListener } from "../../support/listeners.ts";
import { bun, deno, type NativeServer, stopNative } from "../../support/natives.ts";
import { leftOpen, openHandles, settled } from "../../support/open_handles.ts";
import { report, thrownBy } from "../../support/report.ts";
import { refuseWatching } from "../../support/seccomp.ts";

await settled();
const before = openHandles();
const listener = makeListener("TCP4");
const copy = duplicate(listener.handle);
fcntl_setfl(copy.raw, fcntl_getfl(copy.raw) & ~O_NONBLOCK);
const answer = () => new Response("still here");
let server: NativeServer | undefined;
const portOf = (fd: number) => (localName(fd) as { port?: number } | undefined)?.port;
const thrown = thrownBy(() =>
  serveOn(listener.handle, (placeholder) => {
    server = "Deno" in globalThis
      ? deno.serve({ ...placeholder, onListen() {} }, answer)
      : bun.serve({ ...placeholder, fetch: answer });
    const port = (server.addr ?? server).port;
    refuseWatching(openDescriptors().find((fd) => isListening(fd) && portOf(fd) === port)!);
    return server;
  })
);
const isBlocking = (fcntl_getfl(copy.raw) & O_NONBLOCK) === 0;
copy.close();
const { code, syscall } = thrown ?? {};
const port = (server!.addr ?? server!).port!;
const text = await ask({ host: "127.0.0.1", port });
await stopNative(server!);
report({ code, syscall, answer: text, isBlocking, left: await leftOpen(before) });
process.exit(0);
