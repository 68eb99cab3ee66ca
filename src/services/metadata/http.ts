/**
 * As much of HTTP/1.1 (RFC 9112) as reading small documents takes, sans-IO: octets of one connection in, octets of answers
 * out. Requests have no body; one that announces one is answered and the connection ended, as is whatever is malformed.
 */
import type { Document } from "#services/metadata/documents";

/** Octets of a request's head: more than any client sends. */
const LONGEST_HEAD = 4096;
/** Requests answered at once that came together. */
const MOST_PIPELINED = 16;

/** What became of a request. */
export type Answer =
  | { readonly status: 200; readonly document: Document }
  | { readonly status: 400 | 403 | 404 | 405 | 429 | 431 | 505 };

const REASONS: Readonly<Record<Answer["status"], string>> = {
  200: "OK",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  505: "HTTP Version Not Supported",
};

/** What the far end is to be sent, and whether that is all. */
export interface Outcome {
  readonly octets: Uint8Array;
  readonly close: boolean;
}

interface Head {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly answer?: Answer["status"];
  readonly close: boolean;
}

export class HttpConnection {
  readonly #answer: (path: string) => Answer;
  /** Octets of heads that are not whole yet, as Latin-1. */
  #waiting = "";

  /** `answer` is asked for each well-formed GET or HEAD. */
  constructor(answer: (path: string) => Answer) {
    this.#answer = answer;
  }

  receive(octets: Uint8Array): Outcome {
    this.#waiting += Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString("latin1");
    const answers: Uint8Array[] = [];
    let close = false;
    while (!close) {
      const end = /\r?\n\r?\n/.exec(this.#waiting);
      const length = end?.index ?? this.#waiting.length;
      if (length > LONGEST_HEAD || answers.length === MOST_PIPELINED) {
        answers.push(written({ status: 431 }, false, true));
        close = true;
      }
      if (end === null || close) break;
      const head = parse(this.#waiting.slice(0, length));
      this.#waiting = this.#waiting.slice(length + end[0].length);
      close = head.close;
      answers.push(written(this.#answerTo(head), head.method === "HEAD", close));
    }
    return { octets: Buffer.concat(answers), close };
  }

  #answerTo({ answer, path }: Head): Answer {
    return answer === undefined ? this.#answer(path) : ({ status: answer } as Answer);
  }
}

/** `text`: request line and fields, without the empty line. */
function parse(text: string): Head {
  const [line = "", ...lines] = text.split(/\r?\n/);
  const parts = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\/\S*) HTTP\/(\d)\.(\d)$/.exec(line);
  const malformed = { method: "", path: "", answer: 400, close: true } as const;
  if (parts === null) return malformed;
  const [, method = "", target = "", major, minor] = parts;
  const fields = new Map<string, string>();
  for (const each of lines) {
    const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(each);
    if (field === null) return malformed;
    fields.set(field[1]!.toLowerCase(), field[2]!);
  }
  const path = target.replace(/[?#].*$/, "");
  if (major !== "1") return { method, path, answer: 505, close: true };
  const connection = fields.get("connection")?.toLowerCase() ?? (minor === "0" ? "close" : "keep-alive");
  const hasBody = (fields.get("content-length") ?? "0") !== "0" || fields.has("transfer-encoding");
  const head = { method, path, close: hasBody || connection !== "keep-alive" };
  // A proxy inside the VM that is tricked into asking for others says so: it is not to give the VM's data away.
  if (fields.has("x-forwarded-for") || fields.has("forwarded")) return { ...head, answer: 403 };
  return method === "GET" || method === "HEAD" ? head : { ...head, answer: 405 };
}

function written(answer: Answer, headOnly: boolean, close: boolean): Uint8Array {
  const { status } = answer;
  const { type, body } =
    answer.status === 200
      ? answer.document
      : { type: "text/plain; charset=utf-8", body: Buffer.from(`${status} ${REASONS[status]}\n`) };
  const lines = [
    `HTTP/1.1 ${status} ${REASONS[status]}`,
    `Content-Type: ${type}`,
    `Content-Length: ${body.length}`,
    "Cache-Control: no-store",
    ...(status === 405 ? ["Allow: GET, HEAD"] : []),
    ...(close ? ["Connection: close"] : []),
  ];
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
  return headOnly ? head : Buffer.concat([head, body]);
}
