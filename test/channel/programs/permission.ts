/** Listens, connects and sends a handle, with the permissions that it was given. */
import { HandleChannel } from "duphandle";

const [path, how] = process.argv.slice(2) as [string, string?];
const steps: string[] = [];
try {
  if (how === "connect only") {
    const near = await HandleChannel.connect(path);
    console.log((await near.receive())?.message);
    process.exit(0);
  }
  let accept: (channel: HandleChannel) => void = () => {};
  const accepted = new Promise<HandleChannel>((resolve) => accept = resolve);
  const server = await HandleChannel.listen(path, (channel) => accept(channel));
  steps.push("listens");
  const near = await HandleChannel.connect(path);
  steps.push("connects");
  await near.send("message", [1]);
  const received = await (await accepted).receive();
  received?.[Symbol.dispose]();
  steps.push("sends");
  await near.close();
  await server.close();
  steps.push("closes");
} catch (error) {
  steps.push(String(error));
}
console.log(steps.join(", "));
process.exit(0);
