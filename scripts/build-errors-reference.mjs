// Makes docs/errors.md from the catalogue in src/errors.ts.
import { load, page } from './reference-page.mjs'

const { ERROR_CATALOGUE } = await load('errors')

const sections = Object.entries(ERROR_CATALOGUE).map(
  ([code, { effect, meaning }]) => `## ${code}\n\n_${effect}_ – ${meaning}\n`,
)

page(
  'docs/errors.md',
  `# Errors

Every error of the connector has one of these codes: in receipts (\`error\`), in log lines and
metrics (\`code\`) and in the ledger. What a destination refuses for a reason of its own carries the
destination’s name for it, for example \`ResourceNotFoundException\`.

What may be done about it stands before the dash: _retry_, the same thing may succeed later and the
connector tries it again; _reject_, this message never will; _fatal_, the process can’t go on as it
is configured.

${sections.join('\n')}`,
)
