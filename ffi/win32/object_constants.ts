/** The rights, flags and classes of the kinds of objects: winnt.h, winbase.h, winreg.h, winuser.h. */

/** Event right: set and reset it. */
export const EVENT_MODIFY_STATE = 2;
/** Event: all rights. */
export const EVENT_ALL_ACCESS = 0x001f_0003;
/** Mutex: all rights. */
export const MUTEX_ALL_ACCESS = 0x001f_0001;
/** Semaphore right: release it. */
export const SEMAPHORE_MODIFY_STATE = 2;
/** Semaphore: all rights. */
export const SEMAPHORE_ALL_ACCESS = 0x001f_0003;
/** Timer right: set and cancel it. */
export const TIMER_MODIFY_STATE = 2;
/** Timer: all rights. */
export const TIMER_ALL_ACCESS = 0x001f_0003;

/** `CreateFileMappingW`: pages can be read. */
export const PAGE_READONLY = 2;
/** `CreateFileMappingW`: pages can be read and written. */
export const PAGE_READWRITE = 4;
/** `CreateFileMappingW`: pages can be read; writes go to private copies. */
export const PAGE_WRITECOPY = 8;
/** `MapViewOfFile`: a view whose writes go to private copies. */
export const FILE_MAP_COPY = 1;
/** `MapViewOfFile`: a view to read and write. */
export const FILE_MAP_WRITE = 2;
/** `MapViewOfFile`: a view to read. */
export const FILE_MAP_READ = 4;

/** Job right: assign processes to it. */
export const JOB_OBJECT_ASSIGN_PROCESS = 1;
/** Job right: query it. */
export const JOB_OBJECT_QUERY = 4;
/** Job right: terminate its processes. */
export const JOB_OBJECT_TERMINATE = 8;
/** Job: all rights. */
export const JOB_OBJECT_ALL_ACCESS = 0x001f_003f;

/** `GetMailslotInfo`: there is no message. */
export const MAILSLOT_NO_MESSAGE = 0xffff_ffff;

/** `FindFirstChangeNotificationW`: a file was created, renamed or deleted. */
export const FILE_NOTIFY_CHANGE_FILE_NAME = 1;
/** `FindFirstChangeNotificationW`: a directory was created, renamed or deleted. */
export const FILE_NOTIFY_CHANGE_DIR_NAME = 2;
/** `FindFirstChangeNotificationW`: the size of a file changed. */
export const FILE_NOTIFY_CHANGE_SIZE = 8;
/** `FindFirstChangeNotificationW`: a file was written. */
export const FILE_NOTIFY_CHANGE_LAST_WRITE = 0x10;

/** Console input: the system processes Ctrl+C and other control keys. */
export const ENABLE_PROCESSED_INPUT = 1;
/** Console input: reads return whole lines. */
export const ENABLE_LINE_INPUT = 2;
/** Console input: typed characters are echoed. */
export const ENABLE_ECHO_INPUT = 4;
/** Console output: control characters are processed. */
export const ENABLE_PROCESSED_OUTPUT = 1;
/** Console output: long lines wrap. */
export const ENABLE_WRAP_AT_EOL_OUTPUT = 2;

/** `RegCreateKeyExW`: the key is kept. */
export const REG_OPTION_NON_VOLATILE = 0;
/** `RegCreateKeyExW`: the key is removed at the end of the session. */
export const REG_OPTION_VOLATILE = 1;
/** `RegCreateKeyExW`: the key is new. */
export const REG_CREATED_NEW_KEY = 1;
/** `RegCreateKeyExW`: the key existed. */
export const REG_OPENED_EXISTING_KEY = 2;
/** Key right: read values. */
export const KEY_QUERY_VALUE = 1;
/** Key right: write values. */
export const KEY_SET_VALUE = 2;
/** Key: all read rights. */
export const KEY_READ = 0x0002_0019;
/** Key: all write rights. */
export const KEY_WRITE = 0x0002_0006;
/** Key: all rights. */
export const KEY_ALL_ACCESS = 0x000f_003f;
/** Type of a value: text that ends with a NUL, in 16-bit units. */
export const REG_SZ = 1;
/** Type of a value: bytes. */
export const REG_BINARY = 3;
/** Type of a value: a number of 32 bits. */
export const REG_DWORD = 4;

/** Token right: duplicate it (`DuplicateTokenEx`). */
export const TOKEN_DUPLICATE = 2;
/** Token right: query it. */
export const TOKEN_QUERY = 8;
/** `GetTokenInformation`: `TOKEN_USER`, the user. */
export const TokenUser = 1;
/** `GetTokenInformation`: `TOKEN_SOURCE`; needs `TOKEN_QUERY_SOURCE`. */
export const TokenSource = 7;
/** `GetTokenInformation`: `TOKEN_STATISTICS`, which begins with the identifier of the token. */
export const TokenStatistics = 10;

/** Desktop right: create windows. */
export const DESKTOP_CREATEWINDOW = 2;
/** Window station: all specific rights. */
export const WINSTA_ALL_ACCESS = 0x37f;
/** `GetUserObjectInformationW`: the name. */
export const UOI_NAME = 2;
/** `GetUserObjectInformationW`: the type of object. */
export const UOI_TYPE = 3;

/** The predefined key of file types and classes. */
export const HKEY_CLASSES_ROOT: number = -0x8000_0000;
/** The predefined key of this user. */
export const HKEY_CURRENT_USER: number = -0x7fff_ffff;
/** The predefined key of this machine. */
export const HKEY_LOCAL_MACHINE: number = -0x7fff_fffe;
/** The predefined key of all users that are logged on. */
export const HKEY_USERS: number = -0x7fff_fffd;
