// A fediverse server made of Fedify: one person, /users/ana, who takes whatever arrives.
import { createServer } from "node:http";
import { Temporal } from "@js-temporal/polyfill";
import { createFederation, MemoryKvStore } from "@fedify/fedify";
import { parseNodeInfo } from "@fedify/fedify/nodeinfo";
import { exportJwk, signRequest } from "@fedify/fedify/sig";
import * as vocab from "@fedify/vocab";
import { describe } from "./describe.mjs";
import { answerLines } from "./lines.mjs";

const NAME = "ana";
const ACTIVITY_JSON = "application/activity+json";
const arrived = []; // what Fedify's listeners were given, as Fedify read it
const requests = []; // what stood on the wire, before Fedify saw it
const failures = [];

const rsa = { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" };
const keys = await Promise.all([
  crypto.subtle.generateKey(rsa, true, ["sign", "verify"]),
  crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]),
]);

const federation = createFederation({ kv: new MemoryKvStore(), allowPrivateAddress: true });
federation
  .setActorDispatcher("/users/{identifier}", async (context, identifier) => {
    if (identifier !== NAME) return null;
    const pairs = await context.getActorKeyPairs(identifier);
    return new vocab.Person({
      id: context.getActorUri(identifier),
      preferredUsername: identifier,
      name: "Ana",
      inbox: context.getInboxUri(identifier),
      endpoints: new vocab.Endpoints({ sharedInbox: context.getInboxUri() }),
      publicKey: pairs[0].cryptographicKey,
      assertionMethods: pairs.map(({ multikey }) => multikey),
    });
  })
  .setKeyPairsDispatcher((_, identifier) => (identifier === NAME ? keys : []));
federation
  .setInboxListeners("/users/{identifier}/inbox", "/inbox")
  .setSharedKeyDispatcher(() => ({ identifier: NAME }))
  .on(vocab.Activity, async (context, activity) => {
    arrived.push(await describe(activity, context));
  })
  .onError((_, error) => failures.push(`${error}`));

const server = createServer(async (asked, answering) => {
  const chunks = [];
  for await (const chunk of asked) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const { method, rawHeaders } = asked;
  const url = `http://${asked.headers.host}${asked.url}`;
  const record = { method, url, lines: pairs(rawHeaders), body: body.toString("base64") };
  const request = new Request(url, { method, headers: record.lines, body: method === "POST" ? body : undefined });
  let answer;
  try {
    answer = await federation.fetch(request, { contextData: undefined });
  } catch (error) {
    failures.push(`${error}`);
    answer = new Response("", { status: 500 });
  }
  requests.push({ ...record, status: answer.status });
  answering.writeHead(answer.status, [...answer.headers].flat());
  answering.end(Buffer.from(await answer.arrayBuffer()));
});

function pairs(flat) {
  return flat.flatMap((value, index) => (index % 2 ? [] : [[value, flat[index + 1]]]));
}

const taken = (list) => list.splice(0, list.length);
const origin = () => `http://127.0.0.1:${server.address().port}`;
const context = () => federation.createContext(new URL(origin()), undefined);
const keyId = () => new URL(`${origin()}/users/${NAME}#main-key`);

async function start() {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const [, ed25519] = await Promise.all(keys.map(({ privateKey }) => exportJwk(privateKey)));
  const actor = `${origin()}/users/${NAME}`;
  return { origin: origin(), actor, keyId: keyId().href, ed25519: ed25519.d };
}

async function lookup({ what }) {
  const found = await context().lookupObject(what);
  return found && (await describe(found, context()));
}

// Fedify fetches these from public addresses only, so here it only reads them.
async function nodeInfo({ url }) {
  const { links } = await (await fetch(`${url}/.well-known/nodeinfo`)).json();
  const { href } = links.find(({ rel }) => rel === "http://nodeinfo.diaspora.software/ns/schema/2.1");
  return parseNodeInfo(await (await fetch(href)).json());
}

// Send as Fedify sends: signed by RFC 9421, again by draft-cavage when that is refused, and the
// content signed by Ed25519 besides. `activity` is plain JSON-LD, read by Fedify first.
async function send({ activity, to }) {
  const read = await vocab.Activity.fromJsonLd(activity, context());
  const recipient = { id: new URL(to.id), inboxId: new URL(to.inbox) };
  await context().sendActivity({ identifier: NAME }, recipient, read);
}

// Sign a body as Fedify does and hand the request back, so that a test can change it.
async function sign({ body, url, spec, seconds = 0, key }) {
  const raw = Buffer.from(body, "base64");
  const headers = { "Content-Type": ACTIVITY_JSON, Accept: ACTIVITY_JSON };
  const request = new Request(url, { method: "POST", body: raw, headers });
  const currentTime = Temporal.Now.instant().add({ seconds });
  const signed = await signRequest(request, keys[0].privateKey, new URL(key ?? keyId()), { spec, currentTime, body: raw });
  return [...signed.headers];
}

await answerLines({
  start,
  lookup,
  nodeInfo,
  send,
  sign,
  arrived: () => taken(arrived),
  requests: () => taken(requests),
  failures: () => taken(failures),
});
