/** Starts a child that gets a file twice. */
import { once } from "node:events";
import { spawn } from "duphandle";
import { openRaw } from "../../support/system.ts";
import { report } from "../../support/report.ts";

const source = openRaw(process.argv[2] as string, "r");
const child = spawn("true", [], { stdio: "ignore", handles: { one: source, two: source } });
report({ code: (await once(child, "exit"))[0] });
process.exit(0);
