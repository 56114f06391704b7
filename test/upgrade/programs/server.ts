/**
 * A web server that is replaced. SIGHUP starts the next generation, with the options of the file LOG.next where
 * there is one; SIGTERM ends it. It logs what happens, and ends when the test does. The variable BEHAVIOUR has it
 * fail in some way, with LINGER it does not end when it was replaced, and with OTHER it has a second listener.
 *
 * Arguments: the log, the kind of server, its address as JSON, the options of the start as JSON.
 */
import * as fs from "node:fs";
import { drain, inherited, inspectHandle, Upgrade, watchdogInterval } from "duphandle";
import { close, O_CLOEXEC, O_RDONLY, open } from "duphandle/posix";
import { webServers } from "../../support/drained_servers.ts";

const [log, kind, address, options] = process.argv.slice(2) as [string, string, string, string];
const behaviour = process.env["BEHAVIOUR"] ?? "";

let generation = -1;
function say(event: string, details: object = {}): void {
  fs.appendFileSync(
    log,
    `${JSON.stringify({ event, generation, pid: process.pid, ...details })}\n`,
  );
}

process.on("uncaughtException", (error) => {
  say("uncaught", { message: String(error) });
  process.exit(70);
});

const upgrade = await Upgrade.start(JSON.parse(options));
({ generation } = upgrade);
say("start", { flags: process.execArgv, args: process.argv.slice(2), cwd: process.cwd() });
say("environment", { watchdog: watchdogInterval(), passed: process.env["LISTEN_FDS"] });
if (behaviour === "title") process.title = "a title";
upgrade.handle("leash", () => inherited("leash")).toReadable()
  .on("close", () => process.exit()).resume();
upgrade.handle("alive", () => inherited("alive"));
if (generation > 0 && behaviour === "crash") process.exit(3);
while (behaviour === "wait" && !fs.existsSync(`${log}.go`)) await pause();

const text = `${process.pid} ${generation}`;
const listener = upgrade.listener("http", JSON.parse(address));
if (process.env["OTHER"] !== undefined) {
  using other = upgrade.listener("other", { port: 0, host: "127.0.0.1" });
  say("other", { local: inspectHandle(other).socket?.local });
}
const local = inspectHandle(listener).socket?.local;
const { serve } = webServers.find(({ name }) => name === kind)!;
const { server } = await serve(listener, () => text);
process.on("SIGHUP", () => void replace());
process.on("SIGTERM", () => behaviour === "stubborn" || void end());
if (behaviour === "hang" || behaviour === "stubborn") say("hangs");
else {
  upgrade.ready();
  say("ready", { local });
  if (generation > 0 && behaviour === "die") process.exit(4);
}
await upgrade.exit;
say("replaced");
if (process.env["LINGER"] === undefined) await end();

async function replace(): Promise<void> {
  const next = `${log}.next`;
  const own = fs.existsSync(next) ? JSON.parse(fs.readFileSync(next, "utf8")) : undefined;
  const fds = behaviour === "exhaust" && !fs.existsSync(`${log}.go`) ? openAll() : [];
  try {
    say("upgraded", { newer: await upgrade.upgrade(own) });
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    fds.splice(0).forEach(close); // before the log, which needs one
    say("failed", { code, message });
  }
}

/** Opens as many descriptors as there can be. */
function openAll(): number[] {
  const fds: number[] = [];
  for (;;) {
    try {
      fds.push(open("/dev/null", O_RDONLY | O_CLOEXEC));
    } catch {
      return fds;
    }
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 10));
}

async function end(): Promise<void> {
  say("drained", { cut: await drain(server) });
  process.exit();
}
