/** A page for whoever opens the address in a browser: what there is. */
import type { FastifyInstance } from 'fastify'

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>iot-analytics-connector</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem }
  dt { font-family: ui-monospace, monospace } dd { margin: 0 0 1rem 1rem; color: #555 }
</style>
<h1>iot-analytics-connector</h1>
<dl>
  <dt><a href="/health">/health</a></dt>
  <dd>Whether it is live and ready, and if not, why; <code>/health/live</code> and <code>/health/ready</code> for probes.</dd>
  <dt><a href="/ledger?format=text">/ledger</a></dt>
  <dd>What became of every message. JSON, or a table with <code>?format=text</code>.</dd>
  <dt><a href="/channels">/channels</a></dt>
  <dd>The channels.</dd>
  <dt>/channels/&lt;name&gt;/messages</dt>
  <dd>Their messages, one JSON object a line. <code>from=earliest|now|&lt;offset&gt;|&lt;time&gt;</code>, <code>limit=</code>, <code>wait=</code> seconds for something newer; go on from the header <code>x-next-offset</code>.</dd>
  <dt><a href="/dead-letters">/dead-letters</a></dt>
  <dd>Messages refused for good, with the reason, one JSON object a line. <code>channel=</code>, <code>destination=</code>, <code>error=</code>, <code>since=</code>, <code>until=</code>, <code>limit=</code>; go on with <code>from=</code> and the header <code>x-next-offset</code>.</dd>
  <dt>POST /dead-letters/replay</dt>
  <dd>Gives them to their channels again. <code>{"channel": …, "error": …, "dryRun": true}</code></dd>
  <dt>/why/&lt;id&gt;</dt>
  <dd>One message’s story, by its sender’s id or its message id. JSON, or sentences with <code>?format=text</code>.</dd>
  <dt><a href="/metrics">/metrics</a></dt>
  <dd>For Prometheus.</dd>
</dl>
</html>
`

export function indexPage(server: FastifyInstance): void {
  server.get('/', (_request, reply) => reply.type('text/html; charset=utf-8').send(PAGE))
}
