/** Servers that drain while no descriptor is free: until the time is over, and until a connection ends. */
import { drain } from "duphandle";
import { close, fcntl_dupfd_cloexec } from "duphandle/posix";
import { webServers } from "../../support/drained_servers.ts";
import { makeListener } from "../../support/listeners.ts";
import { report } from "../../support/report.ts";
import { WebConnection } from "../../support/web_connection.ts";

// Otherwise Deno prepares for signals later, and it does not survive that without a descriptor.
process.on("SIGUSR2", () => {});
const outcomes: unknown[] = [];
for (const { serve } of webServers) {
  using listener = makeListener("TCP4");
  const { server } = await serve(listener.handle, (body) => body);
  const client = new WebConnection(listener.address);
  await client.ask("before");
  const taken: number[] = [];
  try {
    for (;;) taken.push(fcntl_dupfd_cloexec(0, 3));
  } catch {
    // All are taken.
  }
  const refused = await drain(server, { timeout: 100 }).catch(({ code }) => code);
  const between = await client.ask("between");
  const drained = drain(server);
  const last = await client.ask("last");
  await client.close();
  const count = await drained;
  taken.forEach(close);
  outcomes.push([refused, between, last, count]);
}
report(outcomes);
process.exit(0);
