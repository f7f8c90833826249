import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { RawFrame, ScriptFacts } from './inspector-client.ts';

/** A map larger than this is not read: it would hold the supervisor up for longer than the explanation is worth. */
const MAX_MAP_BYTES = 64 * 1024 * 1024;

/** A place in somebody's code; line and column from 1. */
export interface StackFrame {
  /** Empty for a function without a name. */
  readonly functionName: string;
  /** Path of a file, or a URL such as `node:internal/timers`. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Follows source maps, inline or beside the script, back to what the user wrote. Where there is none, or it is bad, the script's own place. */
export class SourceMaps {
  readonly #maps = new Map<string, Promise<LoadedMap | null>>();

  async frame(raw: RawFrame, script: ScriptFacts | null): Promise<StackFrame> {
    const url = script?.url ?? '';
    const own = {
      functionName: raw.functionName,
      file: pathOf(url),
      line: raw.line + 1,
      column: raw.column + 1,
    };
    if (script === null || script.sourceMapUrl === '' || url.startsWith('node:')) return own;
    const map = await this.#map(url, script.sourceMapUrl);
    const original = map?.originalPositionFor(raw.line + 1, raw.column) ?? null;
    return original === null ? own : { ...own, ...original };
  }

  #map(scriptUrl: string, mapUrl: string): Promise<LoadedMap | null> {
    // The URL of an inline map is the map: the script's own name is the shorter key.
    let map = this.#maps.get(scriptUrl);
    if (map === undefined) {
      map = load(scriptUrl, mapUrl).catch(() => null);
      this.#maps.set(scriptUrl, map);
    }
    return map;
  }
}

interface LoadedMap {
  originalPositionFor(line: number, column: number): { file: string; line: number; column: number } | null;
}

async function load(scriptUrl: string, mapUrl: string): Promise<LoadedMap | null> {
  const base = baseOf(scriptUrl);
  const inline = /^data:[^,]*?(;base64)?,/.exec(mapUrl);
  const location = inline === null ? new URL(mapUrl, base) : null;
  if (location !== null && location.protocol !== 'file:') return null;
  const text =
    inline !== null
      ? decode(mapUrl.slice(inline[0].length), inline[1] !== undefined)
      : await readFile(location!, 'utf8');
  if (text.length > MAX_MAP_BYTES) return null;
  const { FlattenMap, originalPositionFor } = await import('@jridgewell/trace-mapping');
  const map = new FlattenMap(text, location?.href ?? base);
  return {
    originalPositionFor(line, column) {
      const { source, line: sourceLine, column: sourceColumn } = originalPositionFor(map, { line, column });
      if (source === null) return null;
      return { file: pathOf(source), line: sourceLine, column: sourceColumn + 1 };
    },
  };
}

/** CommonJS scripts are named by path, modules by URL. */
function baseOf(scriptUrl: string): string {
  return scriptUrl.startsWith('/') ? `file://${encodeURI(scriptUrl)}` : scriptUrl;
}

function decode(data: string, isBase64: boolean): string {
  return isBase64 ? Buffer.from(data, 'base64').toString('utf8') : decodeURIComponent(data);
}

function pathOf(url: string): string {
  if (!url.startsWith('file:')) return url;
  try {
    return fileURLToPath(url);
  } catch {
    return url;
  }
}
