/** Copies its standard input to its standard output in capitals, and says on standard error that it did. */
import * as fs from "node:fs";
import * as process from "node:process";

const text = fs.readFileSync(0, "utf8");
fs.writeSync(1, text.toUpperCase());
process.stderr.write("copied\n");
