/** The checkout's sources over HTTP, as a site that hosts them would give them. */
import { once } from "node:events";
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import { root } from "../../../scripts/runtimes.ts";

/** A server, until it is disposed of. */
export interface Site extends AsyncDisposable {
  /** As in `--allow-import`. */
  readonly host: string;
  readonly url: string;
  /** The paths that were asked for. */
  readonly asked: Set<string>;
}

/** Serves what JSR would have: the modules of the library. */
export async function serveSources(): Promise<Site> {
  const asked = new Set<string>();
  const server = http.createServer(({ url = "/" }, response) => {
    const { pathname } = new URL(url, "http://localhost");
    asked.add(pathname);
    const known = /^\/(mod\.ts|(ffi|src)\/[\w/]+\.ts)$/.test(pathname);
    const file = path.join(root, pathname);
    if (!known || !fs.existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": "application/typescript" });
    response.end(fs.readFileSync(file));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: `http://${host}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
