/** Windows: the objects of kernel32.dll. Each table is bound at its first use. */
import type { SymbolTable } from "../../backend/types.ts";

/** Events. */
export const kernel32Events = {
  // HANDLE CreateEventW(LPSECURITY_ATTRIBUTES lpEventAttributes, BOOL bManualReset,
  //   BOOL bInitialState, LPCWSTR lpName);
  CreateEventW: { parameters: ["address", "i32", "i32", "address"], result: "handle" },
  // HANDLE OpenEventW(DWORD dwDesiredAccess, BOOL bInheritHandle, LPCWSTR lpName);
  OpenEventW: { parameters: ["u32", "i32", "address"], result: "handle" },
  // BOOL SetEvent(HANDLE hEvent);
  SetEvent: { parameters: ["handle"], result: "i32" },
  // BOOL ResetEvent(HANDLE hEvent);
  ResetEvent: { parameters: ["handle"], result: "i32" },
} as const satisfies SymbolTable;

/** Mutexes. */
export const kernel32Mutexes = {
  // HANDLE CreateMutexW(LPSECURITY_ATTRIBUTES lpMutexAttributes, BOOL bInitialOwner,
  //   LPCWSTR lpName);
  CreateMutexW: { parameters: ["address", "i32", "address"], result: "handle" },
  // HANDLE OpenMutexW(DWORD dwDesiredAccess, BOOL bInheritHandle, LPCWSTR lpName);
  OpenMutexW: { parameters: ["u32", "i32", "address"], result: "handle" },
  // BOOL ReleaseMutex(HANDLE hMutex);
  ReleaseMutex: { parameters: ["handle"], result: "i32" },
} as const satisfies SymbolTable;

/** Semaphores. */
export const kernel32Semaphores = {
  // HANDLE CreateSemaphoreW(LPSECURITY_ATTRIBUTES lpSemaphoreAttributes, LONG lInitialCount,
  //   LONG lMaximumCount, LPCWSTR lpName);
  CreateSemaphoreW: { parameters: ["address", "i32", "i32", "address"], result: "handle" },
  // HANDLE OpenSemaphoreW(DWORD dwDesiredAccess, BOOL bInheritHandle, LPCWSTR lpName);
  OpenSemaphoreW: { parameters: ["u32", "i32", "address"], result: "handle" },
  // BOOL ReleaseSemaphore(HANDLE hSemaphore, LONG lReleaseCount, LPLONG lpPreviousCount);
  ReleaseSemaphore: { parameters: ["handle", "i32", "address"], result: "i32" },
} as const satisfies SymbolTable;

/** Waitable timers. */
export const kernel32Timers = {
  // HANDLE CreateWaitableTimerW(LPSECURITY_ATTRIBUTES lpTimerAttributes, BOOL bManualReset,
  //   LPCWSTR lpTimerName);
  CreateWaitableTimerW: { parameters: ["address", "i32", "address"], result: "handle" },
  // HANDLE OpenWaitableTimerW(DWORD dwDesiredAccess, BOOL bInheritHandle, LPCWSTR lpTimerName);
  OpenWaitableTimerW: { parameters: ["u32", "i32", "address"], result: "handle" },
  // BOOL SetWaitableTimer(HANDLE hTimer, const LARGE_INTEGER *lpDueTime, LONG lPeriod,
  //   PTIMERAPCROUTINE pfnCompletionRoutine, LPVOID lpArgToCompletionRoutine, BOOL fResume);
  SetWaitableTimer: {
    parameters: ["handle", "address", "i32", "address", "address", "i32"],
    result: "i32",
  },
  // BOOL CancelWaitableTimer(HANDLE hTimer);
  CancelWaitableTimer: { parameters: ["handle"], result: "i32" },
} as const satisfies SymbolTable;

/** File mappings. */
export const kernel32Mappings = {
  // HANDLE CreateFileMappingW(HANDLE hFile, LPSECURITY_ATTRIBUTES lpFileMappingAttributes,
  //   DWORD flProtect, DWORD dwMaximumSizeHigh, DWORD dwMaximumSizeLow, LPCWSTR lpName);
  CreateFileMappingW: {
    parameters: ["handle", "address", "u32", "u32", "u32", "address"],
    result: "handle",
  },
  // HANDLE OpenFileMappingW(DWORD dwDesiredAccess, BOOL bInheritHandle, LPCWSTR lpName);
  OpenFileMappingW: { parameters: ["u32", "i32", "address"], result: "handle" },
  // BOOL UnmapViewOfFile(LPCVOID lpBaseAddress);
  UnmapViewOfFile: { parameters: ["address"], result: "i32" },
} as const satisfies SymbolTable;

/** The function under MapViewOfFile, from ntdll.dll. It returns its error. */
export const ntdllMappings = {
  // NTSTATUS NtMapViewOfSection(HANDLE SectionHandle, HANDLE ProcessHandle, PVOID *BaseAddress,
  //   ULONG_PTR ZeroBits, SIZE_T CommitSize, PLARGE_INTEGER SectionOffset, PSIZE_T ViewSize,
  //   SECTION_INHERIT InheritDisposition, ULONG AllocationType, ULONG Win32Protect);
  NtMapViewOfSection: {
    // deno-fmt-ignore
    parameters: [
      "handle", "handle", "address", "address", "address", "address", "address", "i32", "u32",
      "u32",
    ],
    result: "i32",
  },
  // NTSTATUS NtQueryVirtualMemory(HANDLE ProcessHandle, PVOID BaseAddress,
  //   MEMORY_INFORMATION_CLASS MemoryInformationClass, PVOID MemoryInformation,
  //   SIZE_T MemoryInformationLength, PSIZE_T ReturnLength);
  NtQueryVirtualMemory: {
    parameters: ["handle", "address", "i32", "address", "address", "address"],
    result: "i32",
  },
} as const satisfies SymbolTable;

