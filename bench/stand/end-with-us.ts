import { spawn } from 'node:child_process'

/** Whoever kills this process cannot be told to stop what it started: a shell that sees its stdin close does. */
export function endWithUs(pid: number, signal: 'QUIT' | 'KILL'): () => void {
  const shell = spawn('/bin/sh', ['-c', `read _; kill -${signal} ${pid} 2> /dev/null`], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  return () => {
    shell.kill('SIGKILL')
  }
}
