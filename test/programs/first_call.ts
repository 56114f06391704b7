/** Makes the first call, where it cannot succeed. */
import { duplicate } from "duphandle";
import { report, thrownBy } from "./report.ts";

report({ error: thrownBy(() => duplicate(1)) });
