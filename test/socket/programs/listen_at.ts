/** Listens at a path when a line comes, says what became of it, and stays until its input ends. */
import { createInterface } from "node:readline";
import { listenOn } from "duphandle";

const [, , path] = process.argv;
let listener: ReturnType<typeof listenOn> | undefined;
const lines = createInterface({ input: process.stdin });
console.log("started");
lines.once("line", () => {
  try {
    listener = listenOn({ path: path! });
    console.log("listens");
  } catch (error) {
    console.log((error as { code?: string }).code ?? String(error));
  }
});
lines.once("close", () => {
  listener?.close();
  process.exit(0);
});
