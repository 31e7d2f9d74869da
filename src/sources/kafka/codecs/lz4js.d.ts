/** Only what is used of it. */
declare module 'lz4js' {
  /** The most that a frame can become, in bytes, by its header and the headers of its blocks. */
  export function decompressBound(frame: Uint8Array): number
  /** How many bytes were written. */
  export function decompressFrame(frame: Uint8Array, into: Uint8Array): number
}
