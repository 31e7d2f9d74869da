import { type Fields, isFields, text } from './fields.js'

type Commands = Readonly<Record<string, (fields: Fields) => Promise<Fields> | Fields>>

/** The child's side of `startChild`. */
export function answering(commands: Commands): void {
  process.on('disconnect', () => process.exit(0))
  process.on('message', (message) => {
    void respond(commands, message).then((answer) => process.send?.(answer))
  })
}

async function respond(commands: Commands, message: unknown): Promise<Fields> {
  try {
    if (!isFields(message)) throw new Error('the command is not understood')
    const work = commands[text(message, 'command')]
    if (work === undefined) throw new Error('there is no such command')
    return await work(message)
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}
