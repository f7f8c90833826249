/** The smallest Express 5 app: one route, one JSON answer, every setting at its default. */
import express from 'express';

const app = express();
app.get('/', (_request, response) => {
  response.json({ hello: 'world' });
});
const server = app.listen(Number(process.env.PORT));
server.keepAliveTimeout = 120_000;
