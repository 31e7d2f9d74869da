// Writes docs/errors.md from the catalogue in the code. Build first: it reads dist/.
import { writeFileSync } from 'node:fs'
import { errorsMarkdown } from '../dist/api/docs/errors-page.js'

writeFileSync(new URL('../docs/errors.md', import.meta.url), errorsMarkdown())
