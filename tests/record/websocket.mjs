/* An MQTT broker (aedes) behind a WebSocket (ws), and a client (MQTT.js), for tests/record/websocket.py:
 *     node websocket.mjs broker PORT LOG DEFLATE(0|1)
 *     node websocket.mjs client URL JSON     JSON: {options, subscribe: [], publish: [[topic, payload or its size, qos]], wait_ms}
 * The broker writes one line per packet that it took or sent: what the capture must show. */
import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'

const require = createRequire(process.cwd() + '/')
const [role, ...args] = process.argv.slice(2)

function broker (port, log, deflate) {
  const aedes = require('aedes')()
  const { WebSocketServer, createWebSocketStream } = require('ws')
  const told = (way, packet) => appendFileSync(log, `${way} ${packet.cmd}\n`)
  aedes.authenticate = (client, user, password, done) =>
    done(null, user === undefined || String(password) === 'Zaehler-77-wolke')
  const server = createServer()
  const sockets = new WebSocketServer({
    server,
    perMessageDeflate: deflate === '1' ? { threshold: 0 } : false,
    handleProtocols: offered => offered.has('mqtt') ? 'mqtt' : [...offered][0]
  })
  const parser = require('mqtt-packet')
  sockets.on('connection', (socket, request) => {
    const stream = createWebSocketStream(socket)
    const seen = parser.parser()
    seen.on('packet', packet => told('in', packet))
    stream.on('data', data => seen.parse(data))
    const out = parser.parser()
    out.on('packet', packet => told('out', packet))
    const write = stream.write.bind(stream)
    stream.write = (data, ...rest) => { out.parse(Buffer.from(data)); return write(data, ...rest) }
    aedes.handle(stream, request)
  })
  server.listen(Number(port))
}

async function client (url, text) {
  const task = JSON.parse(text)
  const mqtt = require('mqtt')
  const c = mqtt.connect(url, { reconnectPeriod: 0, connectTimeout: 3000, ...task.options })
  c.on('error', () => process.exit(0)) /* a refusal is what some recordings want */
  await new Promise(resolve => c.on('connect', resolve))
  if (task.subscribe) await c.subscribeAsync(task.subscribe, { qos: task.qos ?? 1 }).catch(() => {})
  for (const [topic, payload, qos] of task.publish ?? []) await c.publishAsync(topic, typeof payload === 'number' ? 'x'.repeat(payload) : payload, { qos })
  await new Promise(resolve => setTimeout(resolve, task.wait_ms ?? 200))
  if (task.drop) process.exit(0)
  await c.endAsync()
}

if (role === 'broker') broker(...args)
else await client(...args)
