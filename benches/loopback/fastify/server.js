'use strict'

// A Fastify receiver. It checks the body against a JSON schema with the fields of
// `contenders/plain.rs`. `node server.js PATH EVENT` prints its port and ends with its standard input.

const fastify = require('fastify')

const text = { type: 'string' }
const optionalText = { type: 'string', nullable: true }
const optionalNumber = { type: 'number', nullable: true }

function object (required, optional = {}) {
  return {
    type: 'object',
    required: Object.keys(required),
    properties: { ...required, ...optional }
  }
}

function optional (schema) {
  return { ...schema, nullable: true }
}

function listOf (items) {
  return { type: 'array', items }
}

function envelope (field, schema) {
  return object({ subject: text, message: object({ [field]: schema }) })
}

const reference = object({ id: text })

const client = object({ id: text }, {
  name: optional(object({}, {
    firstName: optionalText,
    secondName: optionalText,
    lastName: optionalText,
    secondLastName: optionalText,
    fullname: optionalText
  })),
  phonePrimary: optionalText,
  phoneSecondary: optionalText,
  mobile: optionalText,
  email: optionalText,
  type: listOf(text),
  fax: optionalText,
  identification: optionalText,
  address: optional(object({}, {
    zipCode: optionalText,
    department: optionalText,
    country: optionalText,
    address: optionalText,
    city: optionalText
  }))
})

const lineItem = object({}, {
  id: optionalText,
  name: optionalText,
  description: optionalText,
  reference: optionalText,
  price: optionalNumber,
  quantity: optionalNumber,
  tax: listOf(reference),
  remission: optional(reference)
})

const invoice = object({ id: text }, {
  date: optionalText,
  dueDate: optionalText,
  observations: optionalText,
  anotation: optionalText,
  status: optionalText,
  client: optional(reference),
  numberTemplate: optional(object({}, { id: optionalText, number: optionalText })),
  seller: optional(reference),
  total: optionalNumber,
  totalPaid: optionalNumber,
  balance: optionalNumber,
  decimalPrecision: optionalText,
  estimate: optional(reference),
  costCenter: optional(reference),
  items: listOf(lineItem)
})

const notice = object(
  { cpnId: { type: 'integer' }, resource: text, resourceId: text, topic: text, action: text },
  { officeId: optionalText, priceListId: optionalText, send: optional({ type: 'integer' }) }
)

const schemas = {
  client: envelope('client', client),
  invoice: envelope('invoice', invoice),
  bsale: notice
}

const ids = {
  client: event => event.message.client.id,
  invoice: event => event.message.invoice.id,
  bsale: event => event.resourceId
}

async function main () {
  const [path, event] = process.argv.slice(2)
  const app = fastify({ bodyLimit: 1024 * 1024, requestTimeout: 3000 })
  const idOf = ids[event]

  app.post(path, { schema: { body: schemas[event] } }, async (request, reply) => {
    if (typeof idOf(request.body) !== 'string') throw new Error('an event without an id')
    reply.code(204).send()
    return reply
  })

  await app.listen({ host: '127.0.0.1', port: 0 })
  console.log(app.server.address().port)
  process.stdin.on('end', () => process.exit(0)).resume()
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})
