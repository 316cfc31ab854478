/** The static parts of the overview page. */

/** A screen on which the table of channels has no room. */
export const NARROW = '(max-width: 46rem)'

export const STYLE = `
  :root { color-scheme: light dark; --quiet: light-dark(#667, #99a); --line: light-dark(#dde, #334) }
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
  header { display: flex; flex-wrap: wrap; align-items: center; gap: .3rem 1rem } h1 { font-size: 1.4rem; margin: 0 }
  .badge { border-radius: 1rem; padding: .1rem .8rem; color: #fff; font-weight: 600 }
  .ok { background: #2a7d46 } .warning { background: #9a6200 } .critical { background: #b3261e }
  .problems { overflow-wrap: anywhere; border-left: 4px solid #b3261e; padding: .5rem 1rem .5rem 2rem }
  .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .8rem; margin: 1.2rem 0 }
  .tiles div { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; color: var(--quiet) }
  .tiles b { display: block; font-size: 1.4rem; color: light-dark(#112, #eef); font-variant-numeric: tabular-nums }
  meter { width: 12rem; max-width: 100%; vertical-align: middle }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
  td, tr:first-child th { text-align: right; white-space: nowrap } th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line) }
  th { font-weight: 600 } tr th:first-child { text-align: left; overflow-wrap: anywhere; min-width: 8rem }
  .wide { overflow-x: auto }
  tr:first-child th { color: var(--quiet); font-weight: 400 }
  .quiet, dd { color: var(--quiet) } h2 { font-size: 1.1rem; margin-top: 2rem }
  dt { font-family: ui-monospace, monospace } dd { margin: 0 0 .6rem 1rem; overflow-wrap: anywhere }
  @media ${NARROW} {
    table, tbody { display: block } tr:first-child { display: none }
    tr { display: grid; grid-template-columns: repeat(auto-fill, minmax(6.5rem, 1fr)); border-bottom: 1px solid var(--line); padding: .5rem 0 }
    tr th:first-child { grid-column: 1 / -1 } th, td { border: 0; padding: .1rem 0; text-align: left }
    td::before { display: block; color: var(--quiet); font-size: .8rem }
  }
`

export const ROUTES_HTML = `<h2>More</h2>
<dl>
  <dt><a href="/health">/health</a></dt>
  <dd>Whether the connector is live and ready, and any problems; <code>/health/live</code> and <code>/health/ready</code> for probes.</dd>
  <dt><a href="/ledger?format=text">/ledger</a></dt>
  <dd>What happened to every message. JSON, or a table with <code>?format=text</code>.</dd>
  <dt><a href="/channels">/channels</a></dt>
  <dd>The channels.</dd>
  <dt>/channels/&lt;name&gt;/messages</dt>
  <dd>Their messages, one JSON object per line. <code>from=earliest|now|&lt;offset&gt;|&lt;time&gt;</code>, <code>limit=</code>, <code>wait=</code> seconds for a new message; continue from the header <code>x-next-offset</code>.</dd>
  <dt><a href="/dead-letters">/dead-letters</a></dt>
  <dd>Rejected messages with the reason, one JSON object per line. <code>channel=</code>, <code>destination=</code>, <code>error=</code>, <code>since=</code>, <code>until=</code>, <code>limit=</code>; continue with <code>from=</code> and the header <code>x-next-offset</code>.</dd>
  <dt>POST /channels/&lt;name&gt;/replay</dt>
  <dd>Sends stored messages again, with their message ids. <code>{"from": …, "to": …, "dryRun": true}</code></dd>
  <dt><a href="/destinations">/destinations</a></dt>
  <dd>Each destination: since when it fails, why, and when the next attempt is.</dd>
  <dt>POST /destinations/retry</dt>
  <dd>Makes the next attempt now.</dd>
  <dt>POST /dead-letters/replay</dt>
  <dd>Sends them to their channels again. <code>{"channel": …, "error": …, "dryRun": true}</code></dd>
  <dt>/why/&lt;id&gt;</dt>
  <dd>What happened to one message, by its sender’s id or its message id. JSON, or sentences with <code>?format=text</code>.</dd>
  <dt><a href="/metrics">/metrics</a></dt>
  <dd>For Prometheus.</dd>
</dl>
`
