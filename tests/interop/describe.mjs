// What Fedify understood of a document, property by property: JSON-LD that it merely passed on
// would show nothing here.
import * as vocab from "@fedify/vocab";

const PLAIN = [
  "action", "name", "content", "purpose", "unitBased", "preferredUsername", "published", "updated",
  "deleted", "mediaType", "totalItems", "startTime", "endTime", "publicKeyMultibase", "href", "rel",
];
const ADDRESSES = [
  "id", "actorId", "attributionId", "attributionIds", "objectId", "resultId", "contextIds", "toIds",
  "ccIds", "inboxId", "outboxId", "followersId", "subjectId", "relationshipId", "resourceConformsTo",
  "satisfies", "ownerId", "controllerId", "url", "replyTargetId", "formerTypeId",
];
const PARTS = [
  "getObject", "getResult", "getPublicKey", "getAssertionMethods", "getGenerators", "getTags",
  "getLocation", "publishes", "reciprocal", "stipulates", "resourceQuantity", "availableQuantity",
  "endpoints",
];

const address = (value) => (value instanceof URL ? value.href : value?.href?.href ?? String(value));
const plain = (value) => (["boolean", "number"].includes(typeof value) ? value : String(value));

export async function describe(read, context, depth = 4) {
  const seen = { type: read.constructor.name };
  for (const name of PLAIN) {
    if (name in read && read[name] != null) seen[name] = plain(read[name]);
  }
  for (const name of ADDRESSES) {
    const value = name in read ? read[name] : null;
    if (Array.isArray(value) ? value.length : value != null) {
      seen[name] = Array.isArray(value) ? value.map(address) : address(value);
    }
  }
  if (read instanceof vocab.Measure) {
    Object.assign(seen, { unit: read.unit, numericalValue: plain(read.numericalValue) });
  }
  if (read instanceof vocab.Endpoints) seen.sharedInbox = address(read.sharedInbox);
  if (read instanceof vocab.CryptographicKey) seen.algorithm = read.publicKey?.algorithm?.name;
  if (read instanceof vocab.Multikey) seen.algorithm = read.publicKey?.algorithm?.name;
  for (const name of depth > 0 ? PARTS : []) {
    const part = await partOf(read, name, context);
    if (part === undefined) continue;
    seen[name.replace(/^get(.)/, (_, first) => first.toLowerCase())] = Array.isArray(part)
      ? await Promise.all(part.map((one) => describe(one, context, depth - 1)))
      : await describe(part, context, depth - 1);
  }
  return seen;
}

// Only what came with the document: nothing is fetched to describe it.
async function partOf(read, name, context) {
  if (!(name in read)) return undefined;
  if (!name.startsWith("get")) return read[name] ?? undefined;
  const nothing = async (url) => {
    throw new Error(`${url} is not fetched here`);
  };
  const options = { documentLoader: nothing, contextLoader: context.contextLoader, suppressError: true };
  const found = await (name.endsWith("s") ? collect(read[name](options)) : read[name](options));
  return found == null || found.length === 0 ? undefined : found;
}

async function collect(values) {
  const all = [];
  for await (const value of values) all.push(value);
  return all;
}
