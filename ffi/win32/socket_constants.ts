/** The constants of winsock2.h. */

/** Family: IPv4. */
export const AF_INET = 2;
/** Family: IPv6. */
export const AF_INET6 = 23;
/** Type: a stream of bytes. */
export const SOCK_STREAM = 1;
/** Type: datagrams. */
export const SOCK_DGRAM = 2;
/** Protocol: TCP. */
export const IPPROTO_TCP = 6;
/** Protocol: UDP. */
export const IPPROTO_UDP = 17;
/** `WSASocketW`: operations on it may be overlapped. */
export const WSA_FLAG_OVERLAPPED = 1;
/** `WSASocketW`: child processes do not inherit it. */
export const WSA_FLAG_NO_HANDLE_INHERIT = 0x80;
/** `getsockopt`: options of every socket. */
export const SOL_SOCKET = 0xffff;
/** `setsockopt`: the longest time that a receive waits, in milliseconds; 0 waits without a limit. */
export const SO_RCVTIMEO = 0x1006;
/** `getsockopt`: the type of the socket. */
export const SO_TYPE = 0x1008;
/** `send`, `recv`: out-of-band data. */
export const MSG_OOB = 1;
/** `recv`: the bytes stay in the socket. */
export const MSG_PEEK = 2;
/** `WSASocketW`: take the value from the `WSAPROTOCOL_INFOW`. */
export const FROM_PROTOCOL_INFO: number = -1;
