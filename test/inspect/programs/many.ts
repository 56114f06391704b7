/**
 * Lists its handles, many of which are of one file: `many.ts HANDLES [REFERENCES]`. The test counts the
 * system calls.
 */
import { listHandles } from "duphandle";
import { openRaw } from "../../support/system.ts";

const handles = Array.from({ length: Number(process.argv[2]) }, () => openRaw("/dev/null", "r"));
const { references } = listHandles().find(({ raw }) => raw === handles[0]?.raw) ?? {};
if (String(references) !== (process.argv[3] ?? "1")) throw new Error(`${references} sharers`);
for (const handle of handles) handle.close();
