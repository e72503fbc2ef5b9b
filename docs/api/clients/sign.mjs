// Send a signed request: `node sign.mjs GET https://shop.example/api/v1/diamonds`, with a JSON body as third argument.
// Needs nothing but Node 18, and DIAMONDHUB_KEY_ID (dh_…) and DIAMONDHUB_SIGNING_SECRET (dhs_…) in the environment.

import { createHash, createHmac, randomBytes } from "node:crypto";
import { pathToFileURL } from "node:url";

/** The headers of a request; make them anew for every attempt. `body` is a string, empty if there is none. */
export function signedHeaders(method, url, body, keyId, secret) {
  const { protocol, host, pathname, search } = new URL(url);
  const headers = {};
  const covered = [["@method", method], ["@authority", host], ["@target-uri", `${protocol}//${host}${pathname}${search}`]];
  if (body) {
    headers["content-type"] = "application/json";
    headers["content-digest"] = `sha-256=:${createHash("sha256").update(body).digest("base64")}:`;
    covered.push(...Object.entries(headers));
  }
  const names = covered.map(([name]) => `"${name}"`).join(" ");
  const nonce = randomBytes(16).toString("base64url");
  const created = Math.floor(Date.now() / 1000);
  const inputs = `(${names});created=${created};nonce="${nonce}";keyid="${keyId}";alg="hmac-sha256"`;
  const base = [...covered, ["@signature-params", inputs]].map(([name, value]) => `"${name}": ${value}`).join("\n");
  const mac = createHmac("sha256", secret).update(base).digest("base64");
  return { ...headers, "signature-input": `sig=${inputs}`, signature: `sig=:${mac}:` };
}

/** The answer to a signed request. */
export function send(method, url, body, keyId, secret) {
  return fetch(url, { method, headers: signedHeaders(method, url, body, keyId, secret), body: body || undefined });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [method, url, body = ""] = process.argv.slice(2);
  const answer = await send(method, url, body, process.env.DIAMONDHUB_KEY_ID, process.env.DIAMONDHUB_SIGNING_SECRET);
  console.log(answer.status);
  console.log(await answer.text());
}
