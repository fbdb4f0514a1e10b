// intuit-oauth: consent, code, refresh, a call, the user, revoke; node-quickbooks' own revoke.
const assert = require('assert')
const OAuthClient = require('intuit-oauth')
const { credentials, root, connect, promised, main } = require('./client')

const redirectUri = 'http://localhost:8000/callback'
const company = `${credentials.api_url}/company/${credentials.realm_id}/companyinfo/${credentials.realm_id}`

async function decide (uri, decision) {
  assert.strictEqual((await fetch(uri)).status, 200)
  const form = new URLSearchParams(new URL(uri).search)
  form.set('decision', decision)
  const answer = await fetch(`${root}/connect/oauth2`, { method: 'POST', body: form, redirect: 'manual' })
  return answer.headers.get('location')
}

main(async () => {
  const client = new OAuthClient({
    clientId: credentials.client_id, clientSecret: credentials.client_secret, environment: 'sandbox', redirectUri, includeRefreshTokenHardExpiresIn: true
  })
  client.setAuthorizeURLs({
    authorizeEndpoint: `${root}/connect/oauth2`, tokenEndpoint: `${root}/oauth2/v1/tokens/bearer`, revokeEndpoint: `${root}/v2/oauth2/tokens/revoke`, userInfoEndpoint: `${root}/v1/openid_connect/userinfo`
  })
  const uri = client.authorizeUri({ scope: [OAuthClient.scopes.Accounting], state: 'xyz' })
  assert.ok((await decide(uri, 'cancel')).includes('error=access_denied'))
  const created = await client.createToken(await decide(uri, 'connect'))
  assert.strictEqual(created.json.token_type, 'bearer')
  assert.ok(created.json.x_refresh_token_hard_expires_in > 4 * 365 * 86400)
  assert.strictEqual(client.getToken().realmId, credentials.realm_id)
  assert.strictEqual((await client.makeApiCall({ url: company })).json.CompanyInfo.Country, 'US')
  const refreshed = await client.refresh()
  assert.notStrictEqual(refreshed.json.access_token, created.json.access_token)
  assert.strictEqual(refreshed.json.refresh_token, created.json.refresh_token)
  assert.ok((await client.getUserInfo()).json.email)
  await client.revoke({ refresh_token: refreshed.json.refresh_token })
  await assert.rejects(client.refreshUsingToken(refreshed.json.refresh_token), /invalid_grant/)
  client.setToken(refreshed.json)
  await assert.rejects(client.makeApiCall({ url: company }), (error) => error.code === '401')

  const { qbo } = await connect()
  await promised(qbo, 'getUserInfo')
  const refreshToken = qbo.refreshToken
  await promised(qbo, 'revokeAccess', true)
  assert.strictEqual(qbo.refreshToken, null)
  qbo.refreshToken = refreshToken
  await assert.rejects(promised(qbo, 'refreshAccessToken'), (error) => error.response.data.error === 'invalid_grant')
  return true
})
