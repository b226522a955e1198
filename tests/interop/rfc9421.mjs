// RFC 9421 by the npm package http-message-signatures; RFC 9530 by Node.js' own hashes.
import { createHash, createPrivateKey, createPublicKey } from "node:crypto";
import { mock } from "node:test";
import { createSigner, createVerifier, httpbis } from "http-message-signatures";

const keyOf = ({ pem, base64, alg }) =>
  base64 ? Buffer.from(base64, "base64") : pem.includes("PRIVATE") ? createPrivateKey(pem) : createPublicKey(pem);

function messageOf({ method, url, status, lines }) {
  const headers = {};
  for (const [name, value] of lines) {
    const lowered = name.toLowerCase();
    headers[lowered] = lowered in headers ? [headers[lowered], value].flat() : value;
  }
  return status ? { status, headers } : { method, url, headers };
}

function digestOf(body) {
  return `sha-256=:${createHash("sha256").update(Buffer.from(body, "base64")).digest("base64")}:`;
}

function at(now) {
  mock.timers.reset();
  if (now) mock.timers.enable({ apis: ["Date"], now: now * 1000 });
}

// `needed`: what a careful receiver asks for; without it only the signature itself is judged.
export async function verify({ message, request, key, needed = {}, body, now }) {
  at(now);
  const read = messageOf(message);
  if (body !== undefined && read.headers["content-digest"] !== digestOf(body)) return false;
  const verifier = createVerifier(keyOf(key), key.alg);
  try {
    const held = await httpbis.verifyMessage(
      {
        keyLookup: async ({ keyid, tag }) =>
          keyid === key.id && (!needed.tag || tag === needed.tag)
            ? { id: key.id, algs: [key.alg], verify: verifier }
            : null,
        requiredFields: needed.fields ?? [],
        requiredParams: needed.params ?? [],
        maxAge: needed.maxAge,
        tolerance: 0,
      },
      read,
      request && messageOf(request),
    );
    return held === true;
  } catch (error) {
    console.error(`${error.name}: ${error.message}`);
    return false;
  }
}

export async function sign({ message, request, key, fields, params, body }) {
  at(null);
  const drawn = messageOf(message);
  if (body !== undefined) drawn.headers["content-digest"] = digestOf(body);
  const times = { created: new Date(params.created * 1000), expires: new Date(params.expires * 1000) };
  const signed = await httpbis.signMessage(
    {
      key: createSigner(keyOf(key), key.alg, key.id),
      name: "sig1",
      fields,
      params: ["created", "keyid", "alg", "expires", "nonce", "tag"],
      paramValues: { ...params, ...times },
    },
    drawn,
    request && messageOf(request),
  );
  return signed.headers;
}
