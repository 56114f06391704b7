/** A whole program: its time minus that of empty.ts is what this library costs at the start. */
import { duplicate } from "../../mod.ts";

duplicate(1).close();
