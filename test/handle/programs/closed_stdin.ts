/** With descriptor 0 free, a duplicate must not become the standard input of somebody. */
import * as posix from "duphandle/posix";
import { duplicate } from "duphandle";
import { report } from "../../support/report.ts";

posix.close(0);
const copy = duplicate(2);
const plain = posix.dup(2); // what the system would have given
report({ lowest: copy.raw, plain });
