// Generates docs/errors.md from the catalogue in src/errors.ts.
import { load, page, wrapped } from './reference-page.mjs'

const { ERROR_CATALOGUE } = await load('errors')

const sections = Object.entries(ERROR_CATALOGUE).map(
  ([code, { effect, meaning }]) => `## ${code}\n\n${wrapped(`_${effect}_ – ${meaning}`)}\n`,
)

page(
  'docs/errors.md',
  `# Errors

Every error of the connector has one of these codes: in receipts (\`error\`), in log lines and
metrics (\`code\`) and in the ledger. If a destination rejects a message for a reason of its own, the
code is the destination’s name for it, for example \`ResourceNotFoundException\`.

The word before the dash says what may be done about the error:

- _retry_: the same operation may succeed later.
- _reject_: this message can never be accepted.
- _fatal_: the process cannot continue with this configuration.

${sections.join('\n')}`,
)
