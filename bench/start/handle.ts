/** The same with the entry point of handles alone, `duphandle/handle`. */
import { duplicate } from "../../src/handle/mod.ts";

duplicate(1).close();
