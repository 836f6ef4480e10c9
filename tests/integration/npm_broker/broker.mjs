/* An MQTT broker of npm (aedes) behind WebSockets, with its log, and a client (MQTT.js) that works well:
 *     node broker.mjs broker PORT           the log, of aedes-logging, goes to standard output
 *     node broker.mjs client URL CLIENT_ID  subscribes, publishes, goes on until it is ended
 * alice's password is in ALICE; she may have what lies below plant/meter/. Packages lie in the working directory. */
import { createServer } from 'node:http'
import { createRequire } from 'node:module'

const require = createRequire(process.cwd() + '/')
const [role, where, clientId] = process.argv.slice(2)

function broker (port) {
  const aedes = require('aedes')()
  const { WebSocketServer, createWebSocketStream } = require('ws')
  const allowed = topic => topic.startsWith('plant/meter/')
  aedes.authenticate = (client, user, password, done) => {
    const known = user === 'alice' && String(password) === process.env.ALICE
    done(known ? null : Object.assign(new Error(), { returnCode: 4 }), known)
  }
  aedes.authorizeSubscribe = (client, subscription, done) => done(null, allowed(subscription.topic) ? subscription : null)
  aedes.authorizePublish = (client, packet, done) => done(allowed(packet.topic) ? null : new Error('publish not authorized'))
  const server = createServer()
  const sockets = new WebSocketServer({ server, handleProtocols: offered => offered.has('mqtt') ? 'mqtt' : false })
  sockets.on('connection', (socket, request) => aedes.handle(createWebSocketStream(socket), request))
  require('aedes-logging')({ instance: aedes, servers: [server] })
  server.listen(Number(port), '127.0.0.1')
}

function client (url) {
  const c = require('mqtt').connect(url, { reconnectPeriod: 0, clientId, username: 'alice', password: process.env.ALICE })
  c.on('error', () => process.exit(1))
  c.on('connect', () => c.subscribe('plant/meter/set', () => {
    console.log('subscribed')
    setInterval(() => c.publish('plant/meter/7', '{"w":1}', { qos: 1 }), 500)
  }))
  process.on('SIGTERM', () => c.end(false, () => process.exit(0)))
}

if (role === 'broker') broker(where)
else client(where)