/** Jobs. */
export const kernel32Jobs = {
  // HANDLE CreateJobObjectW(LPSECURITY_ATTRIBUTES lpJobAttributes, LPCWSTR lpName);
  CreateJobObjectW: { parameters: ["address", "address"], result: "handle" },
  // HANDLE OpenJobObjectW(DWORD dwDesiredAccess, BOOL bInheritHandle, LPCWSTR lpName);
  OpenJobObjectW: { parameters: ["u32", "i32", "address"], result: "handle" },
  // BOOL AssignProcessToJobObject(HANDLE hJob, HANDLE hProcess);
  AssignProcessToJobObject: { parameters: ["handle", "handle"], result: "i32" },
  // BOOL IsProcessInJob(HANDLE ProcessHandle, HANDLE JobHandle, PBOOL Result);
  IsProcessInJob: { parameters: ["handle", "handle", "address"], result: "i32" },
  // BOOL TerminateJobObject(HANDLE hJob, UINT uExitCode);
  TerminateJobObject: { parameters: ["handle", "u32"], result: "i32" },
} as const satisfies SymbolTable;

/** Mailslots. */
export const kernel32Mailslots = {
  // HANDLE CreateMailslotW(LPCWSTR lpName, DWORD nMaxMessageSize, DWORD lReadTimeout,
  //   LPSECURITY_ATTRIBUTES lpSecurityAttributes);
  CreateMailslotW: { parameters: ["address", "u32", "u32", "address"], result: "handle" },
  // BOOL GetMailslotInfo(HANDLE hMailslot, LPDWORD lpMaxMessageSize, LPDWORD lpNextSize,
  //   LPDWORD lpMessageCount, LPDWORD lpReadTimeout);
  GetMailslotInfo: {
    parameters: ["handle", "address", "address", "address", "address"],
    result: "i32",
  },
} as const satisfies SymbolTable;

/** Change notifications. */
export const kernel32Notifications = {
  // HANDLE FindFirstChangeNotificationW(LPCWSTR lpPathName, BOOL bWatchSubtree,
  //   DWORD dwNotifyFilter);
  FindFirstChangeNotificationW: { parameters: ["address", "i32", "u32"], result: "handle" },
  // BOOL FindNextChangeNotification(HANDLE hChangeHandle);
  FindNextChangeNotification: { parameters: ["handle"], result: "i32" },
  // BOOL FindCloseChangeNotification(HANDLE hChangeHandle);
  FindCloseChangeNotification: { parameters: ["handle"], result: "i32" },
} as const satisfies SymbolTable;

/** I/O completion ports. */
export const kernel32CompletionPorts = {
  // HANDLE CreateIoCompletionPort(HANDLE FileHandle, HANDLE ExistingCompletionPort,
  //   ULONG_PTR CompletionKey, DWORD NumberOfConcurrentThreads);
  CreateIoCompletionPort: { parameters: ["handle", "handle", "address", "u32"], result: "handle" },
  // BOOL GetQueuedCompletionStatus(HANDLE CompletionPort, LPDWORD lpNumberOfBytesTransferred,
  //   PULONG_PTR lpCompletionKey, LPOVERLAPPED *lpOverlapped, DWORD dwMilliseconds);
  GetQueuedCompletionStatus: {
    parameters: ["handle", "address", "address", "address", "u32"],
    result: "i32",
  },
  // BOOL PostQueuedCompletionStatus(HANDLE CompletionPort, DWORD dwNumberOfBytesTransferred,
  //   ULONG_PTR dwCompletionKey, LPOVERLAPPED lpOverlapped);
  PostQueuedCompletionStatus: {
    parameters: ["handle", "u32", "address", "address"],
    result: "i32",
  },
} as const satisfies SymbolTable;

/** Communications devices. */
export const kernel32Devices = {
  // BOOL GetCommTimeouts(HANDLE hFile, LPCOMMTIMEOUTS lpCommTimeouts);
  GetCommTimeouts: { parameters: ["handle", "address"], result: "i32" },
  // BOOL SetCommTimeouts(HANDLE hFile, LPCOMMTIMEOUTS lpCommTimeouts);
  SetCommTimeouts: { parameters: ["handle", "address"], result: "i32" },
} as const satisfies SymbolTable;

/** Consoles. */
export const kernel32Consoles = {
  // BOOL AllocConsole(void);
  AllocConsole: { parameters: [], result: "i32" },
  // BOOL FreeConsole(void);
  FreeConsole: { parameters: [], result: "i32" },
  // BOOL GetConsoleMode(HANDLE hConsoleHandle, LPDWORD lpMode);
  GetConsoleMode: { parameters: ["handle", "address"], result: "i32" },
  // BOOL SetConsoleMode(HANDLE hConsoleHandle, DWORD dwMode);
  SetConsoleMode: { parameters: ["handle", "u32"], result: "i32" },
} as const satisfies SymbolTable;
