import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** Debian's, or the one that is named. */
const CANDIDATES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // A container's /dev/shm may be small.
  '--disable-dev-shm-usage',
];

export const CHROMIUM: string | undefined = CANDIDATES.find((path) => path !== undefined && existsSync(path));

/** For `test`'s options: the tests of the page need a browser. */
export const NEEDS_CHROMIUM: { readonly skip: string | false } = {
  skip: CHROMIUM === undefined && 'no chromium: install it (Debian: apt-get install chromium), or name it in CHROMIUM',
};

/** One browser with an empty profile of its own, for all tests of a file. */
export class TestBrowser {
  #browser: Browser | null = null;

  /** A page in a profile that nobody else sees. What goes wrong in it is kept in `problems`. */
  async open(url: string, options: BrowserContextOptions = {}): Promise<OpenPage> {
    this.#browser ??= await chromium.launch({ executablePath: CHROMIUM!, args: FLAGS });
    const context = await this.#browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    const page = await context.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
    });
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== new URL(url).origin) problems.push(`asked another host: ${request.url()}`);
    });
    await page.goto(url);
    return { page, problems, close: () => context.close() };
  }

  async close(): Promise<void> {
    await this.#browser?.close();
  }
}

export interface OpenPage {
  readonly page: Page;
  /** Errors and warnings of the console, policy violations among them, and requests to other hosts. */
  readonly problems: readonly string[];
  close(): Promise<void>;
}
