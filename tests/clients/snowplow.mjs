// Snowplow's own tracker for Node: node snowplow.mjs HOST APP_ID post|get
import { buildPageView, buildSelfDescribingEvent, buildStructEvent, newTracker } from '@snowplow/node-tracker'

const [host, appId, eventMethod] = process.argv.slice(2)
const tracker = newTracker(
  { namespace: 'test', appId, encodeBase64: eventMethod === 'post' },
  {
    endpoint: host,
    eventMethod,
    bufferSize: 1,
    onRequestFailure: (failure) => {
      console.error(failure.status, failure.message)
      process.exitCode = 1
    },
  },
)
tracker.setDomainUserId('d-1')
tracker.setUserId('u-1')
tracker.track(buildPageView({ pageUrl: 'https://shop.example/pricing?utm_source=li', pageTitle: 'Pricing' }))
tracker.track(buildStructEvent({ category: 'cart', action: 'add', label: 'plan', value: 3 }))
tracker.track(
  buildSelfDescribingEvent({
    event: {
      schema: 'iglu:com.snowplowanalytics.snowplow/submit_form/jsonschema/1-0-0',
      data: { formId: 'demo', elements: [{ name: 'email', value: 'jane@example.com', nodeName: 'INPUT' }] },
    },
  }),
)
await tracker.flush()
