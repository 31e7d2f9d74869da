/** What is said about a text, whether liquidjs finds it or the thread is lost over it. */
export const TOO_LARGE = 'takes more memory than a text may have'
export const UNUSABLE = 'cannot be rendered'
export const takesLonger = (ms: number): string => `takes longer than ${ms} ms to render`
