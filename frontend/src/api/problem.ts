// One shape for everything that goes wrong with a call (RFC 9457), the lost network included.
export interface FieldFault {
  pointer: string;
  code: string;
  message: string;
}

export interface ProblemDocument {
  type?: string;
  title?: string;
  status?: number;
  detail?: string | null;
  instance?: string | null;
  code?: string;
  errors?: FieldFault[] | null;
}

export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly requestId: string;
  readonly faults: FieldFault[];
  readonly at = performance.now();

  constructor(status: number, document: ProblemDocument) {
    super(document.title ?? document.code ?? `HTTP ${status}`);
    this.name = 'Problem';
    this.status = status;
    this.code = document.code ?? (status ? `http_${status}` : 'offline');
    this.detail = document.detail || document.title || '';
    this.requestId = requestIdOf(document.instance ?? '');
    this.faults = document.errors ?? [];
  }

  /** The server was never reached: nothing was saved, as far as we can know. */
  get offline(): boolean {
    return this.status === 0;
  }

  /** The message for one field of the form that was sent (`clocks/start_days` for a part of one), if any. */
  fault(field: string): string | undefined {
    const at = (one: FieldFault) => (field.includes('/') ? one.pointer.endsWith(`/${field}`) : fieldOf(one.pointer) === field);
    return this.faults.find(at)?.message;
  }

  /** Faults that no field of the form will show beside itself. */
  otherFaults(shown: readonly string[]): FieldFault[] {
    return this.faults.filter((one) => !shown.includes(fieldOf(one.pointer)));
  }
}

/** `#/body/skills/0/slug`, `/skills/0` and `skills` all belong to the field `skills`. */
export function fieldOf(pointer: string): string {
  const steps = pointer.replace(/^#?\/?/, '').split('/');
  return (steps[0] === 'body' && steps.length > 1 ? steps[1] : steps[0]) ?? '';
}

function requestIdOf(instance: string): string {
  return instance.replace(/^urn:(uuid|request):/, '');
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(0, { code: 'unexpected', detail: error instanceof Error ? error.message : String(error) });
}
