/** Listening at the address that was given, or at all addresses. */
import { hasCode } from "../../ffi/error.ts";
import type { PortChoices } from "./types.ts";

/** The addresses that stand for all addresses of a machine. */
export const ANY6 = "::";
const ANY4 = "0.0.0.0";

/**
 * Listens at the host of the choices. Without one it is all addresses of IPv6 and IPv4, or those of IPv4 where
 * the system has no IPv6.
 *
 * @param listen listens at one address
 */
export function listenAtHost<Made>(
  { host, ipv6Only }: PortChoices,
  listen: (host: string, isIPv6: boolean) => Made,
): Made {
  if (host !== undefined) return listen(host, host.includes(":"));
  try {
    return listen(ANY6, true);
  } catch (error) {
    if (ipv6Only || !hasCode(error, "EAFNOSUPPORT", "EADDRNOTAVAIL")) throw error;
    return listen(ANY4, false);
  }
}
