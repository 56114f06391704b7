/** Makes a copy without the permission that it needs. */
import { copyFileHandleSync, duplicate } from "duphandle";
import { report, thrownBy } from "../../support/report.ts";

const source = duplicate(1);
report(thrownBy(() => copyFileHandleSync(source)));
source.close();
