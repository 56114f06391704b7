/** Duplicates many handles with room for a few hundred, and reports what became of them. */
import * as fs from "node:fs";
import { closeMany, duplicateMany, type HandleError } from "duphandle";
import { descriptorCount } from "../../support/open_handles.ts";
import { report } from "../../support/report.ts";

const file = fs.openSync("/dev/null", "r");
closeMany(duplicateMany(Array<number>(300).fill(file)));
const before = descriptorCount();
let code: string | undefined;
try {
  duplicateMany(Array<number>(500).fill(file));
} catch (error) {
  code = (error as HandleError).code;
}
const after = descriptorCount();
const copies = duplicateMany(Array<number>(300).fill(file));
report({ code, before: 0, after: after - before, works: copies.length });
closeMany(copies);
fs.closeSync(file);
