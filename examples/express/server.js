// An ordinary Express app. Nothing in it knows of Evener: `node examples/express/server.js` runs it as one process,
// `evener examples/express/server.js` on every core.
import { appendFile, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import express from 'express';

// Workers are processes of their own and share no memory: what all of them have to see belongs in a database or, in an
// app as small as this one, in a file.
const notesFile = process.env.NOTES_FILE ?? join(tmpdir(), 'evener-example-notes.jsonl');

const app = express();
app.use(express.json());
app.use(express.static(fileURLToPath(new URL('public', import.meta.url)), { index: false }));

app.get('/', (_req, res) => {
  res.json({
    routes: ['GET /whoami', 'GET /slow?ms=500', 'GET /notes', 'POST /notes', 'GET /spread.html'],
  });
});

// EVENER_WORKER_ID counts from 0 and stays with the worker's place: who replaces a worker that died has its number.
app.get('/whoami', (_req, res) => {
  res.json({ worker: process.env.EVENER_WORKER_ID ?? null, pid: process.pid });
});

// While one worker is busy with this, other requests go to the others.
app.get('/slow', async (req, res) => {
  const ms = Math.min(Number(req.query.ms) || 500, 10_000);
  await sleep(ms);
  res.json({ worker: process.env.EVENER_WORKER_ID ?? null, ms });
});

app.get('/notes', async (_req, res) => {
  res.json(await readNotes());
});

app.post('/notes', async (req, res) => {
  const text = req.body?.text;
  if (typeof text !== 'string' || text === '') {
    res.status(400).json({ error: 'send {"text": "..."}' });
    return;
  }
  const note = { text, worker: process.env.EVENER_WORKER_ID ?? null };
  await appendFile(notesFile, `${JSON.stringify(note)}\n`);
  res.status(201).json(note);
});

async function readNotes() {
  try {
    const lines = await readFile(notesFile, 'utf8');
    return lines.trimEnd().split('\n').map(JSON.parse);
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

// Every worker listens on the same port, as far as it knows. Evener opens it once, for all of them.
app.listen(process.env.PORT ?? 3000);
