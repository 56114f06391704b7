/** A whole program: its time minus that of empty.ts is what `duphandle` adds to the start. */
import { duplicate } from "../../mod.ts";

duplicate(1).close();
