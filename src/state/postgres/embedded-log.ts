import { type FileHandle, open, rename, stat } from 'node:fs/promises'
import { hasCode } from './embedded-binaries.js'

const LARGEST_LOG_BYTES = 10 * 1024 * 1024
const TAIL_BYTES = 1_000

/** Opens the server's log to append; one that has grown large becomes `<path>.1` first. */
export async function openLog(path: string): Promise<FileHandle> {
  if ((await sizeOf(path)) > LARGEST_LOG_BYTES) await rename(path, `${path}.1`)
  return open(path, 'a', 0o600)
}

/** The end of the log, for an error message. */
export async function logTail(path: string): Promise<string> {
  const size = await sizeOf(path)
  if (size === 0) return '(nothing)'
  const file = await open(path, 'r')
  try {
    const length = Math.min(size, TAIL_BYTES)
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length)
    return buffer.toString('utf8').trim()
  } finally {
    await file.close()
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (err) {
    if (hasCode(err, 'ENOENT')) return 0
    throw err
  }
}
