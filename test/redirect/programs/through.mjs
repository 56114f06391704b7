/** Runs a command with its standard output and error in pipes, and passes on what it writes. */
import { spawnSync } from "node:child_process";
import { writeSync } from "node:fs";

const [command, ...args] = process.argv.slice(2);
const { stdout, stderr, status } = spawnSync(command, args, { stdio: ["ignore", "pipe", "pipe"] });
writeSync(1, stdout);
writeSync(2, stderr);
process.exit(status ?? 1);
