// A peer of ours that is none of ours: Fedify serves its actor and reads what arrives, and the npm
// package http-message-signatures signs and verifies by the profile between peers.
import { createServer } from "node:http";
import { createFederation, MemoryKvStore } from "@fedify/fedify";
import * as vocab from "@fedify/vocab";
import { describe } from "./describe.mjs";
import { answerLines } from "./lines.mjs";
import { sign, verify } from "./rfc9421.mjs";

const NAME = "actor";
const COVERED = ["@method", "@target-uri", "content-type", "content-digest"];
const NEEDED = { tag: "ma-fed", fields: COVERED, params: ["created", "keyid", "alg", "expires", "nonce", "tag"], maxAge: 300 };
const arrived = []; // as Fedify read it, with the plain document beside it
const refused = [];

const ed25519 = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
const pem = (label, raw) => `-----BEGIN ${label} KEY-----\n${Buffer.from(raw).toString("base64")}\n-----END ${label} KEY-----\n`;
const secret = pem("PRIVATE", await crypto.subtle.exportKey("pkcs8", ed25519.privateKey));

// The signature is judged before Fedify is asked: it knows no Ed25519 for requests.
const federation = createFederation({ kv: new MemoryKvStore(), allowPrivateAddress: true, skipSignatureVerification: true });
federation
  .setActorDispatcher("/{identifier}", async (context, identifier) => {
    if (identifier !== NAME) return null;
    const [{ multikey }] = await context.getActorKeyPairs(identifier);
    return new vocab.Application({
      id: context.getActorUri(identifier),
      preferredUsername: "needs",
      name: "Elsewhere",
      inbox: context.getInboxUri(),
      assertionMethods: [multikey],
    });
  })
  .setKeyPairsDispatcher((_, identifier) => (identifier === NAME ? [ed25519] : []));
federation.setInboxListeners("/{identifier}/inbox", "/inbox").on(vocab.Activity, async (context, activity) => {
  arrived.push({ read: await describe(activity, context), said: await activity.toJsonLd() });
});

const server = createServer(async (asked, answering) => {
  const chunks = [];
  for await (const chunk of asked) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const url = `http://${asked.headers.host}${asked.url}`;
  const lines = asked.rawHeaders.flatMap((name, index, all) => (index % 2 ? [] : [[name, all[index + 1]]]));
  let answer;
  try {
    if (asked.method === "POST" && !(await holds({ method: asked.method, url, lines }, body))) {
      refused.push(body.toString());
      answer = new Response("", { status: 401 });
    } else {
      const request = new Request(url, { method: asked.method, headers: lines, body: asked.method === "POST" ? body : undefined });
      answer = await federation.fetch(request, { contextData: undefined });
    }
  } catch (error) {
    console.error(error);
    answer = new Response("", { status: 500 });
  }
  answering.writeHead(answer.status, [...answer.headers].flat());
  answering.end(Buffer.from(await answer.arrayBuffer()));
});

// Whether the holder of the key that the sender's own actor lists has signed this, for us.
async function holds(message, body) {
  const { actor } = JSON.parse(body);
  const found = await context().lookupObject(actor);
  for await (const method of found.getAssertionMethods()) {
    const raw = await crypto.subtle.exportKey("spki", method.publicKey);
    const key = { pem: pem("PUBLIC", raw), alg: "ed25519", id: method.id.href };
    if (await verify({ message, key, needed: NEEDED, body: body.toString("base64") })) return true;
  }
  return false;
}

const taken = (list) => list.splice(0, list.length);
const origin = () => `http://127.0.0.1:${server.address().port}`;
const context = () => federation.createContext(new URL(origin()), undefined);

async function start() {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { origin: origin(), actor: `${origin()}/${NAME}` };
}

// Say something to a peer as the profile wants it: signed by Ed25519, tagged, with a nonce.
async function say({ content, inbox }) {
  const [{ multikey }] = await context().getActorKeyPairs(NAME);
  const body = JSON.stringify(content);
  const lines = [["content-type", "application/activity+json"]];
  const created = Math.floor(Date.now() / 1000);
  const headers = await sign({
    message: { method: "POST", url: inbox, lines },
    key: { pem: secret, alg: "ed25519", id: multikey.id.href },
    fields: COVERED,
    params: { created, expires: created + 300, nonce: crypto.randomUUID(), tag: "ma-fed" },
    body: Buffer.from(body).toString("base64"),
  });
  const answer = await fetch(inbox, { method: "POST", headers, body });
  return { status: answer.status, text: await answer.text() };
}

await answerLines({ start, say, arrived: () => taken(arrived), refused: () => taken(refused) });
