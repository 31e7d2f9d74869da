export const FAILED = 1
/** sysexits.h EX_CONFIG: starting again will not help. */
export const MISCONFIGURED = 78
