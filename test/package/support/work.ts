/** What programs/work.cjs says when all is well. */
export const worked: unknown = {
  read: ["first", "sec", "ond"],
  positions: [5, 8],
  owned: true,
  closed: "EBADF",
  sameAccess: [2, 2],
  registered: "firstsecond",
};
