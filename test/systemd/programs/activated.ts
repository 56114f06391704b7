/** Takes what the service manager has passed, reports what that is, and serves its name. */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as http from "node:http";
import { inspectHandle, listenFds, type OwnedHandle, serveOn } from "duphandle";
import { deno } from "../../support/natives.ts";
import { report, thrownBy } from "../../support/report.ts";
import { isDeno } from "../../support/system.ts";

const passed = listenFds();
const links = passed.map(({ handle }) => fs.readlinkSync(`/proc/self/fd/${handle.raw}`));
const again = thrownBy(() => listenFds());
const shell = ["-c", "ls -l /proc/self/fd; env"];
const inChild = spawnSync("sh", shell, { encoding: "utf8" }).stdout;

report({
  passed: passed.map(({ name, handle }) => {
    const { kind, socket } = inspectHandle(handle);
    return { name, raw: handle.raw, inheritable: handle.inheritable, kind, type: socket?.type };
  }),
  again,
  variables: Object.keys(process.env).filter((name) => name.startsWith("LISTEN_")),
  inChild: [...links, "LISTEN_"].filter((text) => inChild.includes(text)),
});

for (const { name, handle } of passed) {
  const listens = inspectHandle(handle).socket?.listening === true;
  if (listens) await serve(name, handle);
  else handle.close();
}

/** Serves HTTP. In Deno servers of node:http take no Unix socket. */
async function serve(name: string, handle: OwnedHandle): Promise<void> {
  if (isDeno) {
    serveOn(
      handle,
      (placeholder) => deno.serve({ ...placeholder, onListen() {} }, () => new Response(name)),
    );
    return;
  }
  await handle.toServer(http.createServer((_, response) => response.end(name)));
}
