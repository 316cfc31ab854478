/** A program that takes the whole screen and then fails with an error that nobody catches. */
import { Screen } from '../../../src/cli/terminal/screen.ts'

const screen = new Screen(process, {
  onKey: () => {
    throw new Error('a bug')
  },
  onRedraw: () => screen.draw(['press a key']),
  onEnd: () => screen.close(),
})
screen.open()
