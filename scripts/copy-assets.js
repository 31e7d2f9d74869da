// Copies what the compiler leaves behind: the migrations are SQL.
import { cpSync } from 'node:fs'

cpSync('src/state/postgres/migrations', 'dist/state/postgres/migrations', { recursive: true })
