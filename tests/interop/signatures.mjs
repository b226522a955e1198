// The npm package http-message-signatures, asked one question a line.
import { answerLines } from "./lines.mjs";
import { sign, verify } from "./rfc9421.mjs";

await answerLines({ sign, verify });
