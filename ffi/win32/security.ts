/** The attributes of new handles: `SECURITY_ATTRIBUTES`. */
import { checkBoolean } from "../check.ts";
import { scratch, SCRATCH_SIZE } from "../backend/scratch.ts";

/** After the strings, so that a call can have both. */
const OFFSET = SCRATCH_SIZE + 32;
const SIZE = 24;

/** The part of `SECURITY_ATTRIBUTES` that concerns handles. */
export interface SecurityAttributes {
  /** Whether child processes inherit the new handle. */
  readonly bInheritHandle: boolean;
}

/**
 * Writes a `SECURITY_ATTRIBUTES` without a security descriptor and returns its address; 0 for
 * `null`.
 */
export function securityAttributes(attributes: SecurityAttributes | null): number {
  if (attributes === null) return 0;
  // Read once, and before anything is written: a getter may call the library.
  const bInheritHandle: unknown = attributes?.bInheritHandle;
  checkBoolean(bInheritHandle, "bInheritHandle");
  const { address, data } = scratch();
  data.setUint32(OFFSET, SIZE, true);
  data.setBigUint64(OFFSET + 8, 0n, true);
  data.setInt32(OFFSET + 16, bInheritHandle ? 1 : 0, true);
  return address + OFFSET;
}
