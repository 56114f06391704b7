/** The numbers of winsock2.h. */

/** Family: IPv4. */
export const AF_INET = 2;
/** Family: IPv6. */
export const AF_INET6 = 23;
/** Type: a stream of bytes. */
export const SOCK_STREAM = 1;
/** Type: messages. */
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
/** `setsockopt`: how many milliseconds a receive waits at most; 0 for as long as it takes. */
export const SO_RCVTIMEO = 0x1006;
/** `getsockopt`: the type of the socket. */
export const SO_TYPE = 0x1008;
/** `send`, `recv`: out of band. */
export const MSG_OOB = 1;
/** `recv`: the bytes stay where they are. */
export const MSG_PEEK = 2;
/** `WSASocketW`: what the `WSAPROTOCOL_INFOW` says. */
export const FROM_PROTOCOL_INFO: number = -1;
