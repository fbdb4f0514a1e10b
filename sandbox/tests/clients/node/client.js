// node-quickbooks pointed at the sandbox, its callbacks made promises.
const QuickBooks = require('node-quickbooks')

const credentials = JSON.parse(process.argv[2])
const root = credentials.api_url.replace(/\/v3$/, '')

QuickBooks.V3_ENDPOINT_BASE_URL = `${credentials.api_url}/company/`
QuickBooks.TOKEN_URL = `${root}/oauth2/v1/tokens/bearer`
QuickBooks.REVOKE_URL = `${root}/v2/oauth2/tokens/revoke`
QuickBooks.USER_INFO_URL = `${root}/v1/openid_connect/userinfo`

function promised (object, method, ...args) {
  return new Promise((resolve, reject) => {
    object[method](...args, (error, answer) => (error ? reject(error) : resolve(answer)))
  })
}

async function connect () {
  const qbo = new QuickBooks(
    credentials.client_id, credentials.client_secret, 'none yet', false, credentials.realm_id,
    true, false, 75, '2.0', credentials.refresh_token)
  await promised(qbo, 'refreshAccessToken')
  return { qbo, call: (method, ...args) => promised(qbo, method, ...args) }
}

async function faultOf (promise) {
  try {
    await promise
  } catch (error) {
    const body = error.Fault ? error : error.response.data
    return body.Fault.Error[0].code
  }
  throw new Error('A fault was expected.')
}

function main (work) {
  work().then(
    (result) => console.log(JSON.stringify(result)),
    (error) => {
      console.error(error.stack || error, JSON.stringify(error.response ? error.response.data : error))
      process.exit(1)
    })
}

module.exports = { credentials, root, promised, connect, faultOf, main }
