/**
 * The pool: `pool.ts FILES USES` fills a pool and prints the cost of reading a resident file as a ratio
 * to a read without the pool, the microseconds that paging in a file takes, and the bytes of kernel
 * memory of a file that is paged out.
 */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import process from "node:process";
import { DescriptorPool, duplicate } from "../mod.ts";
import { median } from "./timing.ts";

const LIMIT = 100;
const files = Number(process.argv[2]);
const uses = Number(process.argv[3]);
const buffer = new Uint8Array(16);
const fd = openSync("LICENSE", "r");
const before = slab();
const pool = new DescriptorPool({ limit: LIMIT });
const pooled = Array.from({ length: files }, () => pool.add(duplicate(fd)));
const bytes = (slab() - before) / (files - LIMIT);

const faults: number[] = [];
for (let at = 0; at < uses; at++) {
  // One after the other, so that each was paged out before its turn.
  const file = pooled[at % files]!;
  const start = performance.now();
  file.use((fd) => fd);
  faults.push((performance.now() - start) * 1000);
}

const one = pooled[0]!;
const plain = () => readSync(fd, buffer, 0, buffer.length, 0);
const hit = () => one.use((fd) => readSync(fd, buffer, 0, buffer.length, 0));
const ratios: number[] = [];
for (let round = 0; round < 21; round++) ratios.push(time(hit) / time(plain));
pool.close();
closeSync(fd);
const { bun, deno, node } = process.versions;
console.log(JSON.stringify({
  version: deno ?? bun ?? node,
  hit: median(ratios),
  fault: median(faults),
  bytes: Math.round(bytes),
}));

function time(call: () => number): number {
  const start = performance.now();
  for (let at = 0; at < uses; at++) call();
  return performance.now() - start;
}

/** The memory that the kernel uses for its own small objects, in bytes. */
function slab(): number {
  const text = readFileSync("/proc/meminfo", "utf8");
  return Number(/^Slab:\s+(\d+) kB/m.exec(text)?.[1]) * 1024;
}
