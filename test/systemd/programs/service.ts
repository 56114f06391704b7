/**
 * A service that keeps what it has with its manager. It takes what an earlier process has stored, or makes it:
 * a listening socket at a path, whose clients get the name of the runtime, and a log. `service.ts PATH FOLDER`
 */
import * as fs from "node:fs";
import * as http from "node:http";
import * as path from "node:path";
import { listenFds, listenOn, notify, serveOn } from "duphandle";
import { deno } from "../../support/natives.ts";
import { isDeno, openRaw, writeRaw } from "../../support/system.ts";

const [at, folder, name] = process.argv.slice(2) as [string, string, string];
const stored = new Map(listenFds().map((each) => [each.name, each.handle]));
const isNew = stored.size === 0;
const listener = stored.get("listener") ?? listenOn({ path: at });
fs.closeSync(fs.openSync(path.join(folder, "log"), "a"));
const log = stored.get("log") ?? openRaw(path.join(folder, "log"), "r+");
writeRaw(log.raw, `${name} has ${isNew ? "nothing" : [...stored.keys()].join(" and ")}\n`);
if (isNew) notify("FDSTORE=1", { listener, log });
const answer = `served by ${name}`;
if (isDeno) {
  serveOn(
    listener,
    (placeholder) => deno.serve({ ...placeholder, onListen() {} }, () => new Response(answer)),
  );
} else await listener.toServer(http.createServer((_, response) => response.end(answer)));
notify(`READY=1\nSTATUS=${name} serves`);
