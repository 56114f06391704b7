/** Tells what the library says about the environment variable that this process was started with. */
import { inherited, inheritedNames } from "duphandle";
import { report, thrownBy } from "../../support/report.ts";

let names: string[] = [];
const error = thrownBy(() => names = inheritedNames());
const taken = names.map((name) => thrownBy(() => inherited(name).close()));
report({ error, names, taken, unknown: thrownBy(() => inherited("x")) });
