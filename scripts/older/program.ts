/**
 * Runs in an older runtime: it serves what it was given, says on a line what each has become, as JSON, and ends
 * when its standard input does.
 */
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import process from "node:process";
import { inherited, type OwnedHandle, serveOn, spawn } from "../../mod.ts";

/** What each is to become. */
const uses: Readonly<Record<string, (handle: OwnedHandle) => unknown>> = {
  net: (handle) => handle.toServer(createServer((socket) => socket.pipe(socket))),
  http: (handle) =>
    handle.toServer(createHttpServer((request, response) => request.pipe(response))),
  native: serveNatively,
  connection(handle) {
    const socket = handle.toSocket();
    socket.pipe(socket);
  },
};

const became: Record<string, string> = {};
for (const [name, use] of Object.entries(uses)) {
  became[name] = await outcomeOf(() => use(inherited(name)));
}
became["user"] = await outcomeOf(startAsUser);
process.stdout.write(`${JSON.stringify(became)}\n`);
process.stdin.resume().once("end", () => process.exit());

async function outcomeOf(use: () => unknown): Promise<string> {
  try {
    await use();
    return "works";
  } catch (error) {
    const { name: kind, code, message } = error as Error & { code?: string };
    return `${code ?? kind}: ${message}`;
  }
}

/** Starts a child as another user, where this one is root. */
async function startAsUser(): Promise<void> {
  const uid = process.getuid!() || 65534;
  const child = spawn("id", ["-u"], { uid, stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  for await (const part of child.stdout!) text += part;
  if (Number(text) !== uid) throw new Error(`the child runs as ${text}`);
}

/** The part of both runtimes that is used. */
interface Runtimes {
  readonly Deno?: { serve(options: object, handler: (request: Request) => Response): object };
  readonly Bun?: { serve(options: object): object };
}

function serveNatively(handle: OwnedHandle): void {
  const { Deno, Bun } = globalThis as Runtimes;
  const answer = (request: Request) => new Response(request.body);
  serveOn(handle, (placeholder) =>
    Deno?.serve({ onListen() {}, ...placeholder }, answer) ??
      Bun!.serve({ ...placeholder, fetch: answer }));
}
