/**
 * Puts what the dashboard has beside its scripts into the build: its page, its style, and uPlot, which draws its charts.
 * Part of both builds; takes the folder that the scripts were compiled into.
 */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const target = process.argv[2];
const source = fileURLToPath(new URL('../src/dashboard/page/', import.meta.url));
const uplot = fileURLToPath(new URL('../node_modules/uplot/', import.meta.url));

mkdirSync(target, { recursive: true });
for (const name of ['index.html', 'style.css', 'icon.svg']) copyFileSync(join(source, name), join(target, name));
copyFileSync(join(uplot, 'dist/uPlot.iife.min.js'), join(target, 'uplot.js'));
copyFileSync(join(uplot, 'dist/uPlot.min.css'), join(target, 'uplot.css'));
copyFileSync(join(uplot, 'LICENSE'), join(target, 'uplot.LICENSE'));
