import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type Fields, isFields } from './fields.js'

export interface Child {
  /** Resolves to the answer; rejects when the child failed or is gone. One question at a time. */
  ask(command: string, fields?: Fields): Promise<Fields>
  stop(): Promise<void>
}

/** A program of `children/` in a process of its own; it ends with this one. */
export function startChild(name: string): Child {
  const path = fileURLToPath(new URL(`../children/${name}.js`, import.meta.url))
  const child = fork(path, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  let settle: ((message: unknown) => void) | null = null
  child.on('message', (message) => settle?.(message))
  child.on('exit', (code) => settle?.({ error: `${name} ended with ${code}` }))
  return {
    async ask(command, fields = {}) {
      if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`)
      const answer = new Promise<unknown>((resolve) => {
        settle = resolve
      })
      child.send({ command, ...fields })
      const message = await answer
      settle = null
      if (!isFields(message)) throw new Error(`${name} answered something else`)
      if (message.error !== undefined) throw new Error(`${name} ${command}: ${message.error}`)
      return message
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      // Who still waits for an answer is stopped by what stopped us.
      settle = null
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}
