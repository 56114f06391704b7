/** `Deno.DatagramConn` and `dgram.Socket` as sources, with --unstable-net: reports what the new owner received. */
import { duplicate } from "duphandle";
import { datagrams, readText, sendDatagram } from "../../support/network_sources.ts";
import { report } from "../../support/report.ts";

const received: string[] = [];
for (const [name, make] of Object.entries(datagrams)) {
  const { source, port, close } = await make();
  using copy = duplicate(source, { closeSource: true });
  await sendDatagram(port, name);
  await readText(copy, name);
  received.push(name);
  close();
}
report(received);
