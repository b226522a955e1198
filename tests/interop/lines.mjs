// One JSON line in, one JSON line out. What a library prints goes to stderr, out of the way.
import { createInterface } from "node:readline";

// A library that forgets a promise must not end the script: the act that failed tells of it.
process.on("unhandledRejection", (error) => console.error(error));
console.log = console.info = console.debug = console.error;

export async function answerLines(acts) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { act, ...params } = JSON.parse(line);
    let answer;
    try {
      if (!Object.hasOwn(acts, act)) throw new Error(`there is no ${act} here`);
      answer = { result: (await acts[act](params)) ?? null };
    } catch (error) {
      answer = { error: `${error?.name}: ${error?.message}` };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  process.exit(0);
}
