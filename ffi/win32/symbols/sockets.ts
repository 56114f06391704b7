/** Windows: sockets. */
import type { SymbolTable } from "../../backend/types.ts";

/** Winsock, from ws2_32.dll. A `SOCKET` is a `HANDLE` with additional state in the library. */
export const ws2_32 = {
  // int WSAStartup(WORD wVersionRequired, LPWSADATA lpWSAData);
  WSAStartup: { parameters: ["u32", "address"], result: "i32" },
  // int WSAGetLastError(void);
  WSAGetLastError: { parameters: [], result: "i32" },
  // SOCKET WSASocketW(int af, int type, int protocol, LPWSAPROTOCOL_INFOW lpProtocolInfo, GROUP g,
  //   DWORD dwFlags);
  WSASocketW: { parameters: ["i32", "i32", "i32", "address", "u32", "u32"], result: "handle" },
  // int WSADuplicateSocketW(SOCKET s, DWORD dwProcessId, LPWSAPROTOCOL_INFOW lpProtocolInfo);
  WSADuplicateSocketW: { parameters: ["handle", "u32", "address"], result: "i32" },
  // int closesocket(SOCKET s);
  closesocket: { parameters: ["handle"], result: "i32" },
  // int bind(SOCKET s, const struct sockaddr *name, int namelen);
  bind: { parameters: ["handle", "address", "i32"], result: "i32" },
  // int listen(SOCKET s, int backlog);
  listen: { parameters: ["handle", "i32"], result: "i32" },
  // SOCKET accept(SOCKET s, struct sockaddr *addr, int *addrlen);
  accept: { parameters: ["handle", "address", "address"], result: "handle" },
  // int connect(SOCKET s, const struct sockaddr *name, int namelen);
  connect: { parameters: ["handle", "address", "i32"], result: "i32" },
  // int getsockname(SOCKET s, struct sockaddr *name, int *namelen);
  getsockname: { parameters: ["handle", "address", "address"], result: "i32" },
  // int getsockopt(SOCKET s, int level, int optname, char *optval, int *optlen);
  getsockopt: { parameters: ["handle", "i32", "i32", "address", "address"], result: "i32" },
  // int setsockopt(SOCKET s, int level, int optname, const char *optval, int optlen);
  setsockopt: { parameters: ["handle", "i32", "i32", "address", "i32"], result: "i32" },
  // int send(SOCKET s, const char *buf, int len, int flags);
  send: { parameters: ["handle", "address", "i32", "i32"], result: "i32" },
  // int recv(SOCKET s, char *buf, int len, int flags);
  recv: { parameters: ["handle", "address", "i32", "i32"], result: "i32" },
} as const satisfies SymbolTable;
