// Credentials by Digital Bazaar's @digitalbazaar/vc with the suite eddsa-jcs-2022, and proofs of
// Data Integrity by Fedify. Neither asks the network: `documents` are all there is.
import { verifyProof } from "@fedify/fedify/sig";
import { DataIntegrityProof as FedifyProof } from "@fedify/fedify/vocab";
import { preloadedContexts } from "@fedify/vocab-runtime";
import { answerLines } from "./lines.mjs";

globalThis.self = globalThis; // one of the suite's files looks for it
const vc = await import("@digitalbazaar/vc");
const { default: jsigs } = await import("jsonld-signatures");
const { DataIntegrityProof } = await import("@digitalbazaar/data-integrity");
const { createVerifyCryptosuite } = await import("@digitalbazaar/eddsa-jcs-2022-cryptosuite");

const MULTIKEY_CONTEXT = "https://w3id.org/security/multikey/v1";
const DATA_INTEGRITY_CONTEXT = "https://w3id.org/security/data-integrity/v2";
const suite = () => new DataIntegrityProof({ cryptosuite: createVerifyCryptosuite() });

function loaderOf(documents) {
  return async (url) => {
    if (Object.hasOwn(documents, url)) {
      return { contextUrl: null, documentUrl: url, document: documents[url] };
    }
    const [base, fragment] = url.split("#");
    const method = fragment && documents[base]?.assertionMethod?.find(({ id }) => id === url);
    if (method) {
      const document = { "@context": MULTIKEY_CONTEXT, ...method };
      return { contextUrl: null, documentUrl: url, document };
    }
    if (Object.hasOwn(preloadedContexts, url)) {
      return { contextUrl: null, documentUrl: url, document: preloadedContexts[url] };
    }
    return vc.defaultDocumentLoader(url); // knows the contexts of credentials, and no network
  };
}

const why = ({ verified, error }) => ({
  verified,
  why: [error?.message, ...(error?.errors ?? []).map(({ message }) => message)].filter(Boolean),
});

// A whole credential: form, times, issuer, and that the issuer's own document lists the key.
async function verifyCredential({ credential, documents, now }) {
  const documentLoader = loaderOf(documents);
  return why(await vc.verifyCredential({ credential, suite: suite(), documentLoader, now: now ?? new Date() }));
}

// Only the proof: for documents that are no credentials, and issuers that are no addresses.
async function verifyDocument({ document, documents }) {
  const purpose = new jsigs.purposes.AssertionProofPurpose();
  const documentLoader = loaderOf(documents);
  return why(await jsigs.verify(document, { suite: suite(), purpose, documentLoader }));
}

async function verifyByFedify({ document, documents }) {
  const documentLoader = loaderOf(documents);
  const options = { documentLoader, contextLoader: documentLoader };
  const proof = { ...document.proof, "@context": DATA_INTEGRITY_CONTEXT };
  const key = await verifyProof(document, await FedifyProof.fromJsonLd(proof, options), options);
  return { verified: key !== null, why: [] };
}

await answerLines({ verifyCredential, verifyDocument, verifyByFedify });
