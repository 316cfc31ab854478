/** How many requests of each kind are served at once. Health and metrics are not among them. */
import { LoopTurns } from '../../sources/mqtt-server/limits/loop-turns.ts'
import { LongPolls } from './long-poll.ts'
import { Places } from './places.ts'

export class RequestLimits {
  /** What the work of requests may take of a turn of the event loop. */
  readonly #turns = new LoopTurns()
  /** Pages, tables and lists: each takes up to 2 MB until its client has read it. */
  readonly pages = new Places({ of: 'pages', places: 8, waiting: 64, turns: this.#turns })
  /** Each reads up to 128 MB. */
  readonly searches = new Places({ of: 'searches', places: 2, waiting: 16, turns: this.#turns })
  /** Replays run one at a time. */
  readonly replays = new Places({ of: 'replays', places: 1, waiting: 8, turns: this.#turns })
  readonly longPolls = new LongPolls()
}
