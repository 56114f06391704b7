/** Starts the command that is its arguments, as any program would that knows nothing of handles. */
import { spawnSync } from "node:child_process";

const [command, ...args] = process.argv.slice(2);
const { status, error } = spawnSync(command, args, { stdio: "inherit" });
if (error !== undefined) throw error;
process.exit(status);
