/** sys/stat.h: the bits of a mode that tell the kind of a file, and each kind. */

/** The bits that tell it. */
export const S_IFMT = 0o170000;
/** A pipe. */
export const S_IFIFO = 0o010000;
/** A device of characters. */
export const S_IFCHR = 0o020000;
/** A directory. */
export const S_IFDIR = 0o040000;
/** A device of blocks. */
export const S_IFBLK = 0o060000;
/** A regular file. */
export const S_IFREG = 0o100000;
/** A symbolic link. */
export const S_IFLNK = 0o120000;
/** A socket. */
export const S_IFSOCK = 0o140000;
