/**
 * One idempotency key for one intent. The same content asked again, by a double click or after a
 * lost answer, carries the same key and has one effect; changed content is another intent.
 */
export class Intent {
  #key = '';
  #content = '';

  keyFor(content: unknown): string {
    const text = JSON.stringify(content) ?? '';
    if (!this.#key || text !== this.#content) {
      this.#key = crypto.randomUUID();
      this.#content = text;
    }
    return this.#key;
  }

  /** The effect is known to have happened: the next act is a new intent. */
  settle(): void {
    this.#key = '';
  }
}
