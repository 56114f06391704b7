/** Duplicates many handles while a system call fails, and reports what is left open. */
import * as fs from "node:fs";
import { closeMany, duplicateMany } from "duphandle";
import { report } from "./report.ts";

const file = fs.openSync("/dev/null", "r");
const count = () => fs.readdirSync("/proc/self/fd").length;
const before = count();
const copies = duplicateMany(Array<number>(600).fill(file));
const made = copies.length;
closeMany(copies);
report({ made, left: count() - before });
fs.closeSync(file);
