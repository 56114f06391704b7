/** Duplicates and closes many handles at once: `batch.ts HANDLES ROUNDS` prints the median nanoseconds a handle. */
import { openSync } from "node:fs";
import process from "node:process";
import { closeMany, duplicateMany } from "../mod.ts";
import { median } from "./timing.ts";

const handles = Number(process.argv[2]);
const rounds = Number(process.argv[3]);
const sources = Array<number>(handles).fill(openSync("/dev/null", "r"));
const times: number[] = [];
for (let round = -rounds; round < rounds; round++) {
  const start = performance.now();
  closeMany(duplicateMany(sources));
  if (round >= 0) times.push((performance.now() - start) * 1e6 / handles);
}
const { bun, deno, node } = process.versions;
console.log(JSON.stringify({ version: deno ?? bun ?? node, value: median(times) }));
