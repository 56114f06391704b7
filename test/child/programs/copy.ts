/** Copies what one handle has into another. */
import { inherited } from "duphandle";
import { readRaw, writeRaw } from "../../support/system.ts";

using from = inherited("from");
using to = inherited("to");
writeRaw(to.raw, readRaw(from.raw, 100));
