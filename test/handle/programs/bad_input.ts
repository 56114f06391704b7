/** Hands every function everything bad, between two calls that a trace shows. */
import { fcntl_getfd } from "duphandle/posix";
import { duplicate } from "duphandle";
import { badPosixCalls, badVerbCalls } from "../../support/bad_values.ts";
import { report, thrownBy } from "../../support/report.ts";

const open = duplicate(1);
const calls = [...badVerbCalls(open), ...badPosixCalls(open.raw)];
const mark = () => thrownBy(() => fcntl_getfd(424242));
let refused = 0;
mark();
for (const { call, values } of calls) {
  for (const [, value] of values) if (thrownBy(() => call(value as never))) refused++;
}
mark();
report({ refused, pid: process.pid });
open.close();
