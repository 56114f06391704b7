/** Reports what inetdSocket() throws. */
import { inetdSocket } from "duphandle";
import { report, thrownBy } from "../../support/report.ts";

report(thrownBy(() => inetdSocket()));
