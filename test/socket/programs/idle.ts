/**
 * Has the runtime wait for data of as many handles as it is told, of which none comes. Meanwhile it reads files; then
 * it ends.
 */
import { readFile } from "node:fs/promises";
import { connection, pipe, terminal } from "../../support/endpoints.ts";
import { report } from "../../support/report.ts";

const [kind, count] = process.argv.slice(2) as [string, string];
const ends = { pipe: () => pipe("reading"), connection: () => connection("Unix"), terminal }[kind]!;

const others = Array.from({ length: Number(count) }, () => {
  const [near, far] = ends();
  near.toReadable().on("data", () => {}).on("error", (error) => console.log(error));
  return far;
});
await new Promise((resolve) => setTimeout(resolve, 100)); // they are read from now
const texts = await Promise.all(Array.from({ length: 8 }, () => readFile("/etc/passwd")));
report({ files: texts.length, others: others.filter(({ closed }) => !closed).length });
process.exit(0);
