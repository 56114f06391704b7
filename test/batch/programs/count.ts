/**
 * Duplicates as many handles as there is room for, up to 10,000, and closes them, between two marks
 * that whoever traces it can see. Reports how many they were.
 */
import * as fs from "node:fs";
import { closeMany, duplicateMany, raiseDescriptorLimit } from "duphandle";
import { report } from "../../support/report.ts";

const file = fs.openSync("/dev/null", "r");
const some = (count: number) => Array<number>(count).fill(file);
closeMany(duplicateMany(some(300))); // what is loaded at the first call
const sources = some(Math.min(10_000, raiseDescriptorLimit() - 250));
fs.existsSync("/duphandle-begins");
const copies = duplicateMany(sources);
closeMany(copies);
fs.existsSync("/duphandle-ends");
report(copies.length);
fs.closeSync(file);
