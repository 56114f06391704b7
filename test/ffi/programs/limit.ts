/** Duplicates until the limit is reached, twice. */
import { constants } from "node:os";
import { duplicate, type OwnedHandle } from "duphandle";
import { posixError } from "../../../ffi/posix/errors.ts";
import { descriptorCount } from "../../support/open_handles.ts";
import { report, thrownBy } from "../../support/report.ts";

duplicate(1).close();
const before = descriptorCount();
const first = fill();
const second = fill();
const leaked = descriptorCount() - before;
report({ error: first.error, made: first.made, again: second.made, full: first.full, leaked });

function fill() {
  const copies: OwnedHandle[] = [];
  const error = thrownBy(() => {
    while (true) copies.push(duplicate(1));
  });
  // Not even the figures of the whole system can be read now.
  const full = posixError(constants.errno.ENFILE, "fcntl", 1).message;
  const narrowed = thrownBy(() => duplicate(1, { inheritable: true, minimum: 10 }));
  for (const copy of copies) copy.close();
  return { error, made: copies.length, narrowed, full };
}
