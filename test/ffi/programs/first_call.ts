/** Makes the first call, where it cannot succeed. */
import { duplicate } from "duphandle";
import { report, thrownBy } from "../../support/report.ts";

let thrown: unknown;
const error = thrownBy(() => {
  try {
    duplicate(1);
  } catch (caught) {
    thrown = caught;
    throw caught;
  }
});
report({ error, codes: codesOfCauses(thrown) });

/** The codes of what led to an error, and of what led to that; `undefined` when nothing did. */
function codesOfCauses(error: unknown): unknown[] | undefined {
  const { cause } = (error ?? {}) as { cause?: unknown };
  if (cause === undefined) return undefined;
  const several = cause instanceof AggregateError ? cause.errors : [cause];
  return several.flatMap((each) => [(each as { code?: unknown }).code, codesOfCauses(each)])
    .flat().filter((code) => code !== undefined);
}
