/** What stands in place of a secret. */
const MARK = '[redacted]';
/** Names of environment variables whose values are nobody's business. */
const SECRET_NAME =
  /KEY|TOKEN|SECRET|PASSW|PASSPHRASE|PASSCODE|CREDENTIAL|DSN|PRIVATE|COOKIE|SALT|SIGNATURE|WEBHOOK|_PASS$|_PWD$|_PW$/i;
/** Shorter values are too common a text to be recognised, and no secrets either. */
const SHORTEST = 4;
/** Of these names it is where a secret lies, not the secret. */
const PLACE_NAME = /(FILE|PATH|DIR)$/i;
/** A user's name alone (`https://name@host`) is none; a token in its place is longer. */
const TOKEN_LENGTH = 12;
/** Values shorter than this count only as whole words: `beta` is not to be taken out of `alphabetagamma`. */
const SURE_LENGTH = 8;
/** Of a value of several lines, such as a key in PEM: lines of this length give it away each by itself. */
const LINE_LENGTH = 16;
/** Words that stand in variables of such names without being secrets. */
const COMMON = new Set(['true', 'false', 'null', 'none', 'undefined', 'default', 'production', 'development', 'test']);
/** What is searched for in one piece of text. A text that is longer is cut. */
const MAX_TEXT = 64 * 1024;
const MAX_DEPTH = 8;
const NONE: ReadonlySet<string> = new Set();

/** Credentials in a URL: `postgres://user:password@host`. */
const USERINFO = /([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/?#"'<>]*@/gi;
/** A query string: of `GET /path?token=1` and `https://host/?a=b`; not of `file:///app.mjs?v=2:10:5`, whose place stays. */
const QUERY = /(?<=[\w/.~%-])\?[^\s"'`<>()?=]*=[^\s"'`<>()]*?(?=(?::\d+){1,2}(?![\w.])|[\s"'`<>()]|$)/g;
/** Values of header fields that carry credentials. */
const FIELD =
  /\b((?:proxy-)?authorization|(?:set-)?cookie|x-api-key|x-auth-token)(["']?\s*[:=]\s*)("[^"\n]*"|'[^'\n]*'|[^\n]*)/gi;
const SCHEME = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/g;

/**
 * Takes secrets out of text that an app wrote: the values of environment variables whose names say so, credentials and
 * query strings of URLs, header fields that carry credentials. An app that invents a secret and prints it is beyond it.
 */
export class Redactor {
  readonly #known: RegExp | null;

  /**
   * @param environments of ourselves and of apps
   * @param others secrets from elsewhere: keys and addresses of notifiers
   */
  constructor(environments: readonly Readonly<Record<string, string | undefined>>[], others: readonly string[] = []) {
    const values = new Set<string>();
    for (const environment of environments) {
      for (const [name, value] of Object.entries(environment)) {
        for (const secret of secretsIn(name, value ?? '')) values.add(secret);
      }
    }
    for (const value of others) for (const secret of formsOf(value)) values.add(secret);
    // The longest first: one secret may be the beginning of another.
    const patterns = [...values].sort((a, b) => b.length - a.length).map(patternOf);
    this.#known = patterns.length === 0 ? null : new RegExp(patterns.join('|'), 'g');
  }

  text(text: string): string {
    const short = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
    const known = this.#known === null ? short : short.replace(this.#known, MARK);
    return known
      .replace(USERINFO, `$1${MARK}@`)
      .replace(FIELD, (_, name: string, between: string, value: string) => {
        const quote = /^["']/.exec(value)?.[0] ?? '';
        return `${name}${between}${quote}${MARK}${quote}`;
      })
      .replace(SCHEME, `$1 ${MARK}`)
      .replace(QUERY, `?${MARK}`);
  }

  /**
   * The same for all texts within plain data. What has nothing to hide is handed back as it is.
   * @param except keys whose values are names of ours
   */
  data<T>(value: T, except: ReadonlySet<string> = NONE): T {
    return this.#data(value, except, 0) as T;
  }

  #data(value: unknown, except: ReadonlySet<string>, depth: number): unknown {
    if (typeof value === 'string') return this.text(value);
    if (typeof value !== 'object' || value === null) return value;
    if (depth === MAX_DEPTH) return MARK;
    if (Array.isArray(value)) {
      const items = value.map((item) => this.#data(item, except, depth + 1));
      return items.every((item, index) => item === value[index]) ? value : items;
    }
    const entries = Object.entries(value).map(([key, item]) => {
      return [key, except.has(key) ? item : this.#data(item, except, depth + 1)] as const;
    });
    const isSame = entries.every(([key, item]) => item === (value as Record<string, unknown>)[key]);
    return isSame ? value : Object.fromEntries(entries);
  }
}

function secretsIn(name: string, value: string): string[] {
  const secrets = SECRET_NAME.test(name) && !PLACE_NAME.test(name) ? formsOf(value) : [];
  // Of postgres://user:password@host the password is one, whatever the variable is called.
  const [, userinfo = ''] = /^[a-z][a-z0-9+.-]*:\/\/([^/?#\s]*)@/i.exec(value) ?? [];
  const colon = userinfo.indexOf(':');
  const password = colon !== -1 || userinfo.length >= TOKEN_LENGTH ? userinfo.slice(colon + 1) : '';
  secrets.push(...formsOf(password), ...formsOf(decoded(password)));
  return secrets;
}

/** As it may stand in text: itself, line by line, in a URL, in JSON. */
function formsOf(value: string): string[] {
  const lines = value.split(/\r?\n/).filter((line) => line.length >= LINE_LENGTH && !line.startsWith('-----'));
  const forms = [value.trim(), ...lines, encodeURIComponent(value.trim()), JSON.stringify(value.trim()).slice(1, -1)];
  return forms.filter((form) => form.length >= SHORTEST && !COMMON.has(form.toLowerCase()) && !/^\d{1,5}$/.test(form));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function patternOf(value: string): string {
  const escaped = value.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  return value.length >= SURE_LENGTH ? escaped : `(?<![A-Za-z0-9_])${escaped}(?![A-Za-z0-9_])`;
}
