/** Ends its thread in the middle of a start. */
import { spawn } from "duphandle";
import { signalThat } from "./mid_start.ts";

spawn("true", [], { stdio: "ignore", signal: signalThat(() => process.exit(0)) });
