import { promisify } from 'node:util'
import { unzip } from 'node:zlib'

const inflate = promisify(unzip)

/** @param most in bytes; more throws */
export const gunzip = (compressed: Buffer, most: number): Promise<Buffer> =>
  inflate(compressed, { maxOutputLength: most })
