/** Reports what listenFds() throws when the variables say what cannot be, and what they are afterwards. */
import { listenFds } from "duphandle";
import { report, thrownBy } from "../../support/report.ts";

const names = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"];
const own = String(process.pid);

const cases: Record<string, readonly (string | undefined)[]> = {
  "no pid": [undefined, "1"],
  "a pid that is no number": ["me", "1"],
  "a pid that is 0": ["0", "0"],
  "a negative pid": [`-${own}`, "1"],
  "a pid with more": [`${own} `, "1"],
  "another process": ["1", "1"],
  "a process that has ended": ["2147483647", "1"],
  "a count that is no number": [own, "three"],
  "a negative count": [own, "-1"],
  "a count with an exponent": [own, "1e3"],
  "a count that is too long": [own, "99999999999999"],
  "an empty count": [own, ""],
  "too few names": [own, "2", "one"],
  "too many names": [own, "1", "one:two"],
  "numbers that are not passed": [own, "100000000"],
};

function set(values: readonly (string | undefined)[]): void {
  for (const [at, name] of names.entries()) {
    const value = values[at];
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

const read = () => names.map((name) => process.env[name]);

const results = Object.entries(cases).map(([name, values]) => {
  set(values);
  const error = thrownBy(() => listenFds());
  return [name, { ...error, left: read().every((value, at) => value === values[at]) }];
});
set([own, "0", ""]);
const none = listenFds();
const left = read().filter((value) => value !== undefined);
report({ errors: Object.fromEntries(results), none, left, again: listenFds() });
