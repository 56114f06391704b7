import { duplicate } from "duphandle";
import { expect, test } from "vitest";
test("dup", () => { const c = duplicate(1); expect(c.raw).toBeGreaterThan(2); c.close(); expect(() => c.raw).toThrow(); });
