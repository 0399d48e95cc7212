// Segment's own library for Node: node segment.mjs HOST WRITE_KEY COUNT
import { Analytics } from '@segment/analytics-node'

const [host, writeKey, count] = process.argv.slice(2)
const analytics = new Analytics({ host, writeKey, flushAt: 10, maxRetries: 1 })
analytics.on('error', (error) => {
  console.error(error)
  process.exitCode = 1
})
for (let n = 0; n < Number(count); n += 1) {
  analytics.identify({ userId: `u-${n}`, traits: { email: `lead${n}@example.com`, city: 'Köln' } })
  analytics.track({ userId: `u-${n}`, event: 'Demo Requested', properties: { n }, messageId: `track-${n}` })
}
await analytics.closeAndFlush({ timeout: 20_000 })
