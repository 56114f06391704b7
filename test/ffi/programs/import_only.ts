/** Imports every entry point and does nothing with it. */
import * as fs from "node:fs";
import "duphandle/posix";
import "duphandle/win32";
import "duphandle";

const warnings: string[] = [];
process.on("warning", ({ message }) => warnings.push(message));
// A warning that an import caused arrives in a later turn.
await new Promise((resolve) => setTimeout(resolve, 20));
const maps = "Deno" in globalThis || process.platform !== "linux"
  ? "" // Deno without permission cannot read it, and cannot load anything either
  : fs.readFileSync("/proc/self/maps", "utf8");
const loaded = maps.split("\n").filter((line) => /koffi|libffi/.test(line));
fs.writeFileSync(process.env["DUPHANDLE_RESULT"] as string, JSON.stringify({ loaded, warnings }));
