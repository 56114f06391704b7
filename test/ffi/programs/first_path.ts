/** Makes a first call for which a text is written to memory, where it cannot succeed. */
import { listenOn } from "duphandle";
import { report, thrownBy } from "../../support/report.ts";

report({ error: thrownBy(() => listenOn({ path: "/nowhere/socket" })) });
