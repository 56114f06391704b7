/**
 * Duplicates many handles of a file and closes them, while a system call fails:
 * `batch_fault.ts [FILE [COUNT [stolen]]]`. Reports how many were made, what was thrown, and how many
 * are left open. With `stolen`, somebody else closes one of them before.
 */
import { closeMany, duplicateMany, type OwnedHandle } from "duphandle";
import { closeRaw, openRaw } from "../../support/system.ts";
import { descriptorCount } from "../../support/open_handles.ts";
import { report, thrownBy } from "../../support/report.ts";

const [file = "/dev/null", number = "600", stolen] = process.argv.slice(2);
const source = openRaw(file, "r");
const before = descriptorCount();
let copies: OwnedHandle[] = [];
const refused = thrownBy(() => {
  copies = duplicateMany(Array<OwnedHandle>(Number(number)).fill(source));
});
// So that those that are left are not all neighbours.
for (const at of [100, 200, 400]) copies[at]?.close();
const victim = stolen === undefined ? undefined : copies[300]!.raw;
if (victim !== undefined) closeRaw(victim);
const failed = thrownBy(() => closeMany(copies));
report({
  made: copies.length,
  code: (refused ?? failed)?.["code"],
  isVictim: failed === undefined ? undefined : failed["handle"] === victim,
  left: descriptorCount() - before,
});
source.close();
