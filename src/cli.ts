#!/usr/bin/env node
import { deadLettersCommand } from './cli/dead-letters.js'
import { migrateCommand } from './cli/migrate.js'
import { sendCommand } from './cli/send.js'
import { tokenCommand } from './cli/token.js'
import { CommandError, UsageError } from './cli/usage.js'
import { ConfigError } from './config/problem.js'

const USAGE = `Usage: notification-service <command> [options]

  start      runs the service
  migrate    brings the database schema up to date
  token      prints a token:  --tenant T --user U --role sender|user|admin [--role …] [--expires 3600]
  send       sends one notification through a running service:
             --tenant T --user U --channel C --title … --content … [--priority P] [--metadata '{…}'] [--url …]
  dead-letters list | show ID | redrive ID | delete ID | redrive --all
             what ended badly:  --tenant T [--url …] [--json], and to list or redrive what fits
             [--kind event|notification] [--channel C] [--reason R] [--status S] [--topic …] [--event-type …]
             [--since TIME] [--until TIME] [--limit N]

It ends with 0 when it is done, 1 when it did not work, 2 when the command is not understood.
`

const COMMANDS: Readonly<Record<string, (args: string[]) => Promise<void>>> = {
  // Starts by being imported, as `npm start` does.
  start: async () => {
    await import('./main.js')
  },
  migrate: migrateCommand,
  token: tokenCommand,
  send: sendCommand,
  'dead-letters': deadLettersCommand,
}

const [name = '', ...args] = process.argv.slice(2)
const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
if (command === undefined) {
  process.stderr.write(USAGE)
  process.exitCode = name === 'help' || name === '--help' ? 0 : 2
} else {
  try {
    await command(args)
  } catch (error) {
    const failed = error instanceof CommandError
    if (!(failed || error instanceof UsageError || error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exitCode = failed ? 1 : 2
  }
}
